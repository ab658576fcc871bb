"""Agents that set their clients' rules, with real shapers, in made-up intervals."""

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from config.shaping import Rule, Shaping
from load_balancer.shaping.adaptive import (
    Adaptive,
    AdaptiveSettings,
    Path,
    RuleEnvelope,
    StepRecord,
    UnknownClient,
)
from load_balancer.shaping.clients import Client
from load_balancer.shaping.shaper import Shaper
from rl.shaping.agents import Conduct
from rl.shaping.encoding import VERSION
from rl.shaping.envelope import Bounds, Envelope
from rl.shaping.guard import GuardParameters
from rl.shaping.reading import Reading, Targets
from rl.shaping.reward import Weights
from rl.shaping.settings import ACTIONS, Setting

pytestmark = pytest.mark.unit

ONE, TWO, OTHER = "web/10.0.0.1", "web/10.0.0.2", "bulk/10.1.0.1"
RULES: tuple[dict[str, Any], ...] = (
    {"name": "bulk", "match": {"networks": ["10.1.0.0/16"]}, "requests_per_second": 50},
    {
        "name": "web",
        "match": {"networks": ["10.0.0.0/16"]},
        "requests_per_second": 40,
        "burst": 4,
        "urgency": 3,
    },
)
BOUNDS = {
    "requests_per_second": Bounds(10, 100, 1.25),
    "burst": Bounds(1, 20, 1.5, 6),
    "urgency": Bounds(1, 6, 1, 10),
    "drop_probability": Bounds(0, 0.5, 0.1),
}
WITHIN = RuleEnvelope(Envelope(BOUNDS, paths=2), (Path(pool="spare"),))
NO_GUARD = GuardParameters(enabled=False)
WANTED = Targets(p95_seconds=0.1)


def shaper(rules: tuple[dict[str, Any], ...] = RULES, **settings: Any) -> Shaper:
    wanted = Shaping.model_validate({"enabled": True, "rules": list(rules), **settings})
    return Shaper(wanted, random.Random(1))


def come(held: Shaper, *names: str, now: float = 0.0) -> None:
    """A request of each comes, and is over."""
    for name in names:
        found = held.recogniser.find(name.partition("/")[2], "/", [], "")
        assert found is not None
        assert found[1] == name
        held.over(held.admit(found, now, []), now)


def client(held: Shaper, name: str) -> Client:
    found = held.clients.get(name)
    assert found is not None
    return found


def adaptive(held: Shaper | None = None, seed: int = 1, **settings: Any) -> Adaptive:
    """Both web clients are in the mode, the bulk client has targets."""
    if held is None:
        held = shaper()
    come(held, ONE, TWO, OTHER)
    given = {"envelopes": {"web": WITHIN}, "guard": NO_GUARD, **settings}
    found = Adaptive(held, AdaptiveSettings(**given), random.Random(seed))
    for name in (ONE, TWO):
        found.enable(name, 0.0)
        found.targets(name, WANTED)
    found.targets(OTHER, Targets(p95_seconds=1.0))
    return found


def read(p95: float = 0.05, **figures: Any) -> Reading:
    return Reading(**{"arrivals": 30, "completed": 30, "p95_seconds": p95, **figures})


def wild(dice: random.Random) -> Reading:
    return Reading(
        arrivals=dice.randrange(100),
        completed=dice.randrange(100),
        refused=dice.choice([0, 0, 20]),
        delayed=dice.choice([0, 10]),
        sent_bytes=dice.randrange(10**6),
        p50_seconds=0.01,
        p95_seconds=dice.expovariate(10.0),
        waiting=dice.randrange(10),
        pressure=dice.random(),
    )


def live(held: Adaptive, intervals: int, since: float = 0.0, seed: int = 3) -> float:
    """So many intervals of wild readings; when the last one ended."""
    dice = random.Random(seed)
    now = since
    for _ in range(intervals):
        now += 1.0
        held.step(now, {name: wild(dice) for name in (ONE, TWO, OTHER)})
    return now


def history(held: Adaptive, name: str = ONE) -> list[StepRecord]:
    return list(held.state(name).history)


def rule(held: Adaptive, name: str = ONE) -> Rule:
    return client(held.shaper, name).rule


def operators(held: Adaptive, name: str = "web") -> Rule:
    return next(rule for rule in held.shaper.rules if rule.name == name)


@pytest.mark.parametrize("kind", ["tabular", "dqn", "ppo", "aimd", "static"])
@pytest.mark.parametrize("share", ["client", "rule"])
def test_the_rule_moves_and_never_out_of_the_envelope(kind: str, share: str) -> None:
    """What is in force is what was decided, step by step, and nobody else's rule is touched."""
    held = adaptive(
        agent=kind, share=share, conduct=Conduct(explore_most=0.5, explore_least=0.5), history=300
    )
    dice = random.Random(2)
    seen = set()
    for second in range(1, 301):
        held.step(float(second), {name: wild(dice) for name in (ONE, TWO, OTHER)})
        for name in (ONE, TWO):
            setting, found = held.state(name).setting, rule(held, name)
            assert WITHIN.envelope.holds(setting)
            assert (found.requests_per_second, found.burst, found.urgency) == (
                setting.requests_per_second,
                setting.burst,
                setting.urgency,
            )
            assert found.drop.probability == setting.drop_probability
            assert found.pool == ("spare" if setting.path else None)
            bucket = client(held.shaper, name).requests
            assert bucket is not None and bucket.rate == setting.requests_per_second
            seen.add(setting)
        assert rule(held, OTHER) is operators(held, "bulk")
    assert (len(seen) == 1) == (kind == "static")
    for record in history(held):
        assert record.action in ACTIONS
        assert WITHIN.envelope.holds(record.before) and WITHIN.envelope.holds(record.after)
        assert record.reason.endswith(".") and ", for the client " in record.reason


def test_one_seed_one_history() -> None:
    first, second = adaptive(), adaptive()
    live(first, 100)
    live(second, 100)

    assert history(first) == history(second)
    assert first.export(ONE) == second.export(ONE)


def test_who_leaves_gets_the_operators_rule_back() -> None:
    held = adaptive()
    live(held, 30)
    assert rule(held) is not operators(held)

    held.disable(ONE, 31.0)

    assert rule(held) is operators(held)
    bucket = client(held.shaper, ONE).requests
    assert bucket is not None and (bucket.rate, bucket.burst) == (40, 4)
    assert held.clients() == [TWO]
    experience = held.state(ONE).experience
    live(held, 5, 31.0)
    assert rule(held) is operators(held)
    held.disable(ONE, 40.0)
    # It begins at the operator's rule again, with what it has learned.
    held.enable(ONE, 40.0)
    state = held.state(ONE)
    assert (state.setting, state.experience, state.enabled) == (state.static, experience, True)


def test_a_client_that_was_forgotten_comes_back_to_its_setting() -> None:
    held = adaptive(shaper(idle_seconds=10))
    now = live(held, 30)
    setting = held.state(ONE).setting
    assert setting != held.state(ONE).static

    held.shaper.sweep(now + 100.0)
    assert held.shaper.clients.get(ONE) is None
    held.step(now + 101.0, {ONE: Reading()})
    come(held.shaper, ONE, now=now + 102.0)
    assert rule(held) is operators(held)
    held.step(now + 103.0, {ONE: Reading()})

    assert rule(held).requests_per_second == setting.requests_per_second
    assert rule(held).urgency == setting.urgency
    held.step(now + 104.0, {ONE: read()})
    assert WITHIN.envelope.holds(held.state(ONE).setting)


def test_one_that_was_forgotten_may_leave() -> None:
    held = adaptive(shaper(idle_seconds=10))
    now = live(held, 30)
    held.shaper.sweep(now + 100.0)

    held.disable(ONE, now + 101.0)
    come(held.shaper, ONE, now=now + 102.0)
    held.step(now + 103.0, {ONE: read()})

    assert rule(held) is operators(held)
    assert held.clients() == [TWO]


def test_a_new_rule_is_no_sign_of_life() -> None:
    """A client whose agent goes on acting is forgotten when it is idle, like any."""
    held = adaptive(shaper(idle_seconds=10))
    live(held, 9)

    held.shaper.sweep(11.0)

    assert held.shaper.clients.get(ONE) is None


def test_rules_that_the_operator_puts_in_count_at_once() -> None:
    held = adaptive()
    now = live(held, 30)
    moved = held.state(ONE).setting
    assert moved.requests_per_second != 40

    other = [each.model_copy(update={"weight": 5.0, "urgency": 2}) for each in held.shaper.rules]
    held.shaper.hold(other, now)
    assert rule(held) is other[1]
    held.step(now + 1.0, {ONE: Reading()})

    found, state = rule(held), held.state(ONE)
    assert found.weight == 5.0
    # The agent begins at it, as far as the envelope lets it.
    assert state.static.urgency == 2
    assert state.setting == WITHIN.envelope.clamp(state.static)
    held.disable(ONE, now + 2.0)
    assert rule(held) is other[1]


def test_the_same_rules_once_more_change_nothing() -> None:
    held = adaptive()
    now = live(held, 30)
    before = held.state(ONE).setting

    held.shaper.hold([each.model_copy() for each in held.shaper.rules], now)
    held.step(now + 1.0, {ONE: Reading()})

    assert held.state(ONE).setting == before
    assert rule(held).requests_per_second == before.requests_per_second


def test_between_two_clients_the_operator_may_change_the_rules() -> None:
    held = adaptive()
    steps = held.steps(1.0, {ONE: read(), TWO: read()})
    next(steps)

    held.shaper.hold(held.shaper.rules[:1], 1.0)

    assert list(steps) == []
    assert held.clients() == [ONE]


def test_a_rule_that_is_gone_takes_its_clients_out() -> None:
    held = adaptive()
    now = live(held, 3)

    held.shaper.hold(held.shaper.rules[:1], now)
    held.step(now + 1.0, {ONE: read()})

    assert held.clients() == []
    with pytest.raises(UnknownClient):
        held.enable("web/10.0.0.9", now)


def test_a_narrower_envelope_counts_at_once() -> None:
    held = adaptive()
    now = live(held, 30)
    narrow = RuleEnvelope(Envelope({**BOUNDS, "requests_per_second": Bounds(11, 12, 1.1)}))
    held.enable("web/10.0.0.7", now, expected=True)

    assert held.envelope("web") is WITHIN
    assert held.envelope("web", narrow, now) is narrow

    for name in (ONE, TWO):
        assert 11 <= (rule(held, name).requests_per_second or 0) <= 12
        assert rule(held, name).pool is None
    with pytest.raises(LookupError, match="the rule 'bulk' has no envelope"):
        held.envelope("bulk")
    with pytest.raises(LookupError, match="there is no rule 'none'"):
        held.envelope("none", narrow)


def test_without_a_time_it_counts_from_the_next_interval_on() -> None:
    held = adaptive()
    now = live(held, 30)
    narrow = RuleEnvelope(Envelope({**BOUNDS, "requests_per_second": Bounds(11, 12, 1.1)}))

    held.envelope("web", narrow)
    held.step(now + 1.0, {ONE: read(), TWO: Reading()})

    for name in (ONE, TWO):
        assert 11 <= (rule(held, name).requests_per_second or 0) <= 12


def test_a_frozen_envelope_lets_nothing_move() -> None:
    held = adaptive(envelopes={"web": RuleEnvelope(Envelope(BOUNDS, frozen=True))})
    live(held, 30)

    assert {record.action for record in history(held)} == {"keep"}
    assert rule(held) is operators(held)


# The guard.

JUDGED = GuardParameters(baseline=3, window=10, evidence=4, hold=6)


def harm(held: Adaptive, most: int = 200) -> float:
    """The client is well under the operator's rule, and misses its target whenever its setting
    gives it less, until the guard steps in."""
    for second in range(1, most):
        less = (held.state(ONE).setting.requests_per_second or 0) < 40
        others = {TWO: read(), OTHER: read(3.0)}
        held.step(float(second), {ONE: read(0.5 if less else 0.05), **others})
        if held.state(ONE).held_by == "guard":
            return float(second)
    raise AssertionError("it never stepped in")


def test_the_operators_rule_is_measured_first() -> None:
    held = adaptive(guard=JUDGED)
    live(held, 2)

    assert held.state(ONE).held_by == "baseline"
    assert rule(held) is operators(held)
    assert {record.action for record in history(held)} == {"keep"}
    assert history(held)[0].reason == (
        "The operator's rule is measured first, to compare the agent with it."
    )
    # Whatever the envelope says: it is the agent's, and not the operator's.
    narrow = RuleEnvelope(Envelope({"requests_per_second": Bounds(11, 12, 1.1)}))
    held.envelope("web", narrow, 2.5)
    assert rule(held) is operators(held)
    live(held, 1, 2.0)
    assert held.state(ONE).held_by == "agent"
    assert rule(held).requests_per_second == 12


def test_the_guard_puts_the_operators_rule_back_and_says_why() -> None:
    held = adaptive(guard=JUDGED, cooperative=False, agent="aimd")
    now = harm(held)

    state = held.state(ONE)
    assert rule(held) is operators(held)
    assert state.guard_trips == 1
    assert state.reason.startswith("what the client wants was missed by ")
    last = state.history[-1]
    assert (last.action, last.held_by, last.after) == ("keep", "guard", state.static)
    assert last.reason == f"The operator's rule is put back, for {state.reason}."
    held.step(now + 1.0, {ONE: read(), TWO: read(), OTHER: read(3.0)})
    assert history(held)[-1].reason == f"The operator's rule stays, for {state.reason}."
    for second in range(2, 8):
        held.step(now + second, {ONE: read(), TWO: read(), OTHER: read(3.0)})
    assert held.state(ONE).held_by == "agent"


def test_a_client_without_targets_is_judged_by_the_work_that_it_gets() -> None:
    held = adaptive(guard=JUDGED, agent="aimd")
    held.targets(ONE, Targets())
    for second in range(1, 100):
        rate = held.state(ONE).setting.requests_per_second or 0.0
        readings = {
            ONE: Reading(arrivals=40, completed=int(rate), delayed=40, p95_seconds=0.1),
            # So that the agent gives way, which helps nobody.
            TWO: read(0.5),
        }
        held.step(float(second), readings)
        if held.state(ONE).guard_trips:
            break

    assert rule(held) is operators(held)
    assert held.state(ONE).reason.startswith("what the client wants was missed by ")


# What agents learn from.


def test_others_are_part_of_a_cooperative_reward() -> None:
    readings: Mapping[str, Reading] = {ONE: read(), TWO: read(0.5), OTHER: read(0.1)}
    alone, together = adaptive(cooperative=False), adaptive()
    for held in (alone, together):
        held.step(1.0, {name: replace(each) for name, each in readings.items()})

    one, two = history(alone)[-1], history(together)[-1]
    assert one.others_violations == two.others_violations == 0.5
    assert one.reward is not None and two.reward is not None
    assert one.reward.others == two.reward.others == -1.0
    assert two.reward.total == pytest.approx(one.reward.total - 1.0)


def test_weights_can_be_changed() -> None:
    held = adaptive()
    held.weights = Weights(violation=7.0)
    held.step(1.0, {ONE: read(0.5)})

    reward = history(held)[-1].reward
    assert reward is not None and reward.violation == -7.0
    assert held.weights.violation == 7.0
    assert held.state(ONE).history[-1].missed == ("p95_seconds",)
    assert held.state(ONE).violated == 1


def test_each_action_is_taught_once_with_the_reward_that_followed() -> None:
    held = adaptive(agent="dqn")
    live(held, 20)
    agent = held.agents()[f"client:{ONE}"]
    steps = agent.transitions()  # type: ignore[attr-defined]

    records = history(held)
    assert [ACTIONS[step.action] for step in steps] == [each.action for each in records[:-1]]
    rewards = [each.reward.total for each in records if each.reward is not None]
    assert [step.reward for step in steps] == rewards[1:]
    assert {step.client for step in steps} == {ONE}


def test_a_pause_breaks_the_chain() -> None:
    """What became of the last action before it is not known."""
    held = adaptive()
    held.step(1.0, {ONE: read()})
    held.step(2.0, {ONE: Reading()})
    held.step(3.0, {})
    held.step(4.0, {ONE: read()})
    assert held.state(ONE).experience == 0
    assert held.state(ONE).intervals == 2

    held.step(5.0, {ONE: read()})

    assert held.state(ONE).experience == 1


def test_the_clients_own_metrics_are_seen() -> None:
    held = adaptive()
    held.targets(ONE, Targets(application_target={"fps": 30.0}))
    held.application(ONE, {"fps": 15.0}, 0.5)
    held.step(1.0, {ONE: read()})

    state = held.state(ONE)
    assert state.reading is not None and state.reading.application == 0.5
    assert state.history[-1].missed == ("application_target",)
    assert state.application == {"fps": 15.0}


# What the operator does with agents.


def test_one_that_is_frozen_neither_learns_nor_explores() -> None:
    held = adaptive(conduct=Conduct(explore_most=1.0, explore_least=1.0))
    now = live(held, 20)
    before = held.export(ONE)
    held.freeze(ONE)
    assert held.state(ONE).frozen

    now = live(held, 20, now)
    assert held.export(ONE) == before
    assert not any(record.explored for record in history(held)[-20:])
    assert any(record.explored for record in history(held, TWO)[-20:])

    held.unfreeze(ONE)
    live(held, 20, now)
    assert held.export(ONE) != before


@pytest.mark.parametrize("share", ["client", "rule"])
def test_one_that_is_reset_has_learned_nothing(share: str) -> None:
    held = adaptive(share=share)
    now = live(held, 20)

    held.reset(ONE)

    assert held.state(ONE).experience == 0
    assert (held.state(TWO).experience == 0) == (share == "rule")
    live(held, 20, now)
    assert held.state(ONE).experience == (19 if share == "client" else 38)


@pytest.mark.parametrize("kind", ["tabular", "dqn", "ppo"])
def test_what_one_has_learned_serves_another(kind: str) -> None:
    held = adaptive(agent=kind)
    live(held, 50)
    learned = json.loads(json.dumps(held.export(ONE)))

    other = adaptive(agent=kind, seed=9)
    other.load(ONE, learned)

    assert json.loads(json.dumps(other.export(ONE))) == learned
    assert other.state(ONE).experience == 49
    assert other.state(TWO).experience == 0


def test_what_is_stale_is_refused() -> None:
    held = adaptive()
    live(held, 20)
    before = held.export(ONE)

    with pytest.raises(ValueError, match="encoder: what was learned by version"):
        held.load(ONE, {**before, "encoder": VERSION + 1})
    with pytest.raises(ValueError, match="kind: must be tabular, not dqn"):
        held.load(ONE, {**before, "kind": "dqn"})

    assert held.export(ONE) == before


def test_a_checkpoint_survives_a_restart() -> None:
    held = adaptive()
    live(held, 50)
    kept = json.loads(json.dumps(held.checkpoint()))

    later = shaper()
    come(later, ONE)
    begun = Adaptive(later, AdaptiveSettings({"web": WITHIN}), random.Random(1))
    begun.restore(kept)
    begun.enable(ONE, 0.0)

    assert begun.export(ONE) == held.export(ONE)
    assert begun.checkpoint() == kept

    assert dict(begun.pieces()) == kept["agents"]

    live(begun, 5)
    begun.restore(kept)
    assert begun.export(ONE) == held.export(ONE)


def test_agents_of_a_rule_may_be_one() -> None:
    held = adaptive(share="rule")
    live(held, 20)

    assert list(held.agents()) == ["rule:web"]
    assert held.export(ONE) == held.export(TWO)
    assert held.state(ONE).experience == 38
    assert held.state(ONE).setting != held.state(TWO).setting


def test_other_settings() -> None:
    held = adaptive()
    now = live(held, 20)
    settings = held.settings

    held.apply(replace(settings, agent="dqn"), now)
    assert held.state(ONE).experience == 0
    now = live(held, 5, now)
    assert {agent.kind for agent in held.agents().values()} == {"dqn"}

    held.apply(replace(settings, agent="dqn", envelopes={"bulk": WITHIN}), now)
    assert held.clients() == []
    assert rule(held) is operators(held)
    held.enable(OTHER, now)
    assert held.clients() == [OTHER]


# Errors and bounds.


@pytest.mark.parametrize(
    "ask",
    [
        lambda held: held.enable("web/9.9.9.9", 0.0),
        lambda held: held.enable("none/9.9.9.9", 0.0, expected=True),
        lambda held: held.disable("web/9.9.9.9", 0.0),
        lambda held: held.targets("web/9.9.9.9", WANTED),
        lambda held: held.targets_of("web/9.9.9.9"),
        lambda held: held.application("web/9.9.9.9", {}, 0.0),
        lambda held: held.state("web/9.9.9.9"),
        lambda held: held.freeze("web/9.9.9.9"),
        lambda held: held.unfreeze("web/9.9.9.9"),
        lambda held: held.reset("web/9.9.9.9"),
        lambda held: held.export("web/9.9.9.9"),
        lambda held: held.load("web/9.9.9.9", {}),
    ],
)
def test_a_client_that_there_is_not(ask: Any) -> None:
    with pytest.raises(UnknownClient, match=r"there is no client '.*/9\.9\.9\.9'"):
        ask(adaptive())


def test_a_client_may_be_expected() -> None:
    """Its key says who it is, before its first request."""
    held = adaptive()
    held.targets("web/9.9.9.9", WANTED, expected=True)
    held.enable("web/9.9.9.9", 0.0, expected=True)
    held.step(1.0, {"web/9.9.9.9": Reading()})

    assert held.state("web/9.9.9.9").enabled
    assert held.watched() == [ONE, TWO, OTHER, "web/9.9.9.9"]


def test_a_client_without_an_envelope_cannot_be_in_the_mode() -> None:
    with pytest.raises(ValueError, match=r"client 'bulk/10\.1\.0\.1': its rule 'bulk' has no"):
        adaptive().enable(OTHER, 0.0)


def test_there_is_an_end_to_how_many_are_in_it() -> None:
    held = adaptive(clients=2)
    come(held.shaper, "web/10.0.0.3")

    held.enable(ONE, 0.0)
    with pytest.raises(ValueError, match="clients: there can be 2 in the adaptive mode"):
        held.enable("web/10.0.0.3", 0.0)


def test_what_is_remembered_is_bounded() -> None:
    held = adaptive(clients=2, history=5)
    for number in range(100):
        held.targets(f"web/10.0.1.{number}", WANTED, expected=True)
    live(held, 20)

    assert len(held.watched()) == 8
    assert held.clients() == [ONE, TWO]
    assert len(history(held)) == 5
    with pytest.raises(UnknownClient):
        held.state("web/10.0.1.1")


def test_fewer_may_be_in_it_than_are() -> None:
    """Nobody is put out; others must wait until there are fewer."""
    names = [f"web/10.0.0.{number}" for number in range(1, 9)]
    held = Adaptive(shaper(), AdaptiveSettings({"web": WITHIN}), random.Random(1))
    for name in names:
        held.enable(name, 0.0, expected=True)
    held.apply(replace(held.settings, clients=1), 1.0)

    held.targets(OTHER, WANTED, expected=True)
    assert held.watched() == [*names, OTHER]
    held.targets("web/10.0.2.2", WANTED, expected=True)

    assert held.watched() == [*names, "web/10.0.2.2"]


@pytest.mark.parametrize("figure", ["p95_seconds", "arrivals", "pressure"])
def test_a_reading_that_is_no_number_is_refused_by_name(figure: str) -> None:
    """And nothing of the interval has happened."""
    held = adaptive()
    live(held, 5)
    before = history(held), rule(held), held.export(ONE)
    wrong = read()
    setattr(wrong, figure, nan)

    with pytest.raises(ValueError, match=f"client '{TWO}': {figure}: must be a finite number"):
        held.step(6.0, {ONE: read(), TWO: wrong})

    assert (history(held), rule(held), held.export(ONE)) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"agent": "best"}, "agent: must be one of tabular, dqn"),
        ({"share": "all"}, "share: must be client or rule, not 'all'"),
        ({"history": 0}, "history: must be 1 or more"),
        ({"clients": 0}, "clients: must be 1 or more"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Adaptive(shaper(), AdaptiveSettings({}, **wrong), random.Random(1))
    held = adaptive()
    with pytest.raises(ValueError, match=message):
        held.apply(replace(held.settings, **wrong), 0.0)


def test_who_is_not_in_the_mode_is_never_touched() -> None:
    held = adaptive()
    before = client(held.shaper, OTHER).requests
    live(held, 50)

    assert client(held.shaper, OTHER).rule is operators(held, "bulk")
    assert client(held.shaper, OTHER).requests is before
    assert held.state(OTHER).setting == Setting(50.0)
    assert held.state(OTHER).intervals == 0
