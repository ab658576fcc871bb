"""Service times by their moments, phases by their edges, slots by every step a request can take."""

import math
import random
from collections.abc import Callable

import pytest

from rl.simulation.service import (
    LARGEST_RESPONSE_BYTES,
    KeyCache,
    OnOff,
    Phase,
    Place,
    RouteCost,
    ServiceBehaviour,
    ServiceProfile,
    Slots,
)

pytestmark = pytest.mark.unit

DRAWS = 20_000


def behaviour(profile: ServiceProfile, base_delay: float = 1.0, seed: int = 1) -> ServiceBehaviour:
    return ServiceBehaviour(profile, base_delay, random.Random(seed))


def seconds(profile: ServiceProfile, elapsed: float = 0.0, path: str = "/") -> list[float]:
    service = behaviour(profile)
    return [service.work(path, elapsed).seconds for _ in range(DRAWS)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def variation(values: list[float]) -> float:
    centre = mean(values)
    return math.sqrt(mean([(value - centre) ** 2 for value in values])) / centre


def exactly(*phases: Phase) -> ServiceProfile:
    """A server without dice of size: each request takes the base delay."""
    return ServiceProfile(spread=0.0, phases=phases)


@pytest.mark.parametrize(
    ("profile", "spread"),
    [
        (ServiceProfile(), 0.1 / math.sqrt(3)),
        (ServiceProfile(spread=1.0), 1.0 / math.sqrt(3)),
        (ServiceProfile(sizes="exponential"), 1.0),
        (ServiceProfile(sizes="lognormal", spread=0.5), 0.5),
        (ServiceProfile(sizes="lognormal", spread=1.2), 1.2),
        (ServiceProfile(sizes="pareto", spread=0.4), 0.4),
    ],
)
def test_sizes_have_mean_one_and_the_variation_that_was_asked_for(
    profile: ServiceProfile, spread: float
) -> None:
    """Mean within three standard errors; the coefficient of variation within 5 %."""
    drawn = seconds(profile)
    assert abs(mean(drawn) - 1.0) < 3 * spread / math.sqrt(DRAWS)
    assert variation(drawn) == pytest.approx(spread, rel=0.05)
    assert min(drawn) >= 0.0


def test_uniform_sizes_stay_within_the_spread() -> None:
    drawn = seconds(ServiceProfile(spread=0.2))
    assert 0.8 <= min(drawn) < 0.801
    assert 1.199 < max(drawn) <= 1.2


@pytest.mark.parametrize("sizes", ["uniform", "lognormal"])
def test_without_spread_every_request_is_of_size_one(sizes: str) -> None:
    profile = ServiceProfile(sizes=sizes, spread=0.0)  # type: ignore[arg-type]
    assert behaviour(profile, 0.05).work("/", 0.0).seconds == pytest.approx(0.05)


def test_same_dice_same_work() -> None:
    """Nothing but the seed decides."""
    profile = ServiceProfile(sizes="lognormal", spread=0.7)
    first, second = behaviour(profile, seed=9), behaviour(profile, seed=9)
    assert [first.work("/", 0) for _ in range(50)] == [second.work("/", 0) for _ in range(50)]


def test_longest_matching_prefix_decides_the_cost() -> None:
    routes = (RouteCost("/report", 4.0), RouteCost("/report/small", 0.5), RouteCost("/free", 0.0))
    service = behaviour(ServiceProfile(spread=0.0, routes=routes), 0.1)
    costs = {
        path: service.work(path, 0.0).seconds for path in ("/report/8", "/report/small/1", "/")
    }
    assert costs == pytest.approx({"/report/8": 0.4, "/report/small/1": 0.05, "/": 0.1})
    assert service.work("/free", 0.0).seconds == 0.0


def test_slow_phase_multiplies_from_its_start_to_just_before_its_end() -> None:
    service = behaviour(exactly(Phase("slow", 5.0, 10.0, factor=4.0)))
    times = (4.999, 5.0, 9.999, 10.0)
    assert [service.work("/", at).seconds for at in times] == [1.0, 4.0, 4.0, 1.0]


def test_phase_without_end_lasts() -> None:
    service = behaviour(exactly(Phase("slow", 5.0, factor=2.0)))
    assert [service.work("/", at).seconds for at in (0.0, 1e9)] == [1.0, 2.0]


def test_warm_up_falls_linearly_to_normal_speed() -> None:
    service = behaviour(exactly(Phase("warm_up", 2.0, 6.0, factor=5.0)))
    times = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    assert [service.work("/", at).seconds for at in times] == [1.0, 5.0, 4.0, 3.0, 2.0, 1.0, 1.0]


def test_factors_of_overlapping_phases_multiply() -> None:
    service = behaviour(exactly(Phase("slow", factor=3.0), Phase("slow", factor=2.0)))
    assert service.work("/", 0.0).seconds == 6.0


def test_failing_takes_no_time_and_says_its_status() -> None:
    work = behaviour(exactly(Phase("fail", status=502))).work("/", 0.0)
    assert (work.seconds, work.status, work.hangs) == (0.0, 502, False)


def test_hanging_never_ends() -> None:
    work = behaviour(exactly(Phase("hang"))).work("/", 0.0)
    assert work.hangs
    assert work.seconds == math.inf


@pytest.mark.parametrize(
    ("phase", "trouble"),
    [
        (Phase("fail", probability=0.3), lambda work: work.status == 500),
        (Phase("hang", probability=0.3), lambda work: work.hangs),
    ],
)
def test_trouble_comes_with_its_probability(
    phase: Phase, trouble: Callable[[object], bool]
) -> None:
    """Within three standard errors; everything else is served as usual."""
    service = behaviour(exactly(phase))
    works = [service.work("/", 0.0) for _ in range(DRAWS)]
    share = sum(map(trouble, works)) / DRAWS
    assert abs(share - 0.3) < 3 * math.sqrt(0.3 * 0.7 / DRAWS)
    assert {work.seconds for work in works if not trouble(work)} == {1.0}


def test_probability_zero_never_and_one_always() -> None:
    never, always = exactly(Phase("fail", probability=0.0)), exactly(Phase("fail"))
    assert {behaviour(never, seed=seed).work("/", 0).status for seed in range(200)} == {200}
    assert {behaviour(always, seed=seed).work("/", 0).status for seed in range(200)} == {500}


def test_first_phase_in_order_decides_between_failing_and_hanging() -> None:
    fail, hang = Phase("fail"), Phase("hang")
    assert not behaviour(exactly(fail, hang)).work("/", 0.0).hangs
    assert behaviour(exactly(hang, fail)).work("/", 0.0).hangs


def test_a_slow_phase_does_not_change_the_sizes() -> None:
    """Two servers with equal dice differ by the factor alone, so that they can be compared."""
    sizes = ServiceProfile(sizes="lognormal", spread=1.0)
    slowed = ServiceProfile(sizes="lognormal", spread=1.0, phases=(Phase("slow", factor=3.0),))
    plain, slow = behaviour(sizes), behaviour(slowed)
    for _ in range(100):
        assert slow.work("/", 0).seconds == pytest.approx(3 * plain.work("/", 0).seconds)


@pytest.mark.parametrize(
    "profile",
    [
        ServiceProfile(spread=0.4),
        ServiceProfile(sizes="exponential"),
        ServiceProfile(sizes="lognormal", spread=2.0),
        ServiceProfile(sizes="lognormal", spread=0.0),
        ServiceProfile(sizes="pareto", spread=3.0),
    ],
)
def test_a_quantile_fixes_the_size_and_larger_ones_are_larger(profile: ServiceProfile) -> None:
    """The same on every server; and no throw of the dice, 0 included, is out of range."""
    one, other = behaviour(profile, seed=1), behaviour(profile, 2.0, seed=2)
    quantiles = [0.0, 1e-9, 0.1, 0.5, 0.9, 1.0 - 2.0**-53]
    sizes = [one.work("/", 0.0, quantile).seconds for quantile in quantiles]
    assert [other.work("/", 0.0, quantile).seconds / 2.0 for quantile in quantiles] == sizes
    assert sizes == sorted(sizes)
    assert 0.0 <= sizes[0] and sizes[-1] < math.inf


def test_quantiles_in_equal_steps_have_mean_one() -> None:
    for profile in (ServiceProfile(), ServiceProfile(sizes="lognormal", spread=0.5)):
        size = behaviour(profile).size
        assert mean([size((step + 0.5) / 10_000) for step in range(10_000)]) == pytest.approx(
            1.0, rel=1e-3
        )


def test_the_median_of_known_distributions() -> None:
    """Closed forms: ln 2, exp(-v/2), and (a - 1) / a * 2^(1/a)."""
    medians = {
        sizes: behaviour(ServiceProfile(sizes=sizes, spread=1.0)).size(0.5)
        for sizes in ("exponential", "lognormal", "pareto")
    }
    shape = 1.0 + math.sqrt(2.0)
    assert medians == pytest.approx(
        {
            "exponential": math.log(2.0),
            "lognormal": math.exp(-math.log(2.0) / 2.0),
            "pareto": (shape - 1.0) / shape * 2.0 ** (1.0 / shape),
        }
    )


def test_what_is_expected_of_a_path() -> None:
    routes = (RouteCost("/report", 4.0),)
    service = behaviour(ServiceProfile(routes=routes), 0.1)
    assert (service.mean("/report/1"), service.mean("/item")) == (0.4, 0.1)


def test_a_key_that_is_remembered_takes_the_time_of_a_hit() -> None:
    """Slowed like work; the query is part of the key; trouble touches nothing."""
    profile = ServiceProfile(
        spread=0.0,
        cache_keys=2,
        cache_seconds=0.25,
        phases=(Phase("slow", 10.0, factor=2.0), Phase("fail", 20.0, 21.0)),
    )
    service = behaviour(profile)
    asked = ["/a", "/a", "/a?x=1", "/a?x=1", "/b", "/a"]
    assert [service.work(path, 0.0).seconds for path in asked] == [1.0, 0.25, 1.0, 0.25, 1.0, 1.0]
    assert service.work("/a", 10.0).seconds == 0.5
    assert service.work("/c", 20.0).status == 500
    assert service.work("/c", 30.0).seconds == 2.0


def test_who_asks_whether_a_key_is_remembered_changes_nothing() -> None:
    service = behaviour(ServiceProfile(spread=0.0, cache_keys=1))
    assert not service.remembers("/a")
    service.work("/a", 0.0)
    assert (service.remembers("/a"), service.remembers("/b")) == (True, False)
    assert not behaviour(ServiceProfile()).remembers("/a")


def test_the_least_recently_used_key_is_forgotten() -> None:
    cache = KeyCache(2)
    assert [cache.hit(key) for key in "abacab"] == [False, False, True, False, True, False]


def test_on_and_off_for_exponential_times() -> None:
    """Off first, the long-run share within three standard errors, and the same for equal dice."""
    process, same = OnOff(1.0, 3.0, random.Random(4)), OnOff(1.0, 3.0, random.Random(4))
    assert not process.at(0.0)
    on = [process.at(step * 0.1) for step in range(1, 80_000)]
    assert sum(on) / len(on) == pytest.approx(0.25, abs=0.03)
    assert [same.at(step * 0.1) for step in range(1, 1000)] == on[:999]


def test_servers_with_the_same_noisy_neighbour_are_slowed_at_the_same_moments() -> None:
    def slowed(neighbour: str, shared_seed: int, own: int) -> list[float]:
        noise = Phase("noise", 5.0, factor=3.0, neighbour=neighbour)
        service = ServiceBehaviour(exactly(noise), 1.0, random.Random(own), shared_seed)
        return [service.work("/", step / 10).seconds for step in range(400)]

    first = slowed("a", 1, 1)
    assert set(first[:50]) == {1.0} and set(first) == {1.0, 3.0}
    assert slowed("a", 1, 2) == first
    assert slowed("b", 1, 1) != first
    assert slowed("a", 2, 1) != first


def test_one_that_hangs_may_give_its_slot_back() -> None:
    work = behaviour(exactly(Phase("hang", holds_slot=False))).work("/", 0.0)
    assert work.hangs and not work.holds_slot
    assert behaviour(exactly(Phase("hang"))).work("/", 0.0).holds_slot


@pytest.mark.parametrize("base_delay", [-0.1, math.inf, math.nan])
def test_an_impossible_base_delay_is_refused(base_delay: float) -> None:
    with pytest.raises(ValueError, match=f"base_delay must be 0 or more, not {base_delay}"):
        behaviour(ServiceProfile(), base_delay)


def test_possible_values_are_taken() -> None:
    """The edges of what is allowed."""
    profile = ServiceProfile(
        sizes="lognormal",
        spread=3.0,
        slots=1,
        queue_limit=0,
        routes=(RouteCost("/a"), RouteCost("/b")),
        phases=(Phase("fail", status=599, probability=0.0), Phase("warm_up", end=1.0, factor=2.0)),
        response_bytes=LARGEST_RESPONSE_BYTES,
        domains=("a.example", "localhost"),
    )
    assert behaviour(profile, 0.0).work("/", 5.0).seconds == 0.0


def test_without_limit_everything_starts() -> None:
    slots: Slots[int] = Slots(None, 0)
    assert [slots.arrive(item) for item in range(1000)] == [Place.STARTED] * 1000
    assert (slots.working, slots.waiting, slots.full) == (1000, 0, False)


def test_slots_then_queue_then_refusal() -> None:
    slots: Slots[str] = Slots(2, 1)
    assert not slots.full
    assert [slots.arrive(item) for item in "abcd"] == [
        Place.STARTED,
        Place.STARTED,
        Place.QUEUED,
        Place.REFUSED,
    ]
    assert (slots.working, slots.waiting, slots.full) == (2, 1, True)


def test_a_queue_with_room_is_not_full() -> None:
    slots: Slots[str] = Slots(1, 1)
    slots.arrive("a")
    assert not slots.full


def test_first_come_first_served() -> None:
    slots: Slots[str] = Slots(1, 3)
    for item in "abcd":
        slots.arrive(item)
    assert [slots.finish() for _ in range(4)] == ["b", "c", "d", None]
    assert (slots.working, slots.waiting) == (0, 0)
    assert slots.arrive("e") is Place.STARTED


def test_who_leaves_the_queue_makes_room_and_is_not_called() -> None:
    slots: Slots[str] = Slots(1, 2)
    for item in "abc":
        slots.arrive(item)
    assert slots.leave("b")
    assert not slots.leave("b")
    assert slots.arrive("d") is Place.QUEUED
    assert [slots.finish(), slots.finish()] == ["c", "d"]


def test_who_works_cannot_leave_the_queue() -> None:
    slots: Slots[str] = Slots(1, 2)
    slots.arrive("a")
    assert not slots.leave("a")
    assert slots.working == 1


def test_a_slot_is_given_back_once() -> None:
    slots: Slots[str] = Slots(1, 0)
    slots.arrive("a")
    slots.finish()
    with pytest.raises(RuntimeError, match="nobody had"):
        slots.finish()


def test_never_more_than_the_slots_work_and_nobody_is_lost() -> None:
    """Under any order of arrivals, ends and departures: what came in is working, waiting or over,
    the limits hold, and no slot is idle while somebody waits."""
    rng = random.Random(5)
    slots: Slots[int] = Slots(3, 5)
    waiting: list[int] = []
    working = 0
    for item in range(5000):
        step = rng.random()
        if step < 0.5:
            place = slots.arrive(item)
            assert (place is Place.REFUSED) == (working == 3 and len(waiting) == 5)
            working += place is Place.STARTED
            if place is Place.QUEUED:
                waiting.append(item)
        elif step < 0.9 and working:
            following = slots.finish()
            assert following == (waiting.pop(0) if waiting else None)
            working -= following is None
        elif waiting:
            assert slots.leave(waiting.pop(rng.randrange(len(waiting))))
        assert (slots.working, slots.waiting) == (working, len(waiting))
        assert working == 3 or not waiting
