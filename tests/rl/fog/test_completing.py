"""What is filled in, and what does not fit together."""

import json

import pytest

from rl.fog.applications import Dag, Job, TaskType
from rl.fog.keys import FogConfigError
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("keys", "layers", "agents"),
    [
        ({"SIZE": 1}, (1,), (0,)),
        ({"SIZE": 2}, (1, 1), (0, 1)),
        ({"SIZE": 10}, (9, 1), (0, 9)),
        ({"SIZE": 10, "NO_LAYERS": 1}, (10,), (0, 9)),
        ({"SIZE": 10, "NO_LAYERS": 3}, (8, 1, 1), (0, 9)),
        ({"NO_NODES_PER_LAYERS": "3,3,1"}, (3, 3, 1), (0, 6)),
        ({"SIZE": 7, "NO_NODES_PER_LAYERS": "3,3,1", "NO_LAYERS": 3}, (3, 3, 1), (0, 6)),
    ],
)
def test_nodes_follow_from_what_is_given(
    keys: dict[str, object], layers: tuple[int, ...], agents: tuple[int, ...]
) -> None:
    made = FogSettings.from_keys(keys)
    assert (made.nodes_per_layer, made.agents) == (layers, agents)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"SIZE": 4, "NO_NODES_PER_LAYERS": "5,1"}, "SIZE: 4 nodes, but NO_NODES_PER_LAYERS has 6"),
        ({"NO_LAYERS": 3, "NO_NODES_PER_LAYERS": "5,1"}, "NO_LAYERS: 3 layers, but .* has 2"),
        ({"SIZE": 2, "NO_LAYERS": 3}, "NO_LAYERS: 2 nodes cannot fill 3 layers"),
        ({"SIZE": 0}, "SIZE: must be 1 to 1000 nodes"),
        ({"SIZE": 10**12, "NO_LAYERS": 10**12}, "SIZE: must be 1 to 1000 nodes"),
        ({"NO_NODES_PER_LAYERS": "1e12"}, "NO_NODES_PER_LAYERS: must be 1 to 1000 nodes"),
        ({"protocol.clt.numberOfTasks": 10**12}, "numberOfTasks: must be 1 to 100000, not"),
        ({"CLOUD_EXISTS": 10**12}, "CLOUD_EXISTS: must lie from 0 to 16"),
        ({"Q_MAX": "1,2,3"}, "Q_MAX: must have an entry for each of 2 layers, not 3"),
        ({"schedules": "0.6-1000;0.5-1000"}, "schedules: .* each of 1 layers that get tasks"),
        (
            {"protocol.clt.numberOfTasks": 3, "protocol.clt.weight": "4,6"},
            "protocol.clt.weight: must have 3 entries, one per task type, not 2",
        ),
        ({"protocol.clt.I": "0"}, "protocol.clt.I: a task must have instructions"),
        ({"protocol.clt.numberOfDAG": 2}, "protocol.clt.edges|dag_edges: must have 2 entries"),
        (
            {"protocol.clt.edges": "0->1;0->1", "protocol.clt.dagWeights": "1,2,3"},
            "protocol.clt.dagWeights: must have 2 entries, not 3",
        ),
        ({"protocol.clt.edges": "0->1,1->0"}, "protocol.clt.edges: .* circle"),
        ({"protocol.clt.edges": "0-1"}, "protocol.clt.edges: '0-1' is no edge"),
        ({"utility_reward": 1, "protocol.mng.r_u": 2}, "says the same as utility_reward; give one"),
        ({"Q_MAX": 3, "queue_limits": 3}, "queue_limits: says the same as Q_MAX"),
        ({"task_types": [{}], "protocol.clt.I": 3}, "protocol.clt.I: says the same as task_types"),
        ({"dags": [{}], "protocol.clt.vertices": 3}, "vertices: says the same as dags"),
        ({"RANDOMIZEPOSITIONS": "false"}, "RANDOMIZEPOSITIONS: false needs init.Net0.POSITIONS"),
        ({"SIZE": 11, "RANDOMIZETOPOLOGY": "false"}, "init.Net1.TOPOLOGY: must give the neighb"),
        ({"simtype": "basic-workload"}, "protocol.clt.workloadPath: application trace needs its"),
        (
            {"simtype": "basic-workload", "protocol.clt.workloadPath": "a.json"},
            "protocol.clt.workloadPath: a.json: no files can be read here",
        ),
        ({"simtype": "batch", "actions": "index"}, "actions: simtype is batch; give one"),
        (
            {"protocol.urt.channelTypesBetweenLayers": "0,0,0;0,0,0;0,0,7"},
            "channelTypesBetweenLayers: there is no channel 7",
        ),
        ({"topology_path": "a.json"}, "topology_path: a.json: no files can be read here"),
    ],
)
def test_what_does_not_fit_names_the_key(keys: dict[str, object], problem: str) -> None:
    with pytest.raises(FogConfigError, match=problem):
        FogSettings.from_keys(keys)


def test_the_originals_defaults_that_do_not_fit_are_cut() -> None:
    """A schedule for a layer that gets no tasks, and channels of layers that are not there."""
    table = "0,0,0,1;0,0,0,1;0,0,-1,1;1,1,1,1"
    made = FogSettings.from_keys(
        {"schedules": "0.6-1000;0.6-1000", "protocol.urt.channelTypesBetweenLayers": table}
    )
    assert made.schedules == FogSettings().schedules
    assert made.channels_between_layers == ((0, 0, 0), (0, 0, 0), (0, 0, -1))


def test_without_clouds_nobody_asks_who_reaches_them() -> None:
    made = FogSettings.from_keys({"SIZE": 6, "CLOUD_EXISTS": 0, "CLOUD_ACCESS": "0,0,0"})
    assert made.cloud_access == (False, True)


def test_the_originals_batch_is_a_kind_of_action_here() -> None:
    made = FogSettings.from_keys({"simtype": "batch"})
    assert (made.application, made.actions) == ("basic", "batch")


def test_types_without_a_number_are_as_many_as_the_longest_list() -> None:
    made = FogSettings.from_keys({"protocol.clt.weight": "4,6", "protocol.clt.T": "150,100"})
    assert made.task_types == (TaskType(4, 1, 150e6, 4e7), TaskType(6, 1, 100e6, 4e7))


def test_dags_as_document_002_writes_them() -> None:
    made = FogSettings.from_keys(
        {
            "simtype": "dag",
            "protocol.clt.numberOfDAG": "2",
            "protocol.clt.dagWeights": "4,6",
            "protocol.clt.vertices": "3;2",
            "protocol.clt.edges": "0 1,1 2;0->1",
        }
    )
    assert made.application == "dag"
    assert made.dags == (Dag(4, 3, ((0, 1), (1, 2))), Dag(6, 2, ((0, 1),)))


def test_vertices_follow_from_edges() -> None:
    assert FogSettings.from_keys({"protocol.clt.edges": "0->1,1->2"}).dags[0].vertices == 3


def test_manual_topology_of_few_nodes_has_an_example() -> None:
    """The first of the original's ten."""
    made = FogSettings.from_keys({"SIZE": 3, "RANDOMIZETOPOLOGY": "false"})
    assert made.neighbours == ((0, 1, 2), (1, 0, 2), (2, 0, 1))


def test_given_positions_and_links_are_used_unless_random_is_asked_for() -> None:
    given = {"SIZE": 2, "init.Net0.POSITIONS": "1,2;3,4", "init.Net1.TOPOLOGY": "0,1;1,0"}
    made = FogSettings.from_keys(given)
    assert (made.topology, made.positions_meters) == ("manual", ((1.0, 2.0), (3.0, 4.0)))
    anew = {"RANDOMIZEPOSITIONS": True, "RANDOMIZETOPOLOGY": True}
    made = FogSettings.from_keys({**given, **anew})
    assert (made.topology, made.positions_meters) == ("random", ())


def test_old_names_of_rewards_and_workers() -> None:
    made = FogSettings.from_keys(
        {
            "protocol.mng.r_u": 1,
            "protocol.mng.X_d": 2,
            "protocol.mng.X_o": 150,
            "protocol.wrk.FREQ": "2e7",
            "protocol.wrk.NO_CORES": "2",
            "protocol.wrk.Q_MAX": "5",
        }
    )
    assert (made.utility_reward, made.overload_weight, made.delay_weights.comm) == (1, 150, 2)
    assert (made.instructions_per_core_second, made.cores) == ((2e7, 2e7), (2, 2))
    assert made.queue_limits == (5, 5)


TRACE = json.dumps({"j": {"max_cpu": 100, "total_resources_duration": 1000, "max_mem": 2}})


def test_trace_is_read_from_its_file() -> None:
    keys = {"simtype": "basic-workload", "protocol.clt.workloadPath": "t.json"}
    made = FogSettings.from_keys(keys, {"t.json": TRACE}.__getitem__)
    assert made.trace == (Job(1e8, 200e6),)


def test_a_file_that_is_not_there_is_named() -> None:
    def gone(name: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", name)

    with pytest.raises(FogConfigError, match=r"topology_path: a\.json: cannot be read: No such fi"):
        FogSettings.from_keys({"topology_path": "a.json"}, gone)


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"j": {}}'])
def test_bad_files_are_named(text: str) -> None:
    for keys, name in (
        ({"simtype": "trace", "trace_path": "t.json"}, "trace_path"),
        ({"topology_path": "t.json"}, "topology_path"),
    ):
        with pytest.raises(FogConfigError, match=f"^{name}: t.json: "):
            FogSettings.from_keys(keys, lambda _: text)


def test_the_least_delay_alone_is_the_most_as_well() -> None:
    made = FogSettings.from_keys({"MINDELAY": "250"})
    assert (made.least_jitter_ticks, made.most_jitter_ticks) == (2.5, 2.5)


def test_schedules_by_name_are_of_the_seed_and_last_for_the_episode() -> None:
    keys = {"schedules": "HeteroUniform", "layersThatGetTasks": "0,1", "CYCLES": 500}
    made = FogSettings.from_keys(keys)
    assert made == FogSettings.from_keys(keys) != FogSettings.from_keys({**keys, "random.seed": 2})
    assert [len(each.segments) for each in made.schedules] == [5, 5]
