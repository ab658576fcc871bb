"""What a server can be like, and what it cannot."""

import math
from collections.abc import Callable

import pytest

from rl.simulation.profile import LARGEST_RESPONSE_BYTES, Phase, RouteCost, ServiceProfile

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (
            lambda: Phase("late"),  # type: ignore[arg-type]
            "kind must be slow, fail, hang, warm_up or noise, not 'late'",
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
            lambda: ServiceProfile(sizes="normal"),  # type: ignore[arg-type]
            "sizes must be uniform, exponential, lognormal or pareto, not 'normal'",
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
        (
            lambda: ServiceProfile(sizes="pareto", spread=0.0),
            "spread of pareto sizes must be above 0",
        ),
        (
            lambda: ServiceProfile(discipline="lifo"),  # type: ignore[arg-type]
            "discipline must be fifo or processor_sharing, not 'lifo'",
        ),
        (lambda: ServiceProfile(cache_keys=-1), "cache_keys must be 0 to 1048576, not -1"),
        (lambda: ServiceProfile(cache_keys=1, cache_seconds=math.inf), "cache_seconds must be 0"),
        (
            lambda: ServiceProfile(cache_seconds=0.1),
            "cache_seconds has no meaning without cache_keys",
        ),
        (lambda: Phase("fail", holds_slot=False), "holds_slot has no meaning in a fail phase"),
        (lambda: Phase("slow", neighbour="a"), "neighbour has no meaning in a slow phase"),
        (lambda: Phase("hang", on_seconds=2.0), "on_seconds has no meaning in a hang phase"),
        (lambda: Phase("noise", off_seconds=0.0), "off_seconds must be at least 0.01, not 0.0"),
        (lambda: Phase("noise", on_seconds=math.nan), "on_seconds must be at least 0.01, not nan"),
    ],
)
def test_impossible_values_are_refused_with_their_name(
    make: Callable[[], object], problem: str
) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert problem in str(caught.value)


def test_a_phase_covers_its_start_and_not_its_end() -> None:
    phase = Phase("slow", 5.0, 10.0, factor=2.0)
    assert [phase.covers(at) for at in (4.999, 5.0, 9.999, 10.0)] == [False, True, True, False]
    assert Phase("slow", 5.0).covers(1e9)


def test_a_warm_up_falls_linearly() -> None:
    phase = Phase("warm_up", 2.0, 6.0, factor=5.0)
    assert [phase.slowdown(at) for at in (2.0, 3.0, 5.0)] == [5.0, 4.0, 2.0]
    assert Phase("slow", factor=3.0).slowdown(7.0) == 3.0


def test_what_is_possible_is_taken() -> None:
    profile = ServiceProfile(
        sizes="pareto",
        spread=0.01,
        slots=1,
        queue_limit=0,
        discipline="processor_sharing",
        cache_keys=1 << 20,
        cache_seconds=0.0,
        phases=(
            Phase("noise", factor=2.0, neighbour="loud", on_seconds=0.01, off_seconds=3600.0),
            Phase("hang", holds_slot=False, probability=0.0),
        ),
        domains=("a.example", "localhost"),
    )
    assert profile.phases[0].covers(0.0)
