"""A station against queueing theory's closed forms, and every step a visit can take."""

import math
import random
from collections.abc import Callable

import pytest

from rl.simulation.kernel import Kernel
from rl.simulation.latency_estimate import LatencyEstimate
from rl.simulation.service import Phase, RouteCost, ServiceBehaviour, ServiceProfile
from rl.simulation.station import Station, Visit
from rl.vocabulary import RequestContext

pytestmark = pytest.mark.unit

BATCHES = 20


class Play:
    """A station, its kernel, and the answers that came."""

    def __init__(
        self, profile: ServiceProfile, base_delay: float = 1.0, estimate: bool = False
    ) -> None:
        self.kernel = Kernel(1000.0)
        self.answers: list[tuple[int, float, int]] = []
        behaviour = ServiceBehaviour(profile, base_delay, random.Random(7))
        self.station = Station(
            "s",
            0,
            behaviour,
            self.kernel,
            self.answered,
            LatencyEstimate() if estimate else None,
        )

    def answered(self, visit: Visit, now: float) -> None:
        self.answers.append((visit.number, now - 1000.0, visit.status))

    def visit(self, number: int, path: str = "/", quantile: float = 0.5) -> Visit:
        return Visit(
            number, 0.0, RequestContext("GET", path), quantile, None, None, (), self.station
        )

    def come(self, second: float, number: int, path: str = "/", quantile: float = 0.5) -> Visit:
        visit = self.visit(number, path, quantile)
        self.kernel.at(1000.0 + second, self.station.arrive, visit)
        return visit

    def do(self, second: float, call: Callable[[float], object]) -> None:
        self.kernel.at(1000.0 + second, lambda item, now: call(now))

    def run(self) -> list[tuple[int, float, int]]:
        self.kernel.run()
        assert self.station.active == self.station.slots.working == self.station.slots.waiting == 0
        assert self.station.backlog == 0.0
        return self.answers


def sojourns(profile: ServiceProfile, rate: float, requests: int, seed: int = 1) -> list[float]:
    """Seconds that each of a Poisson stream stays at a station of base delay 1."""
    play = Play(profile)
    dice = random.Random(seed)
    found: list[float] = []
    play.answered = lambda visit, now: found.append(now - visit.came)  # type: ignore[method-assign]
    play.station._answered = play.answered
    left = requests

    def arrive(item: None, now: float) -> None:
        nonlocal left
        play.station.arrive(play.visit(left, quantile=dice.random()), now)
        left -= 1
        if left:
            play.kernel.at(now + dice.expovariate(rate), arrive)

    play.kernel.at(1000.0, arrive)
    play.kernel.run()
    assert len(found) == requests
    return found[requests // 20 :]


def agrees(values: list[float], expected: float) -> bool:
    """Within three standard errors by batch means, which must be small enough to mean something."""
    size = len(values) // BATCHES
    means = [sum(values[batch * size : (batch + 1) * size]) / size for batch in range(BATCHES)]
    mean = sum(means) / BATCHES
    error = math.sqrt(sum((each - mean) ** 2 for each in means) / (BATCHES - 1) / BATCHES)
    assert error < 0.06 * expected
    return abs(mean - expected) < 3 * error


def test_mm1_mean_sojourn() -> None:
    """1 / (mu - lambda)."""
    profile = ServiceProfile(sizes="exponential", slots=1, queue_limit=10_000)
    assert agrees(sojourns(profile, 0.6, 30_000), 1.0 / (1.0 - 0.6))


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
def test_mmc_mean_sojourn(discipline: str) -> None:
    """Erlang C: the chance to wait, times 1 / (c mu - lambda), and the service. Exponential sizes
    leave as often when they share as when they wait, so by Little's law both take as long."""
    c, rate = 3, 2.1
    offered = rate
    head = sum(offered**n / math.factorial(n) for n in range(c))
    tail = offered**c / math.factorial(c) * c / (c - offered)
    expected = tail / (head + tail) / (c - rate) + 1.0
    profile = ServiceProfile(
        sizes="exponential",
        slots=c,
        queue_limit=10_000,
        discipline=discipline,  # type: ignore[arg-type]
    )
    assert agrees(sojourns(profile, rate, 30_000), expected)


@pytest.mark.parametrize(
    ("profile", "variation"),
    [
        (ServiceProfile(sizes="uniform", spread=0.1, slots=1, queue_limit=10_000), 0.01 / 3),
        (ServiceProfile(sizes="lognormal", spread=0.5, slots=1, queue_limit=10_000), 0.25),
    ],
)
def test_mg1_mean_sojourn(profile: ServiceProfile, variation: float) -> None:
    """Pollaczek and Khinchine: rho (1 + cv^2) / (2 (1 - rho)) of waiting, and the service."""
    rho = 0.6
    expected = 1.0 + rho * (1.0 + variation) / (2.0 * (1.0 - rho))
    assert agrees(sojourns(profile, rho, 25_000), expected)


@pytest.mark.parametrize("sizes", ["exponential", "lognormal"])
def test_processor_sharing_mean_sojourn_knows_no_variation(sizes: str) -> None:
    """M/G/1 under processor sharing has the mean of M/M/1, whatever the distribution of sizes."""
    profile = ServiceProfile(
        sizes=sizes,  # type: ignore[arg-type]
        spread=1.0,
        slots=1,
        queue_limit=10_000,
        discipline="processor_sharing",
    )
    assert agrees(sojourns(profile, 0.5, 25_000), 2.0)


def test_without_limit_nobody_waits() -> None:
    assert agrees(sojourns(ServiceProfile(sizes="exponential"), 50.0, 10_000), 1.0)


ONE = ServiceProfile(spread=0.0, slots=1, queue_limit=1)


def test_first_come_first_served_and_one_too_many_is_refused_at_once() -> None:
    play = Play(ONE)
    for number in range(3):
        play.come(0.1 * number, number)
    assert [(number, status) for number, _, status in play.run()] == [(2, 503), (0, 200), (1, 200)]
    assert [second for _, second, _ in play.answers] == pytest.approx([0.2, 1.0, 2.0])


def test_processor_sharing_refuses_beyond_its_bound_and_works_on_all_at_once() -> None:
    play = Play(ServiceProfile(spread=0.0, slots=1, queue_limit=1, discipline="processor_sharing"))
    for number in range(3):
        play.come(0.0, number)
    assert [(number, status) for number, _, status in play.run()] == [(2, 503), (0, 200), (1, 200)]
    assert [second for _, second, _ in play.answers] == pytest.approx([0.0, 2.0, 2.0])


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
def test_who_leaves_frees_what_it_held(discipline: str) -> None:
    """From its slot, from the queue, and not at all once it was answered."""
    profile = ServiceProfile(
        spread=0.0,
        slots=1,
        queue_limit=9,
        discipline=discipline,  # type: ignore[arg-type]
    )
    play = Play(profile)
    visits = [play.come(0.0, number) for number in range(3)]
    play.do(0.25, lambda now: play.station.leave(visits[0], now))
    play.do(0.25, lambda now: play.station.leave(visits[1], now))
    play.do(9.0, lambda now: play.station.leave(visits[2], now))
    answers = play.run()
    assert [(number, status) for number, _, status in answers] == [(2, 200)]
    done = 1.25 if discipline == "fifo" else 0.25 + 1.0 - 0.25 / 3
    assert answers[0][1] == pytest.approx(done)


@pytest.mark.parametrize("discipline", ["fifo", "processor_sharing"])
@pytest.mark.parametrize("holds", [True, False])
def test_who_hangs_keeps_its_slot_or_not(discipline: str, holds: bool) -> None:
    profile = ServiceProfile(
        spread=0.0,
        slots=1,
        queue_limit=9,
        phases=(Phase("hang", 0.0, 0.05, holds_slot=holds),),
        discipline=discipline,  # type: ignore[arg-type]
    )
    play = Play(profile)
    hung = play.come(0.0, 0)
    play.come(0.1, 1)
    seen: list[tuple[int, int]] = []
    play.do(0.2, lambda now: seen.append((play.station.active, play.station.slots.working)))
    play.do(5.0, lambda now: play.station.leave(hung, now))
    ((number, second, status),) = play.run()
    assert (number, status) == (1, 200)
    sharing = discipline == "processor_sharing"
    assert seen == [(2, 2 if holds and sharing else 1)]
    assert second == pytest.approx(1.1 if not holds else 2.1 if sharing else 6.0)


def test_a_queue_of_requests_that_hang_without_a_slot_is_gone_through_at_once() -> None:
    """However long: one after the other, not one inside the other."""
    profile = ServiceProfile(
        spread=0.0,
        slots=1,
        queue_limit=5000,
        phases=(Phase("hang", 0.5, holds_slot=False),),
    )
    play = Play(profile)
    visits = [play.come(0.0, number) for number in range(3000)]
    for visit in visits[1:]:
        play.kernel.at(1002.0, play.station.leave, visit)
    assert [number for number, _, _ in play.run()] == [0]


def test_phases_follow_the_clock_of_the_run() -> None:
    play = Play(
        ServiceProfile(
            spread=0.0, phases=(Phase("slow", 5.0, 10.0, factor=4.0), Phase("fail", 20.0))
        )
    )
    for number, second in enumerate((0.0, 6.0, 12.0, 21.0)):
        play.come(second, number)
    assert [(second, status) for _, second, status in play.run()] == [
        (1.0, 200),
        (10.0, 200),
        (13.0, 200),
        (21.0, 500),
    ]


def test_a_quantile_fixes_how_long_it_takes_and_backlog_is_what_was_expected() -> None:
    profile = ServiceProfile(
        sizes="exponential", slots=1, queue_limit=9, routes=(RouteCost("/dear", 10.0),)
    )
    play = Play(profile)
    play.come(0.0, 0, "/dear", 0.5)
    play.come(0.0, 1, "/", 0.5)
    seen: list[float] = []
    play.do(0.5, lambda now: seen.append(play.station.backlog))
    answers = play.run()
    assert [second for _, second, _ in answers] == pytest.approx(
        [10 * math.log(2), 11 * math.log(2)]
    )
    assert seen == [11.0]


def test_what_it_says_of_its_load() -> None:
    """Half of two slots are busy all the time, one answer a second; refusals count as failures."""
    play = Play(ServiceProfile(spread=0.0, slots=2, queue_limit=0), estimate=True)
    for number in range(10):
        play.come(float(number), number)
    reports: list[bytes] = []
    play.do(9.2, lambda now: reports.append(play.station.load_report(now)))
    assert play.station.mean_seconds == 0.0
    play.run()
    assert play.station.mean_seconds == pytest.approx(1.0)
    assert play.station.expect(play.kernel.now) == pytest.approx(1.0)
    (report,) = reports
    assert report == (
        b"TEXT cpu_utilization=0.5000,application_utilization=0.5000,"
        b"rps_fractional=1.00,named_metrics.active=1"
    )


def test_of_unlimited_slots_nothing_is_used() -> None:
    play = Play(ServiceProfile(spread=0.0))
    play.come(0.0, 0)
    play.run()
    assert b"application_utilization" not in play.station.load_report(1001.0)
    assert (play.station.full, play.station.expect(1001.0)) == (False, 0.0)
    assert play.station.elapsed(1001.0) == 1.0


def test_failures_are_told_and_do_not_make_it_look_fast() -> None:
    """Three failures in six tenths of a second; the mean is of good answers only."""
    play = Play(ServiceProfile(spread=0.0, phases=(Phase("fail", 0.0, 1.0),)), estimate=True)
    for number in range(5):
        play.come(number * 0.3, number)
    reports: list[bytes] = []
    play.do(0.95, lambda now: reports.append(play.station.load_report(now)))
    play.run()
    assert b",eps=3.33," in reports[0]
    assert play.station.mean_seconds == 1.0
