"""The envelope: what no agent leaves, whatever it does."""

import random
from collections import deque
from dataclasses import replace
from math import inf, log, nan
from typing import Any

import pytest

from rl.shaping.envelope import (
    GRAIN_SECONDS,
    MINUTE_SECONDS,
    PATH_CHANGES_PER_MINUTE,
    Bounds,
    Envelope,
    Moves,
)
from rl.shaping.settings import ACTIONS, FACTORS, KEEP, LEVERS, Setting

pytestmark = pytest.mark.unit

NUMBER = {name: number for number, name in enumerate(ACTIONS)}


def whole() -> Envelope:
    return Envelope(
        {
            "requests_per_second": Bounds(5, 200, 1.25, 4),
            "download_bytes_per_second": Bounds(1e4, 1e7, 1.5),
            "burst": Bounds(1, 50, 1.5, 8),
            "urgency": Bounds(1, 6, 2, 6),
            "drop_probability": Bounds(0, 0.5, 0.15, 0.6),
        },
        paths=3,
    )


def drawn(dice: random.Random) -> Envelope:
    """Any envelope that an operator could write down."""
    bounds: dict[str, Bounds] = {}
    for lever, scale in (("requests_per_second", 1.0), ("download_bytes_per_second", 1e5)):
        if dice.random() < 0.8:
            least = scale * dice.uniform(0.5, 50)
            most = least * dice.choice([1.0, 1.5, 10.0, 300.0])
            per_minute = dice.choice([None, 1.0, 1.3, 5.0, 50.0])
            bounds[lever] = Bounds(least, most, dice.uniform(1.01, 3), per_minute)
    if dice.random() < 0.8:
        least = dice.randint(1, 5)
        bounds["burst"] = Bounds(least, least + dice.randint(0, 50), 1.3, dice.choice([None, 6.0]))
    if dice.random() < 0.8:
        least = dice.randint(0, 7)
        bounds["urgency"] = Bounds(least, dice.randint(least, 7), dice.randint(1, 3), 5)
    if dice.random() < 0.8:
        bounds["drop_probability"] = Bounds(
            0.05, 0.7, dice.uniform(0.01, 0.4), dice.choice([None, 1])
        )
    return Envelope(bounds, dice.randint(1, 4), dice.random() < 0.05)


def begun(dice: random.Random) -> Setting:
    return Setting(
        dice.choice([None, dice.uniform(0.01, 1000)]),
        dice.choice([None, dice.uniform(100, 1e9)]),
        dice.choice([None, dice.randint(1, 1000)]),
        dice.randint(0, 7),
        dice.random(),
        dice.randint(0, 5),
    )


def is_within(envelope: Envelope, setting: Setting) -> bool:
    """Said in other words than the envelope's own."""
    for lever, bounds in envelope.bounds.items():
        value = getattr(setting, lever)
        if value is None:
            if lever != "burst" or setting.requests_per_second is not None:
                return False
        elif not bounds.least <= value <= bounds.most:
            return False
    whole = setting.burst is None or setting.burst == int(setting.burst)
    return whole and isinstance(setting.urgency, int) and 0 <= setting.path < envelope.paths


class Minute:
    """All movements of the last 60 s, one by one."""

    def __init__(self) -> None:
        self.moves: deque[tuple[float, float]] = deque()
        self.total = 0.0

    def add(self, amount: float, now: float) -> float:
        moves = self.moves
        while moves and moves[0][0] <= now - MINUTE_SECONDS:
            moves.popleft()
            self.total = sum(each for _, each in moves)
        moves.append((now, amount))
        self.total += amount
        return self.total


def act_at_random(actions: int, seed: int) -> int:
    """So many random actions, of agents that do not look at the mask, in random envelopes that are
    changed under way; the number of them that moved something."""
    dice = random.Random(seed)
    moved = 0
    while actions > 0:
        envelope, setting, moves = drawn(dice), begun(dice), Moves()
        minutes = {lever: Minute() for lever in LEVERS}
        now = 0.0
        step = dice.choice([0.05, 1.0, 7.0])
        held = min(actions, dice.choice([10, 1000]))
        actions -= held
        setting = envelope.clamp(setting)
        for _ in range(held):
            now += step
            before = setting
            setting = envelope.apply(before, dice.randrange(len(ACTIONS)), now, moves)
            if setting is before:
                continue
            moved += 1
            assert is_within(envelope, setting), (envelope.bounds, setting)
            assert not envelope.frozen
            (lever,) = [each for each in LEVERS if getattr(before, each) != getattr(setting, each)]
            old, new = getattr(before, lever), getattr(setting, lever)
            if lever == "path":
                amount, most = 1.0, float(PATH_CHANGES_PER_MINUTE)
            else:
                bounds = envelope.bounds[lever]
                factor = lever in FACTORS
                amount = abs(log(new / old)) if factor else abs(new - old)
                given = bounds.per_minute
                most = inf if given is None else log(given) if factor else given
                # No further than a step, but for a burst, whose next whole number may be further.
                step_size = log(bounds.step) if factor else bounds.step
                assert amount <= step_size + 1e-9 or lever == "burst"
            assert minutes[lever].add(amount, now) <= most + 1e-6
    return moved


def test_a_hundred_thousand_random_actions_never_leave_it() -> None:
    """Neither the bounds nor what may be moved in a minute, whatever is done."""
    assert act_at_random(100_000, 1) > 3_000


@pytest.mark.slow
def test_a_million_random_actions_never_leave_it() -> None:
    assert act_at_random(1_000_000, 2) > 30_000


def test_the_mask_says_what_an_action_would_do() -> None:
    """What is masked changes nothing, and what is not does."""
    dice = random.Random(3)
    for _ in range(2_000):
        envelope, moves = drawn(dice), Moves()
        setting = envelope.clamp(begun(dice))
        now = 0.0
        for _ in range(5):
            now += 1.0
            mask = envelope.mask(setting, now, moves)
            assert mask[KEEP] and len(mask) == len(ACTIONS)
            action = dice.randrange(len(ACTIONS))
            after = envelope.apply(setting, action, now, moves)
            assert (after != setting) == (mask[action] and action != KEEP)
            setting = after


def test_rates_move_by_factors_and_the_others_by_sums() -> None:
    envelope, moves = whole(), Moves()
    setting = Setting(100.0, 1e6, 10, 3, 0.15)

    found = {
        name: envelope.apply(setting, NUMBER[name], float(number), moves)
        for number, name in enumerate(ACTIONS)
    }

    assert found["keep"] is setting
    assert found["requests_per_second-"].requests_per_second == pytest.approx(80.0)
    assert found["requests_per_second+"].requests_per_second == pytest.approx(125.0)
    assert found["download_bytes_per_second+"].download_bytes_per_second == pytest.approx(1.5e6)
    assert found["burst-"].burst == 7
    assert found["burst+"].burst == 15
    assert found["urgency-"].urgency == 1
    assert found["urgency+"].urgency == 5
    assert found["drop_probability+"].drop_probability == pytest.approx(0.3)
    assert found["drop_probability-"].drop_probability == 0.0
    assert found["path"].path == 1


def test_a_step_ends_at_the_bound() -> None:
    envelope, moves = whole(), Moves()

    found = envelope.apply(Setting(190.0, 1e6, 10, 6), NUMBER["requests_per_second+"], 0.0, moves)

    assert found.requests_per_second == 200.0
    assert not envelope.mask(found, 0.0, moves)[NUMBER["requests_per_second+"]]
    assert not envelope.mask(found, 0.0, moves)[NUMBER["urgency+"]]


def test_a_small_burst_moves_by_one() -> None:
    envelope = Envelope({"burst": Bounds(1, 3, 1.1)})

    found = envelope.apply(Setting(10.0, None, 1), NUMBER["burst+"], 0.0, Moves())

    assert found.burst == 2
    assert envelope.apply(found, NUMBER["burst-"], 0.0, Moves()).burst == 1


def test_what_was_moved_in_a_minute_comes_back() -> None:
    envelope, moves = whole(), Moves()
    setting = Setting(100.0, 1e6, 10, 3)
    up, down = NUMBER["requests_per_second+"], NUMBER["requests_per_second-"]

    # log(4) / log(1.25) is 6.2: six steps, up and down alike.
    for number in range(6):
        assert envelope.mask(setting, float(number), moves)[up]
        setting = envelope.apply(setting, up if number % 2 else down, float(number), moves)
    assert setting.requests_per_second == pytest.approx(100.0)
    assert not envelope.mask(setting, 6.0, moves)[up]
    assert envelope.apply(setting, up, 59.9, moves) is setting
    assert envelope.apply(setting, up, 60.0, moves) is not setting


def test_paths_go_round_and_not_too_often() -> None:
    envelope, moves = Envelope({}, paths=2), Moves()
    setting = Setting()

    seen = []
    for second in range(4):
        setting = envelope.apply(setting, NUMBER["path"], float(second), moves)
        seen.append(setting.path)

    assert seen == [1, 0, 0, 0]
    assert PATH_CHANGES_PER_MINUTE == 2
    often = Envelope({"path": Bounds(0, 1, 1, 4)}, paths=2)
    assert often.apply(setting, NUMBER["path"], 4.0, moves).path == 1
    assert not Envelope({}, paths=1).mask(Setting(), 0.0, Moves())[NUMBER["path"]]


def test_what_is_outside_is_put_inside() -> None:
    envelope = whole()

    assert envelope.clamp(Setting()) == Setting(200, 1e7, 20.0, 3)
    assert envelope.clamp(Setting(1.0, 1.0, 99, 7, 0.9, 7)) == Setting(5, 1e4, 50, 6, 0.5, 0)
    assert envelope.clamp(Setting(1.0, 1.0, 99, 0, 0.9, 7)).urgency == 1
    within = Setting(100.0, 1e6, 10, 3)
    assert envelope.clamp(within) is within
    assert envelope.holds(within) and not envelope.holds(Setting())
    # Without a rate a burst means nothing.
    assert Envelope({"burst": Bounds(2, 4, 2)}).clamp(Setting()) == Setting()
    assert Envelope({"burst": Bounds(2, 4, 2)}).clamp(Setting(1.0)) == Setting(1.0, burst=2.0)
    with pytest.raises(ValueError, match=r"^requests_per_second: must be a number"):
        envelope.clamp(Setting(nan, 1e6, 10))


def test_a_narrower_envelope_counts_for_the_next_action() -> None:
    envelope = Envelope({"requests_per_second": Bounds(5, 20, 1.25)})

    found = envelope.apply(Setting(100.0), NUMBER["keep"], 0.0, Moves())

    assert found.requests_per_second == 20


def test_a_frozen_one_lets_nothing_move() -> None:
    envelope = Envelope(whole().bounds, 3, frozen=True)

    assert envelope.mask(Setting(100.0, 1e6, 10), 0.0, Moves()) == [True] + [False] * 11


def test_where_a_lever_stands() -> None:
    envelope = whole()
    setting = Setting(5.0, 1e7, 100, 6, 0.25)

    assert envelope.position(setting, "requests_per_second") == 0.0
    assert envelope.position(setting, "download_bytes_per_second") == 1.0
    assert envelope.position(setting, "burst") == 1.0
    assert envelope.position(setting, "urgency") == 1.0
    assert envelope.position(setting, "drop_probability") == 0.5
    assert Envelope({}).position(setting, "urgency") is None
    assert Envelope({"urgency": Bounds(3, 3, 1)}).position(setting, "urgency") is None
    middle = replace(setting, requests_per_second=(5 * 200) ** 0.5)
    assert envelope.position(middle, "requests_per_second") == pytest.approx(0.5)


def test_a_record_of_moves_is_bounded() -> None:
    """One entry a second, and no older than a minute, however often something moves."""
    moves = Moves()
    for number in range(20_000):
        now = number * 0.01
        moves.add("urgency", 0.1, now)
    assert moves.total("urgency", now) == pytest.approx(60 * 100 * 0.1, rel=0.03)
    assert moves.entries() <= MINUTE_SECONDS / GRAIN_SECONDS + 2
    assert moves.total("urgency", now + MINUTE_SECONDS) == 0.0


@pytest.mark.parametrize(
    ("lever", "bounds", "message"),
    [
        ("rate", Bounds(1, 2, 2), "rate: is no lever"),
        ("urgency", Bounds(nan, 2, 1), "urgency.least: must be a finite number"),
        ("urgency", Bounds(1, inf, 1), "urgency.most: must be a finite number"),
        ("urgency", Bounds(1, 2, -inf), "urgency.step: must be a finite number"),
        ("urgency", Bounds(3, 2, 1), "urgency.least: 3 is more than most, 2"),
        ("urgency", Bounds(0, 8, 1), "urgency: must lie between 0 and 7"),
        ("urgency", Bounds(0, 7, 0), "urgency.step: must be above 0"),
        ("urgency", Bounds(0, 7, 1.5), "urgency: must be whole numbers"),
        ("urgency", Bounds(0, 7, 1, nan), "urgency.per_minute: must be 0 or more"),
        ("drop_probability", Bounds(-0.1, 1, 0.1), "drop_probability: must lie between 0 and 1"),
        ("requests_per_second", Bounds(0, 1, 2), "requests_per_second: must lie between 0.001"),
        ("requests_per_second", Bounds(1, 2, 1), "requests_per_second.step: must be above 1"),
        ("requests_per_second", Bounds(1, 2, 2, 0.5), "requests_per_second.per_minute: must be 1"),
        ("download_bytes_per_second", Bounds(1, 2e3, 2), "download_bytes_per_second: must lie"),
        ("burst", Bounds(1.2, 1.8, 2), "burst: must hold a whole number"),
    ],
)
def test_what_is_wrong_is_named(lever: str, bounds: Bounds, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Envelope({lever: bounds})


def test_there_is_a_path_at_least() -> None:
    with pytest.raises(ValueError, match="paths: must be 1 or more"):
        Envelope({}, paths=0)


@pytest.mark.parametrize("action", [-1, 12, 99])
def test_an_action_that_there_is_not(action: int) -> None:
    given: dict[str, Any] = {"setting": Setting(), "action": action, "now": 0.0, "moved": Moves()}
    with pytest.raises(ValueError, match=f"action: must be 0 to 11, not {action}"):
        Envelope({}).apply(**given)
