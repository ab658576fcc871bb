"""Cache-Status: what was done with a request."""

import pytest

from load_balancer.caching.cache_status import cache_status
from load_balancer.caching.vocabulary import Forward, Kind, Lookup
from tests.load_balancer.caching.rig import FRESH, Rig

pytestmark = pytest.mark.unit


def test_a_hit_tells_how_long_it_is_fresh() -> None:
    """RFC 9211 section 2.4; negative when stale."""
    rig = Rig()
    rig.keep(FRESH)

    assert cache_status(b"a", rig.ask(after=10.5)) == b"a; hit; ttl=49"
    stale = rig.ask("Cache-Control: max-stale", after=70.0)
    assert cache_status(b"a", stale) == b"a; hit; ttl=-10"


def test_a_miss_tells_why_and_what_came_of_it() -> None:
    missed = Rig().ask()

    assert cache_status(b"a", missed) == b"a; fwd=uri-miss"
    assert (
        cache_status(b"a", missed, 200, stored=True, collapsed=True)
        == b"a; fwd=uri-miss; fwd-status=200; stored; collapsed"
    )


@pytest.mark.parametrize("forward", list(Forward))
def test_every_reason_is_one_of_the_standard(forward: Forward) -> None:
    """RFC 9211 section 2.2."""
    standard = ["bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"]

    assert forward.value in standard
    text = cache_status(b"a", Lookup(Kind.MISS, forward))
    assert text == b"a; fwd=%b" % forward.value.encode()


def test_what_was_not_forwarded_says_so() -> None:
    found = Rig().ask("Cache-Control: only-if-cached")

    assert cache_status(b"a", found) == b"a; detail=only-if-cached"


def test_a_name_that_is_no_token_is_quoted() -> None:
    """RFC 9651 section 3.3.4."""
    assert cache_status(b"1003", Rig().ask()) == b'"1003"; fwd=uri-miss'
