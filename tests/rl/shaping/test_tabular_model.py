"""Values from counts, against a chain whose values are known."""

import random
from typing import Any

import pytest

from rl.shaping import priors
from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import LEVEL_SIZES, SIZE
from rl.shaping.settings import ACTIONS
from rl.shaping.tabular import Tabular
from rl.shaping.tabular_model import DOUBT, MOST_VISITS, PRIOR, TabularModel

pytestmark = pytest.mark.unit
COUNT = len(ACTIONS)
MASK = [action in (0, 1, 2) for action in range(COUNT)]


def state(place: int) -> tuple[int, ...]:
    return (*[0] * (len(LEVEL_SIZES) - 1), place)


def step(place: int, action: int, reward: float, after: int, **more: Any) -> Step:
    given: dict[str, Any] = {
        "client": "one",
        "features": [0.0] * SIZE,
        "levels": state(place),
        "mask": MASK,
        "action": action,
        "probability": 1.0,
        "reward": reward,
        "next_features": [0.0] * SIZE,
        "next_levels": state(after),
        "next_mask": MASK,
    }
    return Step(**{**given, **more})


def walked(times: int = 400) -> TabularModel:
    """A way of four places: only at its end it pays, and a step down leads one place nearer."""
    model = TabularModel()
    for _ in range(times):
        for place in range(4):
            model.add(step(place, 0, 1.0 if place == 0 else -1.0, place))
            model.add(step(place, 1, 1.0 if place == 1 else -1.0, max(0, place - 1)))
            model.add(step(place, 2, -1.0, min(3, place + 1)))
    return model


def test_what_pays_after_three_steps_is_found() -> None:
    """A single step down is paid no better than keeping, three of them are."""
    values = walked().values(0.9)
    for place in (1, 2, 3):
        best = max(range(3), key=values[state(place)].__getitem__)
        assert 1 == best, place
    assert values[state(0)][0] == pytest.approx(1 / (1 - 0.9), rel=0.05)
    assert values[state(3)][1] == pytest.approx(-1 - 0.9 + 0.81 * 10, rel=0.1)


def test_of_what_was_hardly_tried_something_is_believed() -> None:
    model = TabularModel()
    for _ in range(100):
        model.add(step(0, 0, 1.0, 0, last=True))
    model.add(step(0, 1, 50.0, 0, last=True))
    values = model.values(0.9)[state(0)]
    usual = (100 + 50) / 101
    belief = priors.worth(state(0))
    assert values[1] == pytest.approx((50 + DOUBT * (usual + PRIOR * belief[1])) / (1 + DOUBT))
    assert values[5] == pytest.approx(usual + PRIOR * belief[5])


def test_the_live_agent_goes_on_from_it() -> None:
    model = walked()
    agent = Tabular(Conduct(explore_most=0.0))
    agent.load(model.parameters(0.9, 0.0))
    choice = agent.choose([0.0] * SIZE, state(3), MASK, random.Random(0))
    assert 1 == choice.action and str(MOST_VISITS) in choice.reason
    assert 4800 == agent.experience == model.experience
    agent.learn(step(3, 1, -1.0, 2))


def test_of_nothing_nothing_is_made() -> None:
    parameters = TabularModel().parameters(0.9, 0.1)
    assert [] == parameters["states"]
    Tabular(Conduct()).load(parameters)
