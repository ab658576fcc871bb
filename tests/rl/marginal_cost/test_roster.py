import pytest

from rl.marginal_cost.knowledge import Knowledge
from rl.marginal_cost.roster import Roster
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit


def fleet(size: int, first: int = 0) -> list[EndpointStats]:
    return [EndpointStats(Endpoint(f"e{n}", "h", 1)) for n in range(first, first + size)]


def test_whoever_is_new_joins_as_a_newcomer() -> None:
    knowledge = Knowledge(4)
    candidates = fleet(3)
    pairs = Roster(knowledge, 100, 2.0).list_all(candidates, 5.0)

    assert candidates == [stats for stats, _ in pairs]
    assert ["e0", "e1", "e2"] == [model.id for _, model in pairs] == list(knowledge.models)
    for _, model in pairs:
        assert model.service is knowledge.newcomer.service
        assert (5.0, 2.0) == (model.heard_at, model.interval)


def test_whoever_is_known_is_who_it_was() -> None:
    knowledge = Knowledge(4)
    roster = Roster(knowledge, 100, 2.0)
    first = roster.list_all(fleet(3), 5.0)
    others = fleet(4)
    again = roster.list_all(others, 6.0)

    assert roster.candidates is others and roster.pairs is again
    assert [model for _, model in first] == [model for _, model in again[:3]]


def test_of_many_only_those_looked_at_join() -> None:
    knowledge = Knowledge(4)
    roster = Roster(knowledge, 100, 2.0)
    candidates = fleet(50)
    looked_at = [[7, 8, 9], [8, 9, 10, 3], [3], [7, 8, 9]]
    for indices in looked_at:
        pairs = roster.some(candidates, indices, 0.0)
        assert [candidates[index] for index in indices] == [stats for stats, _ in pairs]
        assert [candidates[index].id for index in indices] == [model.id for _, model in pairs]

    assert {"e3", "e7", "e8", "e9", "e10"} == set(knowledge.models)
    others = fleet(50, 7)
    assert [knowledge.models["e7"]] == [model for _, model in roster.some(others, [0], 0.0)]


def test_the_longest_unheard_of_give_way_and_are_newcomers_when_they_return() -> None:
    knowledge = Knowledge(4)
    roster = Roster(knowledge, 10, 2.0)
    for number, stats in enumerate(candidates := fleet(50)):
        roster.some(candidates, [number], float(number))
        assert len(knowledge.models) <= 10
        assert stats.id in knowledge.models

    roster.list_all(fleet(12), 60.0)
    assert len(knowledge.models) <= 10
    assert () == roster.candidates  # some of them had to give way to others of them
    ((_, model),) = roster.some(candidates, [49], 61.0)
    assert model is knowledge.models["e49"]


def test_there_is_room_for_the_costs_of_all_classes_in_use() -> None:
    knowledge = Knowledge(4)
    roster = Roster(knowledge, 100, 2.0)
    knowledge.used = 3
    ((_, model),) = roster.list_all(fleet(1), 0.0)

    assert 3 == len(model.costs)
