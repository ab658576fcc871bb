"""A fog's settings: all defaults, the original's keys, ours."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.fog.applications import Dag, TaskType
from rl.fog.keys import ORIGINAL, FogConfigError
from rl.fog.rewards import DelayWeights
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings, read_properties

pytestmark = pytest.mark.unit


def test_nothing_given_is_all_defaults() -> None:
    assert FogSettings.from_keys({}) == FogSettings.from_yaml({}) == FogSettings()


def test_defaults_are_the_originals() -> None:
    made = FogSettings()
    assert (made.nodes, made.layers, made.agents, made.clouds) == (6, 2, (0, 5), 1)
    assert made.last_tick == 1000
    assert made.frequencies == (1e7, 1e7, 1e7, 1e7, 1e7, 3e7)
    assert made.all_cores == (4, 4, 4, 4, 4, 8)
    assert made.all_queue_limits == (10, 10, 10, 10, 10, 50)
    assert made.task_types == (TaskType(1, 1, 38e6, 4e7),)
    assert made.least_deadline_seconds == 100
    assert made.bandwidth_hertz == 2e6


def test_the_originals_whole_default_file_but_for_what_never_starts() -> None:
    """Its table says two schedules for one layer, and a channel table for ten."""
    given_keys = {
        "random.seed": "1234567890",
        "SCALE": "1",
        "SIZE": "6",
        "CYCLE": "1",
        "CYCLES": "1000",
        "MINDELAY": "0",
        "MAXDELAY": "0",
        "DROP": "0",
        "CONTROLLERS": "0;5",
        "CLOUD_EXISTS": "1",
        "NO_LAYERS": "2",
        "NO_NODES_PER_LAYERS": "5,1",
        "CLOUD_ACCESS": "0,1",
        "CLOUD_POS": "300,300",
        "clientLayers": "0",
        "layersThatGetTasks": "0",
        "clientIsSelf": "1",
        "FREQS": "1e7,3e7",
        "NO_CORES": "4,8",
        "Q_MAX": "10,50",
        "VARIATIONS": "1e3,1e3",
        "protocol.cld.no_vms": "3",
        "protocol.cld.VMProcessingPower": "1e8",
        "init.Net1.r": "500",
        "protocol.mng.cycle": "5",
        "protocol.clt.numberOfTasks": "1",
        "protocol.clt.weight": "1",
        "protocol.clt.CPI": "1",
        "protocol.clt.T": "38",
        "protocol.clt.I": "4e7",
        "protocol.clt.taskArrivalRate": "0.6",
        "protocol.clt.numberOfDAG": "1",
        "protocol.clt.dagWeights": "1",
        "protocol.clt.edges": "",
        "protocol.clt.vertices": "1",
        "protocol.clt.minDeadline": "100",
        "protocol.clt.defaultCPUWorkload": "100000000",
        "protocol.clt.defaultMemoryWorkload": "100",
        "protocol.props.B": "2",
        "protocol.props.Beta1": "0.001",
        "protocol.props.Beta2": "4",
        "protocol.props.P_ti": "20",
        "RANDOMIZEPOSITIONS": "true",
        "init.Net0.POSITIONS": "1,2;3,4",
        "RANDOMIZETOPOLOGY": "true",
        "MANUAL_CONFIG": "false",
        "MANUAL_CORES": "1",
        "MANUAL_FREQS": "1e7",
        "MANUAL_QMAX": "10",
        "protocol.urt.channelTypes": "PeersimSimulator.peersim.env.Transport.WirelessSNR",
        "protocol.urt.SNR": "45",
        "protocol.wrk.energyCostComm": "10",
        "protocol.wrk.energyCostComp": "1",
        "protocol.wrk.maxTimeAfterDeadline": "5",
    }
    assert FogSettings.from_keys(given_keys) == FogSettings()


def test_numbers_say_the_same_as_words() -> None:
    words = {"SIZE": "10", "Q_MAX": "7", "protocol.props.B": "4", "CONTROLLERS": "0;5"}
    numbers = {"SIZE": 10, "Q_MAX": 7, "protocol.props.B": 4.0, "CONTROLLERS": [0, 5]}
    assert FogSettings.from_keys(words) == FogSettings.from_keys(numbers)


def test_our_names_say_the_same_as_the_originals() -> None:
    theirs = {
        "SIZE": 3,
        "NO_LAYERS": 1,
        "protocol.clt.weight": "4,6",
        "protocol.clt.T": "150,100",
        "protocol.clt.I": "200e6,250e6",
        "delay_weight": {"queue": 2},
        "schedules": "0.5-10",
    }
    ours = {
        "nodes": {"nodes_per_layer": [3]},
        "tasks": {
            "task_types": [
                {"weight": 4, "size_megabytes": 150, "instructions": 200e6},
                {"weight": 6, "size_megabytes": 100, "instructions": 250e6},
            ]
        },
        "rewards": {"delay_weights": {"queue": 2}},
        "clients": {"schedules": [[{"rate_per_second": 0.5, "seconds": 10}]]},
        "links": None,
    }
    made = FogSettings.from_yaml(ours)
    assert FogSettings.from_keys(theirs) == made
    assert made.delay_weights == DelayWeights(queue=2)


@pytest.mark.parametrize("name", sorted(ORIGINAL))
def test_every_key_is_named_when_its_value_is_malformed(name: str) -> None:
    """As the only key that is given: whatever else there is stands by itself."""
    with pytest.raises(FogConfigError, match=r"must|is no") as caught:
        FogSettings.from_keys({name: "§" if "Path" not in name else ""})
    assert str(caught.value).startswith(f"{name}: ")


def test_unknown_keys_name_the_nearest() -> None:
    with pytest.raises(FogConfigError, match="SIZ: unknown key; the nearest valid one is 'SIZE'"):
        FogSettings.from_keys({"SIZ": 3})
    with pytest.raises(FogConfigError, match="3: unknown key"):
        FogSettings.from_keys({3: 3})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"node": {}}, "node: unknown section; the nearest valid one is 'nodes'"),
        ({"nodes": 3}, "nodes: must hold keys and values"),
        ({"nodes": {"core": 3}}, r"nodes.core: unknown key; .* 'nodes.cores'"),
        ({"links": {"cores": 3}}, "links.cores: belongs to the section nodes"),
        ({"nodes": {"cores": "x"}}, "nodes.cores: must be a number, not 'x'"),
        ({"nodes": {"cores": [0]}}, "nodes.cores: must lie from 1"),
        (
            {"tasks": {"task_types": [{"wait": 1}]}},
            r"tasks.task_types\[0\].wait: unknown key; the nearest valid one is 'weight'",
        ),
        ({"tasks": {"task_types": [{"weight": "x"}]}}, r"tasks.task_types\[0\].weight: must be"),
        ({"tasks": {"dags": [{"edges": "0->0"}]}}, r"tasks.dags\[0\]: edge 0->0"),
        ({"tasks": {"dags": [{"edge": ""}]}}, r"tasks.dags\[0\].edge: unknown key"),
    ],
)
def test_problems_in_our_own_file_name_section_and_key(
    sections: dict[str, object], problem: str
) -> None:
    with pytest.raises(FogConfigError, match=problem):
        FogSettings.from_yaml(sections)


def test_sections_are_keys_as_well() -> None:
    ours = {"nodes": {"nodes_per_layer": [3]}, "actions": {"actions": "batch"}, "links": None}
    assert FogSettings.from_keys(ours) == FogSettings.from_yaml(ours)
    with pytest.raises(FogConfigError, match="SIZE: unknown section"):
        FogSettings.from_keys({"nodes": {"nodes_per_layer": [3]}, "SIZE": 3})


def test_dags_in_our_own_words() -> None:
    made = FogSettings.from_yaml(
        {"tasks": {"application": "dag", "dags": [{"edges": "0->1,0->2"}, {"vertices": 1}]}}
    )
    assert made.dags == (Dag(1, 3, ((0, 1), (0, 2))), Dag(1, 1))


def test_per_node_values_replace_the_layers() -> None:
    made = FogSettings.from_keys(
        {"SIZE": 3, "MANUAL_CONFIG": "true", "MANUAL_CORES": "1;2;3", "MANUAL_FREQS": "1e7"}
    )
    assert made.all_cores == (1, 2, 3)
    assert made.frequencies == (1e7, 1e7, 1e7)
    assert made.all_queue_limits == (10, 10, 10)


def test_layers_are_complete_whatever_is_given() -> None:
    made = FogSettings.from_keys({"NO_NODES_PER_LAYERS": "2,2,2", "Q_MAX": "7"})
    assert made.queue_limits == (7, 7, 7)
    assert made.cores == (4, 8, 8)
    assert made.node_layers == (0, 0, 1, 1, 2, 2)
    assert made.agents == (0, 5)


def test_settings_can_be_changed_and_are_checked_again() -> None:
    made = dataclasses.replace(FogSettings(), compat=True)
    assert made.compat
    with pytest.raises(FogConfigError, match="agents: 6 is none of the nodes 0 to 5"):
        dataclasses.replace(made, agents=(6,))


@given(st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_text_is_settings_or_one_clear_error(text: str) -> None:
    try:
        FogSettings.from_keys(read_properties(text))
    except FogConfigError as error:
        assert str(error).startswith(f"{error.key}: ")


def test_one_schedule_is_for_all_layers_that_get_tasks() -> None:
    made = FogSettings.from_keys({"layersThatGetTasks": "0,1", "schedules": "0.5-10"})
    assert made.schedules == (constant(0.5, 10),) * 2
