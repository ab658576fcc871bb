"""Keys as they were given."""

import pytest

from rl.fog.drafts import from_keys, from_sections
from rl.fog.keys import FogConfigError
from rl.fog.settings import FogSettings, read_properties

pytestmark = pytest.mark.unit


def test_a_draft_knows_which_key_gave_a_value() -> None:
    draft = from_keys({"Q_MAX": "3", "cores": [2]})
    assert draft.values == {"queue_limits": (3,), "cores": (2,)}
    assert draft.keys == {"queue_limits": "Q_MAX", "cores": "cores"}
    assert str(draft.wrong("queue_limits", "is odd")) == "Q_MAX: is odd"
    assert str(draft.wrong("agents", "are odd")) == "agents: are odd"
    assert draft.take("cores", (1,)) == (2,)
    assert draft.take("cores", (1,)) == (1,)


def test_keys_that_count_for_nothing_are_still_checked() -> None:
    assert from_keys({"protocol.mng.cycle": "5"}).values == {}
    with pytest.raises(FogConfigError, match=r"protocol\.mng\.cycle: must be a number"):
        from_keys({"protocol.mng.cycle": "x"})


def test_sections_name_their_keys() -> None:
    draft = from_sections({"nodes": {"cores": 2}, "links": None})
    assert (draft.values, draft.keys) == ({"cores": (2,)}, {"cores": "nodes.cores"})


PROPERTIES = """\
# a comment
! another
SIZE 3
NO_LAYERS=1
protocol.clt.numberOfTasks: 2
protocol.clt.weight 4,6
protocol.clt.edges
SIZE 4

STEP 1
network.size SIZE+CLOUD_EXISTS
protocol.mng PeersimSimulator.peersim.env.SimulationManagers.DiscreteTimeStepManager
protocol.mng.linkable lnk
protocol.urt.mindelay (STEP*MINDELAY)/100
protocol.trs.scale.scale SCALE
init.Net1.coord_protocol props
init.sch.randstart
include.init sch Net0
"""


def test_properties_are_read_as_javas() -> None:
    found = read_properties(PROPERTIES)
    assert found == {
        "SIZE": "4",
        "NO_LAYERS": "1",
        "protocol.clt.numberOfTasks": "2",
        "protocol.clt.weight": "4,6",
        "protocol.clt.edges": "",
    }
    assert FogSettings.from_keys(found).nodes == 4


def test_properties_without_a_value_are_refused() -> None:
    with pytest.raises(FogConfigError, match="SIZE: line 2 has no value"):
        read_properties("\nSIZE\n")
