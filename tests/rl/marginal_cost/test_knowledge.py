import pytest

from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.knowledge import Knowledge
from rl.request_classes.change import Change

pytestmark = pytest.mark.unit


def knowing() -> tuple[Knowledge, EndpointModel]:
    knowledge = Knowledge(4)
    model = EndpointModel("a", 4, 0.0, 1.0)
    model.completions = 100
    model.mean = 0.1
    model.raw[0] = model.service[0] = 0.1
    model.count[0] = model.mix[0] = 100.0
    knowledge.models["a"] = model
    return knowledge, model


def test_a_split_gives_both_parts_what_they_were_seen_to_cost() -> None:
    knowledge, model = knowing()
    knowledge.change(Change(True, 0, 2, {"a": (0.1, 0.05, 0.3)}))

    assert model.service[0] == pytest.approx(0.05)
    assert model.service[2] == pytest.approx(0.3)
    assert model.relative[2] == pytest.approx(3.0)
    assert model.count[0] == model.count[2] < 100.0
    assert 3 == knowledge.used == len(model.costs)
    assert 0 == model.valid


def test_a_split_forgets_what_repeats_seemed_to_save() -> None:
    knowledge, _ = knowing()
    for _ in range(200):
        knowledge.factors[0].learn(0, 1.0)
        knowledge.factors[0].learn(3, 0.2)
    assert knowledge.factors[0].pays
    knowledge.change(Change(True, 0, 1))

    assert not knowledge.factors[0].pays
    assert not knowledge.factors[1].pays


def test_a_merge_averages_by_samples() -> None:
    knowledge, model = knowing()
    model.raw[1] = model.service[1] = 0.4
    model.count[1] = 50.0
    knowledge.change(Change(False, 0, 1))

    assert model.service[0] == pytest.approx(0.2)
    assert (150.0, 0.0) == (model.count[0], model.count[1])


def test_merging_two_that_were_never_served_here_is_nothing() -> None:
    knowledge, model = knowing()
    knowledge.change(Change(False, 2, 3))

    assert 0.0 == model.count[2]
