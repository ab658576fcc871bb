"""Graphs of proxy networks."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.topology import Origin, Place, Topology, document_topology, explicit

pytestmark = pytest.mark.unit

ORIGINS = (Origin("domain1.com", ("/path-1/page.html",)), Origin("domain2.com", ("/",)))


def document(levels: int = 10, width: int = 10, seed: int = 0, **more: int) -> Topology:
    sizes = {"random_parents": 2, "origins": 10, "pages": 10} | more
    return document_topology(levels, width, dice=random.Random(seed), **sizes)


def test_the_document_has_a_hundred_nodes_in_ten_levels() -> None:
    topology = document()
    names = [place.name for place in topology.places]

    assert [str(100 * level + rank) for level in range(1, 11) for rank in range(1, 11)] == names
    assert 10 == topology.levels
    assert [str(number) for number in range(1001, 1011)] == [p.name for p in topology.outermost]
    assert "domain3.com" == topology.origins[2].domain
    assert "/path-4/page.html" == topology.origins[2].pages[3]


@pytest.mark.parametrize("seed", range(5))
def test_each_node_has_its_direct_parent_and_one_or_two_of_the_next_ranks(seed: int) -> None:
    for place in document(seed=seed).places:
        rank = int(place.name) % 100
        ranks = [rank % 10 + 1, (rank + 1) % 10 + 1]
        if place.level == 1:
            assert f"domain{rank}.com" == place.domains[0]
            assert {*place.domains[1:]} <= {f"domain{each}.com" for each in ranks}
            assert not place.parents
            found = place.domains
        else:
            below = 100 * (place.level - 1)
            assert str(below + rank) == place.parents[0]
            assert {*place.parents[1:]} <= {str(below + each) for each in ranks}
            assert not place.domains
            found = place.parents
        assert 2 <= len(found) <= 3
        assert len({*found}) == len(found)


def test_seed_0_is_the_documents_own_graph() -> None:
    """Its dice are thrown in its order; these are the parents that its program has after
    ``random.seed(0)``."""
    parents = {place.name: {*place.parents} for place in document().places}

    assert ({"902", "910"}, {"903", "905"}) == (parents["1010"], parents["1003"])
    assert ({"405", "406"}, {"202", "203", "204"}) == (parents["505"], parents["302"])
    assert document() == document()
    assert document(seed=1) != document()


@given(
    levels=st.integers(1, 5),
    width=st.integers(1, 6),
    random_parents=st.integers(0, 3),
    origins=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_any_size_makes_a_sound_graph(
    levels: int, width: int, random_parents: int, origins: int, seed: int
) -> None:
    """Every origin is known at the edge, every parent exists, and nothing goes round."""
    topology = document(
        levels, width, seed, random_parents=random_parents, origins=origins, pages=1
    )

    assert {each.domain for each in topology.origins} == {
        domain for place in topology.places for domain in place.domains
    }
    assert explicit(topology.places, topology.origins) == topology
    assert () == topology.cycle()
    assert all(place.parents or place.domains for place in topology.places)


def test_in_the_document_every_outermost_node_reaches_every_origin() -> None:
    topology = document()

    assert () == topology.stranded()
    assert 10 == topology.distances("domain3.com")["1003"]
    assert 1 == topology.distances("domain3.com")["103"]
    assert "110" not in topology.distances("domain5.com")


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ({"levels": 0}, "levels must be at least 1, not 0"),
        ({"width": 0}, "width must be at least 1, not 0"),
        ({"width": 100}, "width must be below 100, not 100"),
        ({"random_parents": -1}, "random_parents must be at least 0, not -1"),
        ({"origins": 0}, "origins must be at least 1, not 0"),
        ({"pages": 0}, "pages must be at least 1, not 0"),
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        document(**sizes)


# Graphs of one's own.


def test_levels_follow_from_the_distance_to_an_origin() -> None:
    topology = explicit(
        [
            Place("entry", 0, ("middle", "edge")),
            Place("middle", 0, ("edge",)),
            Place("edge", 0, (), ("domain1.com",)),
        ],
        ORIGINS[:1],
    )

    assert {"edge": 1, "middle": 2, "entry": 2} == {p.name: p.level for p in topology.places}
    assert "edge" == topology.places[0].name


def test_a_cycle_is_allowed_and_told() -> None:
    topology = explicit(
        [
            Place("a", 0, ("b",)),
            Place("b", 0, ("c",)),
            Place("c", 0, ("a",), ("domain1.com",)),
        ],
        ORIGINS[:1],
    )

    way = topology.cycle()
    assert way[0] == way[-1]
    assert {"a", "b", "c"} == {*way}
    assert {"c": 1, "b": 2, "a": 3} == topology.distances("domain1.com")


def test_who_cannot_reach_a_domain_is_told() -> None:
    topology = explicit(
        [Place("a", 0, (), ("domain1.com",)), Place("b", 0, (), ("domain2.com",))], ORIGINS
    )

    assert (("b", "domain1.com"), ("a", "domain2.com")) == topology.stranded()


EDGE = Place("edge", 0, (), ("domain1.com",))


@pytest.mark.parametrize(
    ("places", "problem"),
    [
        ([], "at least one node"),
        ([EDGE, EDGE], "two nodes have the name 'edge'"),
        ([EDGE, Place("a", 0, ("b",))], "node 'a' has an unknown parent 'b'"),
        ([EDGE, Place("a", 0, ("a",))], "node 'a' is its own parent"),
        ([EDGE, Place("a", 0, ("edge", "edge"))], "node 'a' has a parent twice"),
        ([Place("a", 0, (), ("other.com",))], "node 'a' knows an unknown domain 'other.com'"),
        ([EDGE, Place("a", 0, ("b",)), Place("b", 0, ("a",))], "node 'a' reaches no origin"),
    ],
)
def test_what_is_no_network_is_refused(places: list[Place], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        explicit(places, ORIGINS)


def test_two_origins_of_one_domain_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two origins have the domain 'domain1\.com'"):
        explicit([EDGE], [ORIGINS[0], ORIGINS[0]])
