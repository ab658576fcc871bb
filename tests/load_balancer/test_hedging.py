"""When a second try pays."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import Hedging
from load_balancer.hedging import EDGES, LONGEST, REFRESH_SECONDS, HedgeDelays, may_hedge

pytestmark = pytest.mark.unit

SETTINGS = Hedging(minimum_samples=20, minimum_delay_seconds=0.0, half_life_seconds=60.0)


def learned(
    latencies: list[float], settings: Hedging = SETTINGS, now: float = 100.0, name: str = "GET /"
) -> HedgeDelays:
    delays = HedgeDelays(settings, 0.0)
    for latency in latencies:
        delays.observe(name, latency, now)
    return delays


@pytest.mark.parametrize(
    ("method", "has_body", "expected"),
    [
        ("GET", False, True),
        ("HEAD", False, True),
        ("OPTIONS", False, True),
        ("GET", True, False),
        ("PUT", False, False),
        ("DELETE", False, False),
        ("POST", False, False),
        ("TRACE", False, False),
        ("get", False, False),
    ],
)
def test_what_can_be_sent_twice_at_once(method: str, has_body: bool, expected: bool) -> None:
    assert expected == may_hedge(method, has_body)


@pytest.mark.parametrize("percentile", [0.5, 0.9, 0.95, 0.99])
def test_the_percentile_is_found_within_a_bucket(percentile: float) -> None:
    """Of 20,000 samples of an exponential time; a bucket is 19 % wide."""
    dice = random.Random(1)
    latencies = [dice.expovariate(20.0) for _ in range(20_000)]
    delays = learned(latencies, SETTINGS.model_copy(update={"percentile": percentile}))
    exact = sorted(latencies)[int(percentile * len(latencies))]

    assert delays.delay("GET /", 100.0) == pytest.approx(exact, rel=0.05)


def test_too_few_samples_know_nothing() -> None:
    assert learned([0.1] * 19).delay("GET /", 100.0) is None
    assert learned([0.1] * 20).delay("GET /", 100.0) == pytest.approx(0.1, rel=0.19)


def test_a_class_that_is_not_known_yet_is_judged_by_all() -> None:
    delays = learned([0.1] * 20)
    delays.observe("GET /new", 5.0, 100.0)

    assert delays.delay("GET /never", 100.0) == pytest.approx(0.1, rel=0.19)
    assert delays.delay("GET /new", 100.0) == delays.delay("GET /never", 100.0)


def test_each_class_has_its_own() -> None:
    delays = learned([0.01] * 50)
    for _ in range(50):
        delays.observe("GET /report/{n}", 2.0, 100.0)

    assert delays.delay("GET /", 100.0) == pytest.approx(0.01, rel=0.19)
    assert delays.delay("GET /report/{n}", 100.0) == pytest.approx(2.0, rel=0.19)


def test_what_is_older_than_many_half_lives_counts_no_more() -> None:
    """A fleet that became faster is hedged sooner."""
    delays = learned([1.0] * 1000, now=100.0)
    for _ in range(100):
        delays.observe("GET /", 0.01, 100.0 + 20 * 60.0)

    assert delays.delay("GET /", 1300.0) == pytest.approx(0.01, rel=0.19)


def test_a_half_life_halves() -> None:
    """100 slow ones a half-life ago count as 50: with 949 fast ones they are above 5 %, with 951
    below."""
    for fast, expected in ((949, 1.0), (951, 0.01)):
        delays = learned([1.0] * 100, now=100.0)
        for _ in range(fast):
            delays.observe("GET /", 0.01, 160.0)
        assert delays.delay("GET /", 160.0) == pytest.approx(expected, rel=0.19)


def test_samples_that_faded_are_too_few_again() -> None:
    """After a quiet night nothing is known of the morning."""
    delays = learned([0.1] * 30)

    assert delays.delay("GET /", 100.0) is not None
    assert delays.delay("GET /", 100.0 + 30.0) is not None
    assert delays.delay("GET /", 100.0 + 60.0) is None
    assert delays.delay("GET /", 1e9) is None


def test_years_overflow_nothing() -> None:
    delays = learned([0.1] * 30)
    for year in range(1, 50):
        for _ in range(20):
            delays.observe("GET /", 0.2, year * 3.2e7)
        assert delays.delay("GET /", year * 3.2e7) == pytest.approx(0.2, rel=0.19)


def test_a_steady_stream_is_scaled_down_and_stays_right() -> None:
    """The weights grow by 2 ** 60 here."""
    delays = HedgeDelays(SETTINGS, 0.0)
    for second in range(3600):
        delays.observe("GET /", 0.05 if second % 10 else 0.5, float(second))

    assert delays.delay("GET /", 3600.0) == pytest.approx(0.5, rel=0.19)


def test_the_delay_has_a_least_one() -> None:
    """A class that answers in no time would be sent twice for nothing."""
    settings = SETTINGS.model_copy(update={"minimum_delay_seconds": 0.02})

    assert 0.02 == learned([0.0001] * 50, settings).delay("GET /", 100.0)


def test_a_delay_is_kept_for_a_moment() -> None:
    """Working it out costs more than a request may."""
    delays = learned([0.01] * 50)
    first = delays.delay("GET /", 100.0)
    for _ in range(1000):
        delays.observe("GET /", 1.0, 100.0)

    assert first == delays.delay("GET /", 100.0 + REFRESH_SECONDS * 0.99)
    assert delays.delay("GET /", 100.0 + REFRESH_SECONDS) == pytest.approx(1.0, rel=0.19)


@pytest.mark.parametrize(
    ("latency", "most"), [(0.0, EDGES[0]), (EDGES[0], EDGES[0]), (1e9, LONGEST)]
)
def test_the_ends_of_the_scale(latency: float, most: float) -> None:
    found = learned([latency] * 50).delay("GET /", 100.0)

    assert found is not None
    assert 0.0 < found <= most


def test_the_least_recently_used_class_makes_room() -> None:
    """A hostile client may ask for as many paths as it likes."""
    delays = HedgeDelays(SETTINGS.model_copy(update={"classes": 3}), 0.0)
    for name in ("a", "b", "c", "a", "d"):
        delays.observe(name, 0.1, 0.0)

    assert ["c", "a", "d"] == list(delays._classes)
    for number in range(1000):
        delays.observe(str(number), 0.1, 0.0)
        assert len(delays._classes) <= 3


def test_asking_takes_no_memory() -> None:
    delays = HedgeDelays(SETTINGS, 0.0)
    for number in range(1000):
        delays.delay(str(number), 0.0)

    assert {} == delays._classes


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1e5), st.sampled_from("abcd")), max_size=60
    )
)
def test_any_course_of_time_gives_a_delay_on_the_scale(
    steps: list[tuple[float, float, str]],
) -> None:
    settings = Hedging(minimum_samples=2, classes=2, half_life_seconds=1.0)
    delays = HedgeDelays(settings, 0.0)
    now = 0.0
    for latency, wait, name in steps:
        now += wait
        delays.observe(name, latency, now)
        found = delays.delay(name, now)
        assert found is None or settings.minimum_delay_seconds <= found <= LONGEST
