"""The laws that hold for every kind of agent."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from rl.shaping.agents import Agent, Choice, Conduct, Step
from rl.shaping.encoding import LEVEL_SIZES, SIZE, VERSION
from rl.shaping.making import KINDS, make
from rl.shaping.settings import ACTIONS, KEEP

pytestmark = pytest.mark.unit

NEVER = Conduct(explore_most=0.0, explore_least=0.0)
ALWAYS = Conduct(explore_most=1.0, explore_least=1.0, explore_decay=1.0)

EACH = pytest.mark.parametrize("kind", KINDS)
LEARNING = pytest.mark.parametrize("kind", ["tabular", "dqn", "ppo"])


def agent(kind: str, conduct: Conduct = NEVER, seed: int = 1) -> Agent:
    return make(kind, conduct, random.Random(seed))


class State:
    """Features, levels and mask, all at random."""

    def __init__(self, dice: random.Random) -> None:
        self.features = [dice.uniform(-1, 1) for _ in range(SIZE)]
        self.levels = tuple([dice.randrange(size) for size in LEVEL_SIZES])
        self.mask = [action == KEEP or dice.random() < 0.5 for action in range(len(ACTIONS))]

    def chosen(self, by: Agent, dice: random.Random, **more: Any) -> Choice:
        return by.choose(self.features, self.levels, self.mask, dice, **more)


def step(before: State, action: int, reward: float, after: State, last: bool = False) -> Step:
    return Step(
        "c",
        before.features,
        before.levels,
        before.mask,
        action,
        1.0,
        reward,
        after.features,
        after.levels,
        after.mask,
        last,
    )


def lived(by: Agent, steps: int = 200, seed: int = 5) -> list[int]:
    """It chooses and learns in random states; what it has chosen."""
    dice, own = random.Random(seed), random.Random(seed + 1)
    before = State(dice)
    actions = []
    for _ in range(steps):
        choice = before.chosen(by, own)
        after = State(dice)
        by.learn(step(before, choice.action, dice.uniform(-5, 2), after, dice.random() < 0.1))
        actions.append(choice.action)
        before = after
    return actions


@EACH
@pytest.mark.parametrize("conduct", [NEVER, ALWAYS, Conduct()], ids=["never", "always", "some"])
def test_what_is_masked_is_never_chosen(kind: str, conduct: Conduct) -> None:
    by, dice = agent(kind, conduct), random.Random(2)
    for number in range(1000):
        state = State(dice)
        choice = state.chosen(by, dice)
        assert state.mask[choice.action]
        assert 0.0 < choice.probability <= 1.0
        assert choice.reason and "\n" not in choice.reason
        if number % 10 == 0:
            by.learn(step(state, choice.action, 1.0, State(dice)))


@EACH
def test_where_nothing_is_allowed_it_keeps(kind: str) -> None:
    by, state = agent(kind, ALWAYS), State(random.Random(1))
    state.mask = [action == KEEP for action in range(len(ACTIONS))]

    assert state.chosen(by, random.Random(1)).action == KEEP


@EACH
def test_one_seed_one_life(kind: str) -> None:
    assert lived(agent(kind, Conduct())) == lived(agent(kind, Conduct()))


@EACH
def test_without_exploring_a_choice_is_certain(kind: str) -> None:
    by, state = agent(kind, ALWAYS), State(random.Random(3))
    if kind == "aimd":
        pytest.skip("its patience is a state")
    lived(by, 50)

    found = {state.chosen(by, random.Random(seed), explore=False)[:2] for seed in range(20)}

    assert len(found) == 1
    assert next(iter(found))[1] is False


@EACH
def test_it_explores_no_more_than_it_may(kind: str) -> None:
    conduct = Conduct(explore_most=0.1, explore_least=0.1)
    by, dice = agent(kind, conduct), random.Random(4)
    state = State(dice)

    explored = sum(state.chosen(by, dice).explored for _ in range(5000))

    assert explored <= 5000 * 0.12


@LEARNING
def test_what_is_written_down_reads_back_the_same(kind: str) -> None:
    by = agent(kind, Conduct())
    lived(by)
    written = json.loads(json.dumps(by.parameters()))

    other = agent(kind, Conduct(), seed=9)
    other.load(written)

    assert json.loads(json.dumps(other.parameters())) == written
    assert other.experience == by.experience == 200
    dice = random.Random(6)
    for _ in range(200):
        state = State(dice)
        one, two = (state.chosen(each, dice, explore=False) for each in (by, other))
        assert one == two


@EACH
def test_parameters_say_what_they_are(kind: str) -> None:
    written = agent(kind).parameters()

    assert (written["kind"], written["encoder"]) == (kind, VERSION)
    agent(kind).load(written)


@EACH
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("kind", "other", "kind: must be "),
        ("kind", 3, "kind: must be a string"),
        ("encoder", VERSION + 1, "encoder: what was learned by version 2 means nothing"),
        ("encoder", None, "encoder: must be a whole number"),
        ("experience", -1, "experience: must be a whole number"),
        ("experience", 10**13, "experience: must be 1e"),
    ],
)
def test_what_is_stale_is_refused_by_name(kind: str, key: str, value: Any, message: str) -> None:
    by = agent(kind, Conduct())
    lived(by, 20)
    before = by.parameters()

    with pytest.raises(ValueError, match=message):
        by.load({**before, key: value})
    with pytest.raises(ValueError, match=f"{key}: is missing"):
        by.load({name: each for name, each in before.items() if name != key})

    assert by.parameters() == before


@LEARNING
def test_a_stored_epsilon_does_not_pass_the_cap(kind: str) -> None:
    bold = agent(kind, ALWAYS)

    timid = agent(kind, Conduct(explore_most=0.05))
    timid.load(bold.parameters())

    assert timid.parameters()["epsilon"] == 0.05


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_learner_prefers_the_better_of_two_in_each_of_two_states(prior: float) -> None:
    """Action 1 is worth more in the first state, action 2 in the second; what comes next does not
    depend on it."""
    by = agent("tabular", Conduct(0.3, 0.3, 1.0, prior=prior))
    dice = random.Random(7)
    states = [State(random.Random(seed)) for seed in (1, 2)]
    for state in states:
        state.mask = [action in (KEEP, 1, 2) for action in range(len(ACTIONS))]
    chosen: Counter[tuple[int, int]] = Counter()
    now = 0
    for number in range(600):
        action = states[now].chosen(by, dice).action
        reward = float(action == now + 1) + dice.uniform(-0.3, 0.3)
        following = dice.randrange(2)
        by.learn(step(states[now], action, reward, states[following]))
        if number >= 300:
            chosen[now, action] += 1
        now = following

    for now in (0, 1):
        assert states[now].chosen(by, dice, explore=False).action == now + 1
        assert chosen[now, now + 1] > 2 * sum(
            count for (state, action), count in chosen.items() if state == now != action - 1
        )


def test_a_learner_sees_beyond_the_next_reward() -> None:
    """In the first state action 1 costs, and leads to where every interval pays."""
    by = agent("tabular", Conduct(0.3, 0.3, 1.0, prior=0.0))
    dice = random.Random(8)
    poor, rich = State(random.Random(1)), State(random.Random(2))
    poor.mask = [action in (KEEP, 1) for action in range(len(ACTIONS))]
    rich.mask = [action == KEEP for action in range(len(ACTIONS))]
    for _ in range(150):
        state = poor
        for _ in range(8):
            action = state.chosen(by, dice).action
            following = rich if state is rich or action == 1 else poor
            reward = 1.0 if state is rich else -0.5 if action == 1 else 0.0
            by.learn(step(state, action, reward, following))
            state = following

    assert poor.chosen(by, dice, explore=False).action == 1


def test_an_agent_of_no_known_kind() -> None:
    with pytest.raises(ValueError, match="agent: must be one of tabular, dqn, ppo, aimd, static"):
        agent("best")
