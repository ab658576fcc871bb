"""One fog, stepped; several of them by id."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.fog_simulation import (
    FogSimulation,
    FogSimulations,
    Move,
    Over,
    Refused,
    Update,
)
from rl.fog.keys import FogConfigError
from rl.fog.settings import FogSettings
from tests.backend.fogs import three

pytestmark = pytest.mark.unit


def times(simulation: FogSimulation) -> list[int]:
    """The times of all states, stepping to the end."""
    found = [simulation.world.now]
    while not simulation.done:
        simulation.forward()
        found.append(simulation.world.now)
    return found


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"CYCLES": 30}, list(range(30))),
        ({"CYCLES": 20, "CYCLE": 5}, [0, 5, 10, 15]),
        ({"CYCLES": 20, "SCALE": 10}, list(range(200))),
        ({"CYCLES": 1}, [0]),
    ],
)
def test_states_of_an_episode(keys: dict[str, object], expected: list[int], compat: bool) -> None:
    """30 states for 30 steps, the last of them says that it is done."""
    assert times(FogSimulation(three(compat=compat, **keys))) == expected


def test_after_the_last_action_the_last_state_stays() -> None:
    simulation = FogSimulation(three(CYCLES=2))
    simulation.forward()
    assert (simulation.done, simulation.over) == (True, False)
    last = simulation.information()
    simulation.forward()
    assert (simulation.done, simulation.over) == (True, True)
    assert simulation.information() == last
    for act in (simulation.forward, lambda: simulation.act([]), lambda: simulation.send([])):
        with pytest.raises(Over, match="POST /reset"):
            act()
    simulation.reset()
    assert not simulation.done


def test_asking_changes_nothing_and_one_seed_is_one_run() -> None:
    one, other = FogSimulation(three()), FogSimulation(three())
    for step in range(20):
        moves = [Move(0, (step % 3,)), Move(1, (step % 2,))]
        assert one.act(moves) == other.act(moves)
        one.information()
        assert one.information() == other.information()
    told = json.dumps(one.information())
    other.reset(7)
    assert json.dumps(other.information()) != told


def test_completed_tasks_are_told_once_to_who_took_them() -> None:
    simulation = FogSimulation(three(CYCLES=200))
    told: list[str] = []
    for _ in range(150):
        for result in simulation.act([Move(0, (1,)), Move(1, (0,))]):
            assert all(
                task["originalHandlerID"] == result["srcId"] for task in result["tasksCompleted"]
            )
            told += [task["id"] for task in result["tasksCompleted"]]
    assert len(told) == len(set(told))
    completed = simulation.world.tallies.completed_for
    assert 0 < len(told) <= completed[0] + completed[1]


@pytest.mark.parametrize(
    ("moves", "place"),
    [
        ([Move(0, (0,)), Move(2, (0,))], (1, "controllerId")),
        ([Move(0, (0,)), Move(0, (0,))], (1, "controllerId")),
    ],
)
def test_refused_actions_move_nothing(moves: list[Move], place: tuple[object, ...]) -> None:
    simulation = FogSimulation(three())
    before = simulation.information()
    with pytest.raises(Refused) as caught:
        simulation.act(moves)
    assert caught.value.place == place
    assert simulation.information() == before


def test_an_index_that_no_neighbour_has_fails_alone() -> None:
    simulation = FogSimulation(three())
    for slot in (-1, 3):
        failed, fine = simulation.act([Move(0, (slot,)), Move(1, (0,))])
        assert (failed["type"], failed["success"]) == ("failledActionSD", False)
        assert fine["type"] == "basicSD"


def test_success_needs_a_task_and_batches_enough_of_them() -> None:
    simulation = FogSimulation(three(CYCLES=200, schedules="5-1000", **{"protocol.clt.I": 8e7}))
    (first,) = simulation.act([Move(0, (1,))])
    assert first["success"] is False
    for _ in range(20):
        simulation.forward()
    queued = simulation.world.nodes.load[0]
    assert queued > 2
    (many,) = simulation.act([Move(0, (1,) * 11, batch=True)])
    assert (many["type"], many["success"], len(many["distances"])) == ("batchSD", False, 11)
    assert simulation.world.tallies.sent[0] == 0
    (two,) = simulation.act([Move(0, (1, 2), batch=True)])
    assert two["success"] is True
    assert simulation.world.tallies.sent[0] == 2
    (none,) = simulation.act([Move(0, (), batch=True)])
    assert none["success"] is False


def test_updates_arrive_over_links_and_are_told_once() -> None:
    simulation = FogSimulation(three(CYCLES=200))
    assert simulation.send([Update("a", 0, 1, 5e6), Update("b", 0, 0, 5e6)])
    arrived = []
    for _ in range(20):
        arrived += simulation.arrived()
        simulation.forward()
    assert sorted(arrived) == ["a", "b"]


@pytest.mark.parametrize(
    ("updates", "place"),
    [
        ([Update("a", 2, 1, 1.0)], (0, "src")),
        ([Update("a", 0, 1, 1.0), Update("b", 0, 2, 1.0)], (1, "dst")),
        ([Update("a", 0, 1, 1.0), Update("a", 0, 1, 1.0)], (1, "uuid")),
    ],
)
def test_refused_updates_send_nothing(updates: list[Update], place: tuple[object, ...]) -> None:
    simulation = FogSimulation(three())
    with pytest.raises(Refused) as caught:
        simulation.send(updates)
    assert caught.value.place == place
    assert simulation.world.transferred == {}


def test_simulations_are_bounded_and_independent() -> None:
    simulations = FogSimulations(three(), most=2)
    id = simulations.create()
    with pytest.raises(Refused, match="there may be 2 simulations"):
        simulations.create()
    simulations[id].forward()
    assert [(name, each.world.now) for name, each in simulations] == [("0", 0), (id, 1)]
    simulations.delete(id)
    with pytest.raises(KeyError):
        simulations[id]
    with pytest.raises(Refused, match="cannot be deleted"):
        simulations.delete("0")
    assert simulations.create() != id


def test_steps_of_too_many_ticks_are_refused() -> None:
    with pytest.raises(Refused, match="10000 ticks"):
        FogSimulation(three(CYCLE=10_001))


VALUES: dict[str, list[object]] = {
    "SIZE": [1, 2, 6, 12],
    "NO_LAYERS": [1, 2, 3],
    "NO_NODES_PER_LAYERS": ["3,2", "0,3"],
    "SCALE": [2, 10],
    "CYCLE": [3, 7],
    "CYCLES": [1, 5],
    "MINDELAY": [100],
    "MAXDELAY": [600],
    "DROP": [0.2, 1],
    "CONTROLLERS": ["0;1"],
    "CLOUD_EXISTS": [0, 2],
    "CLOUD_ACCESS": ["1"],
    "clientLayers": ["0,1"],
    "layersThatGetTasks": ["0,1"],
    "clientIsSelf": [0],
    "Q_MAX": ["1", "3"],
    "init.Net1.r": [0, 20, 50],
    "protocol.clt.weight": ["4,6"],
    "protocol.clt.T": ["0", "1"],
    "protocol.clt.I": ["1", "9e7"],
    "schedules": ["0-5", "2-5,0.1-20", "HeteroZigzag"],
    "simtype": ["dag"],
    "protocol.clt.edges": ["0->1,0->2,1->3,2->3"],
    "protocol.clt.minDeadline": [0, 1, 5],
    "compat": [True],
    "topology": ["ring", "grid", "full", "bridged", "manual"],
    "link_contention": [True],
    "node_meters_per_second": [5],
    "client_meters_per_second": [5],
    "failures_per_second": [0.1, 1],
    "never_to_longer_queue": [True],
    "protocol.urt.channelTypesBetweenLayers": ["0,-1;-1,0"],
    "MANUAL_QMAX": ["5"],
}
KEYS: st.SearchStrategy[dict[str, Any]] = st.lists(
    st.sampled_from(sorted(VALUES)), unique=True, max_size=8
).flatmap(lambda names: st.fixed_dictionaries({n: st.sampled_from(VALUES[n]) for n in names}))
"""Few enough at a time that most of them fit together."""


@given(KEYS, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_every_fog_that_is_not_refused_can_be_stepped(keys: dict[str, Any], dice: Any) -> None:
    """Whatever its agents do: no task is lost sight of, and every state is JSON."""
    try:
        made = FogSettings.from_keys(keys)
    except FogConfigError as error:
        assert str(error).startswith(f"{error.key}: ")
        return
    simulation = FogSimulation(made)
    for _ in range(12):
        if simulation.over:
            break
        simulation.act([Move(agent, (dice.randrange(-1, 6),)) for agent in made.agents])
        information = simulation.information()
        json.dumps(information, allow_nan=False)
        assert all(information["info"]["invariantPreserved"])
