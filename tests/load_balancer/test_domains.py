"""Who serves which domain."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.domains import Domains
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit


def endpoint(id: str, *domains: str, proxy_node: bool = False) -> EndpointStats:
    return EndpointStats(Endpoint(id, "h", 1, domains=domains, proxy_node=proxy_node))


def ids(group: Sequence[EndpointStats]) -> str:
    return "".join(stats.id for stats in group)


class Place:
    """Endpoints in their groups."""

    def __init__(self, *everybody: EndpointStats, panic_share: float = 0.0) -> None:
        self.everybody = list(everybody)
        self.panic_share = panic_share
        self.domains = Domains()
        self.begun = 0
        self.refresh()

    def refresh(self, renew: bool = False) -> None:
        if renew:
            self.everybody = list(self.everybody)
        self.begun += self.domains.refresh(self.everybody, self.panic_share)

    def candidates(self, domain: str) -> str:
        return ids(self.domains.group(domain).candidates)


def test_without_domains_all_serve_all() -> None:
    place = Place(endpoint("a"), endpoint("b", proxy_node=True))

    assert place.domains.named is None
    assert ("ab", "ab") == (place.candidates("x"), place.candidates(""))


def test_a_domain_that_is_named_belongs_to_who_names_it() -> None:
    place = Place(endpoint("a", "one"), endpoint("b", "two", "one"), endpoint("c"))

    assert ["ab", "b", "c"] == [place.candidates(each) for each in ("one", "two", "three")]


def test_a_domain_may_be_nobodys() -> None:
    place = Place(endpoint("a", "one"))

    assert ("", 0) == (place.candidates("two"), place.begun)
    assert [] == list(place.domains.group("two").members)
    assert not place.domains.panic


def test_names_are_compared_as_a_whole() -> None:
    place = Place(endpoint("a", "one.test"))

    assert "" == place.candidates("x.one.test") + place.candidates("test") + place.candidates("")


def test_an_origin_stands_before_a_next_node() -> None:
    place = Place(
        endpoint("p", "one", "two", proxy_node=True),
        endpoint("a", "one"),
        endpoint("q", proxy_node=True),
    )
    assert ("a", "p", "q") == tuple(place.candidates(each) for each in ("one", "two", "three"))
    place.everybody[1].healthy = False
    place.refresh()

    assert "a" == place.candidates("one")


def test_panic_goes_by_group() -> None:
    place = Place(endpoint("a", "one"), endpoint("b", "one"), endpoint("c"), panic_share=0.6)
    place.everybody[0].ejected = True
    place.refresh()
    assert ("ab", "c", 1, True) == (
        place.candidates("one"), place.candidates(""), place.begun, place.domains.panic,
    )  # fmt: skip
    place.refresh()
    place.refresh(renew=True)
    assert 1 == place.begun  # it is still the same one
    place.everybody[0].ejected = False
    place.refresh()

    assert ("ab", 1, False) == (place.candidates("one"), place.begun, place.domains.panic)


def test_who_is_out_is_no_candidate_of_any_domain() -> None:
    place = Place(endpoint("a", "one", "two"), endpoint("b", "one", "two"), endpoint("c", "one"))
    place.everybody[0].healthy = False
    place.refresh()

    assert ("bc", "b") == (place.candidates("one"), place.candidates("two"))


def test_candidates_are_the_same_object_as_long_as_nothing_has_changed() -> None:
    place = Place(endpoint("a", "one"), endpoint("b", "one"), endpoint("c"), endpoint("d"))
    before = {name: place.domains.group(name).candidates for name in ("one", "")}
    place.everybody[0].ejected = True
    place.refresh()

    assert place.domains.group("").candidates is before[""]
    assert place.domains.group("one").candidates is not before["one"]
    now = place.domains.group("one").candidates
    place.refresh()
    assert place.domains.group("one").candidates is now


def test_a_change_of_an_endpoint_renews_its_candidates() -> None:
    """A weight may have changed, and policies notice by the list alone."""
    place = Place(endpoint("a", "one"), endpoint("c"))
    before = [place.domains.group(name).candidates for name in ("one", "")]
    place.refresh(renew=True)

    for old, name in zip(before, ("one", ""), strict=True):
        assert place.domains.group(name).candidates is not old
        assert ids(old) == place.candidates(name)


def test_domains_with_the_same_endpoints_are_one_group() -> None:
    place = Place(endpoint("a", *(f"d{number}" for number in range(500))))

    assert place.domains.group("d0") is place.domains.group("d499")


NAMES = ("one", "two", "three")


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(NAMES)), st.booleans(), st.booleans()), max_size=8),
    st.floats(min_value=0, max_value=1),
)
def test_who_is_offered_serves_the_domain(
    made: list[tuple[set[str], bool, bool]], panic_share: float
) -> None:
    """Whoever is offered may serve the domain, somebody is offered wherever there is somebody, and
    no next node where there is an origin."""
    everybody = []
    for number, (domains, proxy_node, healthy) in enumerate(made):
        stats = endpoint(str(number), *domains, proxy_node=proxy_node)
        stats.healthy = healthy
        everybody.append(stats)
    random.Random(len(made)).shuffle(everybody)
    place = Place(*everybody, panic_share=panic_share)
    for domain in (*NAMES, "else"):
        offered = place.domains.group(domain).candidates
        naming = [each for each in everybody if domain in each.endpoint.domains]
        origins = [each for each in naming if not each.endpoint.proxy_node]
        expected = origins or naming or [each for each in everybody if not each.endpoint.domains]
        assert set(offered) <= set(expected)
        assert bool(offered) is bool(expected)
        able = [each for each in expected if each.healthy]
        assert set(offered) in (set(able), set(expected))
