"""The table of values."""

import random
from typing import Any

import pytest

from rl.shaping.agents import Conduct, Step
from rl.shaping.encoding import LEVEL_SIZES, STATES
from rl.shaping.priors import action, worth
from rl.shaping.settings import ACTIONS, KEEP
from rl.shaping.tabular import PRIOR_STEPS, Tabular

pytestmark = pytest.mark.unit

HERE, THERE = (2, 0, 1, 0, 0, 1), (0, 0, 1, 0, 0, 1)
ALL = [True] * 12
PLAIN = Conduct(explore_most=0.0, explore_least=0.0, discount=0.9, prior=0.0)


def taught(agent: Tabular, action: int, reward: float, last: bool = True) -> None:
    agent.learn(Step("c", [], HERE, ALL, action, 1.0, reward, [], THERE, ALL, last))


def values(agent: Tabular) -> dict[tuple[int, ...], list[float]]:
    states: Any = agent.parameters()["states"]
    return {tuple(each["levels"]): each["values"] for each in states}


def test_what_is_known_before_is_done_first() -> None:
    agent = Tabular(Conduct(explore_most=0.0))

    choice = agent.choose([], HERE, ALL, random.Random(1))

    assert ACTIONS[choice.action] == "urgency-"
    assert choice.reason == "thought the best of 12 steps, not yet done in this state"
    best = worth(HERE)
    assert best[choice.action] == max(best)


def test_what_is_learned_overrules_it() -> None:
    agent = Tabular(Conduct(explore_most=0.0))
    for _ in range(20):
        taught(agent, action("urgency-"), -1.0)
        taught(agent, KEEP, 1.0)

    choice = agent.choose([], HERE, ALL, random.Random(1))

    assert choice.action == KEEP
    assert choice.reason == "the best known of 12 steps (done 20 times in this state)"


def test_the_first_reward_is_the_states() -> None:
    """What was never tried is believed to be worth the same: neither better in a bad state, nor
    worse in a good one."""
    agent = Tabular(PLAIN)
    taught(agent, 3, -5.0)

    assert values(agent)[HERE] == [-5.0] * 12


def test_what_was_tried_moves_further_than_what_was_not() -> None:
    agent = Tabular(PLAIN)
    taught(agent, 3, 0.0)
    taught(agent, 3, 1.0)
    found = values(agent)[HERE]

    assert found[3] > found[4] == pytest.approx(0.5)


def test_priors_count_as_steps() -> None:
    known, plain = Tabular(Conduct(explore_most=0.0)), Tabular(PLAIN)
    for agent in (known, plain):
        taught(agent, 3, 0.0)
        taught(agent, 3, 1.0)
    moved = values(known)[HERE][3]

    assert PRIOR_STEPS == 3
    assert moved < values(plain)[HERE][3]


def test_what_follows_counts_less() -> None:
    agent = Tabular(Conduct(explore_most=0.0, prior=0.0, discount=0.5))
    agent.learn(Step("c", [], THERE, ALL, KEEP, 1.0, 8.0, [], HERE, ALL, True))
    taught(agent, KEEP, 1.0, last=False)

    assert values(agent)[HERE][KEEP] == pytest.approx(1.0 + 0.5 * 8.0)


def test_what_may_not_follow_does_not_count() -> None:
    agent = Tabular(PLAIN)
    for _ in range(50):
        agent.learn(Step("c", [], THERE, ALL, 3, 1.0, 9.0, [], HERE, ALL, True))
        agent.learn(Step("c", [], THERE, ALL, 4, 1.0, 1.0, [], HERE, ALL, True))
    only = [number == 4 for number in range(12)]
    agent.learn(Step("c", [], HERE, ALL, 3, 1.0, 0.0, [], THERE, only, False))

    found = values(agent)
    assert found[HERE][3] == pytest.approx(0.9 * found[THERE][4])


def test_a_new_state_begins_at_what_states_were_worth() -> None:
    agent = Tabular(PLAIN)
    for _ in range(300):
        taught(agent, KEEP, -4.0)
    agent.choose([], THERE, ALL, random.Random(1))
    agent.learn(Step("c", [], (1, 1, 1, 1, 1, 1), ALL, KEEP, 1.0, 0.0, [], THERE, ALL, False))

    assert values(agent)[1, 1, 1, 1, 1, 1][KEEP] == pytest.approx(0.9 * -4.0, rel=0.05)


def test_exploration_shrinks() -> None:
    agent = Tabular(Conduct(explore_most=0.2, explore_least=0.05, explore_decay=0.9))
    for _ in range(100):
        taught(agent, KEEP, 0.0)

    assert agent.epsilon == 0.05


def test_it_is_bounded() -> None:
    agent, dice = Tabular(Conduct()), random.Random(1)
    for _ in range(20_000):
        levels = tuple([dice.randrange(size) for size in LEVEL_SIZES])
        agent.learn(Step("c", [], levels, ALL, KEEP, 1.0, 0.0, [], HERE, ALL))
    states: Any = agent.parameters()["states"]

    assert len(states) == STATES
    agent.load(agent.parameters())


def state(**changed: Any) -> dict[str, Any]:
    return {"levels": list(HERE), "values": [0.0] * 12, "visits": [1] * 12, **changed}


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ("x", "states: must be a list"),
        ([state()] * 2, r"states\[1\]\.levels: the same state stands twice"),
        ([state()] * (STATES + 1), f"states: there are {STATES}"),
        ([3], r"states\[0\]: must hold keys and values"),
        ([state(levels=[0, 0])], r"states\[0\]\.levels: must hold 6 items"),
        ([state(levels=[9, 0, 0, 0, 0, 0])], r"states\[0\]\.levels\[0\]: must be below 4, not 9"),
        ([state(values=[0.0] * 11)], r"states\[0\]\.values: must hold 12 items"),
        ([state(values=[float("nan")] * 12)], r"states\[0\]\.values\[0\]: must be a finite number"),
        ([state(values=[1e7] * 12)], r"states\[0\]\.values\[0\]: 1e\+07 is beyond 1e\+06"),
        ([state(visits=[-1] * 12)], r"states\[0\]\.visits\[0\]: must be a whole number"),
        ([state(visits=[10**13] * 12)], r"states\[0\]\.visits\[0\]: must be 1e"),
    ],
)
def test_malformed_states_are_refused_by_place(states: Any, message: str) -> None:
    agent = Tabular(Conduct())
    taught(agent, KEEP, 1.0)
    before = agent.parameters()

    with pytest.raises(ValueError, match=message):
        agent.load({**before, "states": states})
    with pytest.raises(ValueError, match="mean: must be a finite number"):
        agent.load({**before, "mean": float("inf")})

    assert agent.parameters() == before
