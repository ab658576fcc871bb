"""evaluation.bench.cases: cases and goals fit together."""

import pytest

from evaluation.bench.cases import BROWSER, BROWSING, CACHED_PATH, CASES, GOALS, case
from evaluation.bench.peers import PEERS

pytestmark = pytest.mark.unit


def test_every_goal_is_about_peers_that_its_case_has() -> None:
    for goal in GOALS:
        peers = case(goal.case).peers
        assert goal.peer in peers
        assert goal.base is None or goal.base in peers
        assert case(goal.case).figure == goal.figure


def test_every_case_has_known_peers_and_its_own_base() -> None:
    for each in CASES:
        assert set(each.peers) <= set(PEERS)
        assert not each.base or each.base in each.peers
    assert len({each.name for each in CASES}) == len(CASES)


def test_the_browser_sends_twelve_headers_with_host() -> None:
    assert len(BROWSER) + 1 == 12
    assert "Host" not in dict(BROWSER)


def test_what_a_cache_is_asked_for_may_be_stored() -> None:
    """And nobody asks it to look for itself."""
    cached = [each for each in CASES if each.hits]
    assert {each.name for each in cached} == {"cache_hit", "cache_hit_varied", "cache_hit_browser"}
    for each in (*cached, case("cache_miss")):
        assert each.path.startswith(CACHED_PATH)
        assert "Cache-Control" not in dict(each.headers)
    assert len(BROWSING) + 1 == 11


def test_an_unknown_case_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no case 'fast'; valid: plain, browser, everything"):
        case("fast")


def test_a_goal_says_itself() -> None:
    said = [goal.says() for goal in GOALS]
    assert "plain: ours ≤ 1.4 × nginx in CPU per request" in said
    assert "large: ours ≥ 0.8 × floor in MB/s" in said
    assert "idle: ours ≤ 4096 bytes per idle connection" in said
