"""Whether a stored response may be used without asking."""

import pytest

from load_balancer.caching.directives import NOTHING_SAID, read_directives
from load_balancer.caching.use import Use, judge, survives_error
from load_balancer.caching.vocabulary import Stored
from tests.load_balancer.caching.rig import Rig

pytestmark = pytest.mark.unit

UNREACHABLE = 100.0


def stored(said: str) -> Stored:
    found = Rig().keep(f"Cache-Control: {said}", 'ETag: "a"')
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("said", "asked", "age", "expected"),
    [
        ("max-age=10", "", 0.0, Use.FRESH),
        ("max-age=10", "", 9.9, Use.FRESH),
        ("max-age=10", "", 10.0, Use.VALIDATE),
        ("max-age=10, no-cache", "", 0.0, Use.VALIDATE),
        ("max-age=10, must-revalidate", "", 5.0, Use.FRESH),
        ("max-age=10", "no-cache", 0.0, Use.REQUEST),
        ("max-age=10", "max-age=5", 5.0, Use.FRESH),
        ("max-age=10", "max-age=5", 5.1, Use.REQUEST),
        ("max-age=10", "max-age=0", 0.0, Use.REQUEST),
        ("max-age=10", "max-age=x", 0.0, Use.REQUEST),
        ("max-age=10", "min-fresh=5", 5.0, Use.FRESH),
        ("max-age=10", "min-fresh=5", 5.1, Use.REQUEST),
        ("max-age=10", "max-stale", 1e6, Use.STALE),
        ("max-age=10", "max-stale=5", 15.0, Use.STALE),
        ("max-age=10", "max-stale=5", 15.1, Use.VALIDATE),
        ("max-age=10, must-revalidate", "max-stale", 11.0, Use.VALIDATE),
        ("max-age=10, proxy-revalidate", "max-stale", 11.0, Use.VALIDATE),
        ("s-maxage=10", "max-stale", 11.0, Use.VALIDATE),
        ("max-age=10, no-cache", "max-stale", 1.0, Use.VALIDATE),
        ("max-age=10", "max-stale, max-age=11", 12.0, Use.REQUEST),
        ("max-age=10, stale-while-revalidate=5", "", 9.0, Use.FRESH),
        ("max-age=10, stale-while-revalidate=5", "", 15.0, Use.REFRESH),
        ("max-age=10, stale-while-revalidate=5", "", 15.1, Use.VALIDATE),
        ("max-age=10, stale-while-revalidate=5", "max-age=99", 12.0, Use.VALIDATE),
        ("max-age=10, stale-while-revalidate=5", "min-fresh=1", 12.0, Use.REQUEST),
        ("max-age=10, stale-while-revalidate=5, must-revalidate", "", 12.0, Use.VALIDATE),
    ],
)
def test_freshness_and_both_sides_wishes_decide(
    said: str, asked: str, age: float, expected: Use
) -> None:
    """RFC 9111 sections 4.2.4 and 5.2.1, RFC 5861 section 3."""
    assert judge(read_directives(asked.encode()), stored(said), age) is expected


@pytest.mark.parametrize(
    ("said", "asked", "age", "status", "expected"),
    [
        ("max-age=10, stale-if-error=5", "", 15.0, 503, True),
        ("max-age=10, stale-if-error=5", "", 15.1, 503, False),
        ("max-age=10, stale-if-error=5", "", 15.0, 500, True),
        ("max-age=10, stale-if-error=5", "", 15.0, 404, False),
        ("max-age=10, stale-if-error=5", "", 15.0, 501, False),
        ("max-age=10", "stale-if-error=5", 15.0, 502, True),
        ("max-age=10", "", 15.0, 503, False),
        ("max-age=10", "", 110.0, None, True),
        ("max-age=10", "", 110.1, None, False),
        ("max-age=10, stale-if-error=500", "", 110.1, None, True),
        ("max-age=10, stale-if-error=5, must-revalidate", "", 11.0, 503, False),
        ("max-age=10, must-revalidate", "", 11.0, None, False),
        ("max-age=10, proxy-revalidate", "", 11.0, None, False),
        ("max-age=10, no-cache", "", 11.0, None, False),
        ("s-maxage=10", "", 11.0, None, False),
        ("max-age=10", "no-cache", 11.0, None, False),
        ("max-age=10", "max-age=5", 11.0, None, False),
    ],
)
def test_a_stale_response_may_stand_in_for_an_error(
    said: str, asked: str, age: float, status: int | None, expected: bool
) -> None:
    """RFC 5861 section 4; without any answer, RFC 9111 section 4.2.4."""
    directives = read_directives(asked.encode())

    assert survives_error(directives, stored(said), age, status, UNREACHABLE) is expected


def test_standing_in_for_no_answer_can_be_switched_off() -> None:
    assert not survives_error(NOTHING_SAID, stored("max-age=10"), 11.0, None, 0.0)
