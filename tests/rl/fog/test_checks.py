"""What settings cannot be, each with the field at fault."""

from typing import Any

import pytest

from rl.fog.applications import Dag, TaskType
from rl.fog.keys import FogConfigError
from rl.fog.rewards import DelayWeights
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("field", "values", "problem"),
    [
        ("seed", {"seed": 2**64}, "must lie from"),
        ("ticks_per_second", {"ticks_per_second": 0}, "must lie from 1 to 1000, not 0"),
        ("drop_probability", {"drop_probability": 1.1}, "must lie from 0 to 1"),
        ("drop_probability", {"drop_probability": float("nan")}, "must lie from 0 to 1"),
        (
            "duration_seconds",
            {"duration_seconds": 10**9, "ticks_per_second": 2},
            "times the ticks of a second",
        ),
        (
            "most_jitter_ticks",
            {"least_jitter_ticks": 2, "most_jitter_ticks": 1},
            "must not be below the least, 2",
        ),
        ("nodes_per_layer", {"nodes_per_layer": (0, 0)}, "must be 1 to 1000 nodes, not 0"),
        ("nodes_per_layer", {"nodes_per_layer": (999, 2)}, "not 1001"),
        ("cores", {"cores": (1,)}, "must have an entry for each of 2 layers, not 1"),
        ("cloud_access", {"cloud_access": ()}, "each of 2 layers, not 0"),
        ("node_cores", {"per_node": True, "node_instructions_per_core_second": (1.0,) * 6}, "of 6"),
        ("agents", {"agents": ()}, "must name 1 of the nodes at least"),
        ("agents", {"agents": (0, 0)}, "names one twice"),
        ("agents", {"agents": (-1,)}, "-1 is none of the nodes 0 to 5"),
        ("frequency_variations", {"frequency_variations": (1e7, 0)}, "leaves nothing"),
        ("client_layers", {"client_layers": (2,)}, "2 is none of the layers 0 to 1"),
        ("schedules", {"schedules": (constant(1),) * 2}, "each of 1 layers that get tasks, not 2"),
        ("task_types", {"task_types": ()}, "must be 1 to 100000, not 0"),
        ("task_types", {"task_types": (TaskType(weight=0),)}, "one weight must be above 0"),
        ("dags", {"dags": ()}, "there must be one"),
        ("dags", {"dags": (Dag(weight=0),)}, "one weight must be above 0"),
        ("application", {"application": "dags"}, "must be one of basic, dag, trace"),
        ("trace_path", {"application": "trace"}, "needs the jobs of a trace"),
        ("topology", {"topology": "star"}, "must be one of random, manual"),
        ("positions_meters", {"positions_meters": ((0.0, 0.0),)}, "each of 6 nodes, not 1"),
        ("neighbours", {"topology": "manual"}, "each of 6 nodes, not 0"),
        (
            "neighbours",
            {"topology": "manual", "neighbours": ((0,), (0, 1), (2,), (3,), (4,), (5,))},
            "row 1 must begin with 1 itself, not with 0",
        ),
        (
            "neighbours",
            {"topology": "manual", "neighbours": ((0, 6), (1,), (2,), (3,), (4,), (5,))},
            "6 is none of the nodes",
        ),
        ("channels", {"channels": ()}, "there must be one"),
        ("channels", {"channels": ("copper",)}, "must be of wireless, fibre, not 'copper'"),
        (
            "channels_between_layers",
            {"channels_between_layers": ((0,) * 10,) * 10},
            "a row for each of 2 layers .* not 10",
        ),
        (
            "channels_between_layers",
            {"channels_between_layers": ((0, 0), (0,))},
            "as it has rows, not 1",
        ),
        (
            "channels_between_layers",
            {"channels_between_layers": ((0, 1), (1, 0))},
            "there is no channel 1",
        ),
        ("cloud_positions_meters", {"clouds": 2}, "each of 2 clouds, not 1"),
        ("delay_weights", {"delay_weights": DelayWeights(queue=-1)}, "queue must be 0 or more"),
        ("actions", {"actions": "both"}, "must be one of index, batch"),
    ],
)
def test_rules(field: str, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(FogConfigError, match=problem) as caught:
        FogSettings(**values)
    assert caught.value.key == field


def test_no_cloud_needs_no_place() -> None:
    assert FogSettings(clouds=0, cloud_positions_meters=()).clouds == 0
