"""Service times by their moments, phases by their edges, slots by every step a request can take."""

import math
import random
from collections.abc import Callable

import pytest

from rl.simulation.service import (
    LARGEST_RESPONSE_BYTES,
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
    ("make", "problem"),
    [
        (
            lambda: Phase("late"),  # type: ignore[arg-type]
            "kind must be slow, fail, hang or warm_up, not 'late'",
        ),
        (lambda: Phase("slow", start=-1.0), "start must be 0 or more seconds, not -1.0"),
        (lambda: Phase("slow", start=math.nan), "start must be"),
        (lambda: Phase("slow", 5.0, 5.0), "end must be later than start (5.0 s), not 5.0"),
        (lambda: Phase("slow", 5.0, math.inf), "leave it out for a phase that never ends"),
        (lambda: Phase("warm_up", factor=2.0), "a warm_up needs an end"),
        (lambda: Phase("slow", factor=0.5), "factor must be at least 1, not 0.5"),
        (lambda: Phase("slow", factor=math.inf), "factor must be at least 1, not inf"),
        (lambda: Phase("hang", factor=2.0), "factor has no meaning in a hang phase"),
        (lambda: Phase("fail", probability=1.1), "probability must lie between 0 and 1, not 1.1"),
        (lambda: Phase("slow", probability=0.5), "probability has no meaning in a slow phase"),
        (lambda: Phase("fail", status=200), "status must be 400 to 599, not 200"),
        (lambda: Phase("hang", status=503), "status has no meaning in a hang phase"),
        (lambda: RouteCost("report"), "prefix must begin with /, not 'report'"),
        (lambda: RouteCost("/", -1.0), "factor must be 0 or more, not -1.0"),
        (
            lambda: ServiceProfile(sizes="pareto"),  # type: ignore[arg-type]
            "sizes must be uniform, exponential or lognormal, not 'pareto'",
        ),
        (lambda: ServiceProfile(spread=-0.1), "spread must be 0 or more, not -0.1"),
        (lambda: ServiceProfile(spread=math.nan), "spread must be 0 or more, not nan"),
        (lambda: ServiceProfile(spread=1.5), "spread of uniform sizes must be at most 1, not 1.5"),
        (lambda: ServiceProfile(slots=0), "slots must be at least 1, not 0"),
        (lambda: ServiceProfile(queue_limit=-1), "queue_limit must be 0 or more, not -1"),
        (lambda: ServiceProfile(response_bytes=-1), "response_bytes must be 0 to"),
        (
            lambda: ServiceProfile(response_bytes=LARGEST_RESPONSE_BYTES + 1),
            f"response_bytes must be 0 to {LARGEST_RESPONSE_BYTES}",
        ),
        (
            lambda: ServiceProfile(routes=(RouteCost("/a"), RouteCost("/a", 2.0))),
            "routes: prefix '/a' stands twice",
        ),
        (lambda: ServiceProfile(domains=("a.example:80",)), "domains: 'a.example:80' is not a"),
        (lambda: ServiceProfile(domains=("",)), "domains: '' is not a host name"),
        (lambda: behaviour(ServiceProfile(), -0.1), "base_delay must be 0 or more, not -0.1"),
        (lambda: behaviour(ServiceProfile(), math.inf), "base_delay must be 0 or more, not inf"),
    ],
)
def test_impossible_values_are_refused_with_their_name(
    make: Callable[[], object], problem: str
) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert problem in str(caught.value)


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
