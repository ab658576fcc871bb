"""What several sources want, made one list and applied."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load_balancer.membership import OPERATOR, Membership, Watcher
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint, Outcome, Verdict

pytestmark = pytest.mark.unit

SERVERS = ("a", "b", "c")


def endpoint(id: str, port: int = 80, weight: float = 1.0) -> Endpoint:
    return Endpoint(id, "localhost", port, weight)


def endpoints(ids: Sequence[str]) -> list[Endpoint]:
    return [endpoint(id) for id in ids]


class Scene:
    """A membership whose servers are there, and all that it told."""

    def __init__(self, servers: Sequence[str] = SERVERS, most: int = 100, remembered: int = 8):
        self.table = EndpointTable(endpoints(servers), remembered)
        self.told: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.refreshed = 0

        def note(what: str) -> Watcher:
            return Watcher(
                joined=lambda stats: self.told.append(("joined", stats.id)),
                left=lambda stats: self.told.append(("left", stats.id)),
                emptied=lambda stats: self.told.append(("emptied", stats.id)),
                forgotten=lambda id: self.told.append(("forgotten", id)),
            )

        self.membership = Membership(
            self.table,
            [Watcher(), note("all")],
            self._refresh,
            self.said.append,
            most,
            ("servers", "file"),
        )
        self.membership.apply("servers", endpoints(servers))

    def _refresh(self) -> None:
        self.refreshed += 1

    @property
    def ids(self) -> list[str]:
        return [stats.id for stats in self.table.all]

    def end(self, id: str) -> None:
        """A request to this endpoint, draining or not, is over."""
        self.table.completed(self.table[id], Outcome(Verdict.SUCCESS, 0.1, 200), 1.0)


def test_what_is_there_already_changes_nothing() -> None:
    scene = Scene()

    assert (list(SERVERS), [], [], 0) == (scene.ids, scene.told, scene.said, scene.refreshed)
    assert not scene.membership.apply("servers", endpoints(SERVERS))


def test_a_newcomer_joins_and_everybody_is_told() -> None:
    scene = Scene()
    change = scene.membership.apply("dns", endpoints(["d", "e"]))

    assert (["a", "b", "c", "d", "e"], 1) == (scene.ids, scene.refreshed)
    assert [("joined", "d"), ("joined", "e")] == scene.told
    assert ["endpoints from dns: joined d, e; now 5"] == scene.said
    assert ["d", "e"] == change.joined
    assert "dns" == scene.membership.source("d")
    assert {"joined": 2, "left": 0, "changed": 0} == scene.membership.changes


def test_who_is_wanted_no_more_drains_and_then_leaves() -> None:
    scene = Scene()
    stats = scene.table["b"]
    scene.table.sent(stats)
    scene.membership.apply("servers", endpoints("ac"))
    scene.membership.settle()
    assert (["a", "c"], {"b"}, []) == (scene.ids, set(scene.table.draining), scene.told)
    scene.end("b")
    scene.membership.settle()

    assert "b" not in scene.table
    assert [("left", "b"), ("emptied", "b")] == scene.told
    assert ["endpoints from servers: left b; now 2"] == scene.said


def test_who_has_nothing_in_flight_leaves_at_once() -> None:
    scene = Scene()
    scene.membership.apply("servers", endpoints("ac"))

    assert [("left", "b"), ("emptied", "b")] == scene.told
    assert "b" not in scene.table


def test_who_drains_and_is_wanted_again_stays() -> None:
    """In its old place, with the stats it had."""
    scene = Scene()
    stats = scene.table["b"]
    scene.table.sent(stats)
    scene.membership.apply("servers", endpoints("ac"))
    scene.membership.apply("servers", endpoints(SERVERS))

    assert (list(SERVERS), []) == (scene.ids, scene.told)
    assert scene.table["b"] is stats


def test_who_drains_and_is_wanted_again_may_be_another_by_then() -> None:
    """Of another weight, or at another place."""
    scene = Scene()
    for id in "bc":
        scene.table.sent(scene.table[id])
    heavy, moved = scene.table["b"], scene.table["c"]
    scene.membership.apply("servers", endpoints("a"))
    scene.membership.apply("servers", [endpoint("a"), endpoint("b", 80, 7.0), endpoint("c", 81)])

    assert (heavy, 7.0) == (scene.table["b"], heavy.endpoint.weight)
    assert scene.table["c"] is not moved
    assert [("left", "c"), ("joined", "c")] == scene.told


def test_the_order_is_that_of_the_sources_however_they_came() -> None:
    """A learner whose states are joint ones must find them again."""
    scene = Scene()
    scene.membership.apply("dns", endpoints("xy"))
    scene.membership.apply("file", endpoints("de"))
    scene.membership.apply("servers", endpoints("ac"))
    scene.membership.apply("servers", endpoints("abc"))

    assert ["a", "b", "c", "d", "e", "x", "y"] == scene.ids


def test_another_weight_keeps_the_stats() -> None:
    scene = Scene()
    stats = scene.table["b"]
    before = scene.table.all
    change = scene.membership.apply(
        "servers", [endpoint("a"), endpoint("b", weight=5), endpoint("c")]
    )

    assert ["b"] == change.changed
    assert scene.table["b"] is stats
    assert (5, 1) == (stats.endpoint.weight, scene.refreshed)
    assert before is not scene.table.all


def test_another_host_or_port_is_another_endpoint() -> None:
    """The old one's requests end on its own stats, and that it is empty is told then."""
    scene = Scene()
    old = scene.table["b"]
    scene.table.sent(old)
    scene.membership.apply("servers", [endpoint("a"), endpoint("b", 81), endpoint("c")])
    scene.membership.settle()

    assert scene.table["b"] is not old
    assert (["a", "b", "c"], 0) == (scene.ids, scene.table["b"].in_flight)
    assert [("left", "b"), ("joined", "b")] == scene.told
    scene.table.completed(old, Outcome(Verdict.IGNORED, 0.1), 1.0)
    scene.membership.settle()
    scene.membership.settle()
    assert ("emptied", "b") == scene.told[-1]
    assert 3 == len(scene.told)


def test_the_first_of_two_sources_counts() -> None:
    """And the other's takes its place when the first lets go."""
    scene = Scene()
    scene.membership.apply("file", [endpoint("b", 81), endpoint("d")])
    assert (80, "servers") == (scene.table["b"].endpoint.port, scene.membership.source("b"))
    scene.membership.apply("servers", endpoints("ac"))

    assert (81, "file") == (scene.table["b"].endpoint.port, scene.membership.source("b"))


def test_two_of_one_id_in_one_source_are_refused() -> None:
    scene = Scene()
    with pytest.raises(ValueError, match="two endpoints have the id 'd'"):
        scene.membership.apply("file", endpoints("dd"))
    with pytest.raises(ValueError, match="two endpoints have the id 'd'"):
        scene.membership.add(endpoints("dd"))

    assert list(SERVERS) == scene.ids


def test_there_is_a_bound_on_all_sources_together() -> None:
    """Beyond it nothing changes."""
    scene = Scene(most=4)
    scene.membership.apply("dns", endpoints("d"))
    with pytest.raises(ValueError, match="5 endpoints are more than the 4"):
        scene.membership.apply("file", endpoints("e"))
    with pytest.raises(ValueError, match="5 endpoints are more than the 4"):
        scene.membership.add(endpoints("e"))
    scene.membership.apply("file", endpoints("abcd"))

    assert ["a", "b", "c", "d"] == scene.ids


# The operator.


def test_what_the_operator_adds_stands_before_the_sources() -> None:
    scene = Scene()
    scene.membership.add([endpoint("b", 81), endpoint("d")])
    scene.membership.apply("servers", endpoints("abcd"))

    assert ["a", "b", "c", "d"] == scene.ids
    assert (81, OPERATOR) == (scene.table["b"].endpoint.port, scene.membership.source("b"))


def test_what_the_operator_drains_stays_out_while_its_source_wants_it() -> None:
    scene = Scene()
    scene.membership.drain("b")
    scene.membership.apply("servers", endpoints(SERVERS))
    assert ["a", "c"] == scene.ids
    scene.membership.apply("servers", endpoints("ac"))
    scene.membership.apply("servers", endpoints(SERVERS))

    assert list(SERVERS) == scene.ids


def test_the_operator_can_add_again_what_was_drained() -> None:
    scene = Scene()
    scene.table.sent(scene.table["b"])
    scene.membership.drain("b")
    assert "" == scene.membership.source("b")
    scene.membership.add(endpoints("b"))

    assert (list(SERVERS), {}) == (scene.ids, scene.table.draining)


@pytest.mark.parametrize("drained", [False, True])
def test_what_the_operator_removes_is_gone_at_once(drained: bool) -> None:
    """Its requests in flight end all the same, and then it is empty."""
    scene = Scene()
    stats = scene.table["b"]
    scene.table.sent(stats)
    if drained:
        scene.membership.drain("b")
    scene.membership.remove("b")
    assert ("b" in scene.table, [("left", "b")]) == (False, scene.told)
    scene.table.completed(stats, Outcome(Verdict.SUCCESS, 0.1, 200), 1.0)
    scene.membership.settle()

    assert [("left", "b"), ("emptied", "b")] == scene.told
    assert {"joined": 0, "left": 1, "changed": 0} == scene.membership.changes
    scene.membership.apply("servers", endpoints(SERVERS))
    assert ["a", "c"] == scene.ids


def test_what_the_operator_added_and_removed_is_not_held_against_a_source() -> None:
    scene = Scene()
    scene.membership.add(endpoints("d"))
    scene.membership.remove("d")
    scene.membership.apply("file", endpoints("d"))

    assert ["a", "b", "c", "d"] == scene.ids


def test_the_operators_weight_holds_until_its_source_lets_go() -> None:
    scene = Scene()
    scene.membership.weigh("b", 4.0)
    scene.membership.apply("servers", [endpoint("a"), endpoint("b", weight=9), endpoint("c")])
    assert 4.0 == scene.table["b"].endpoint.weight
    scene.membership.apply("servers", endpoints("ac"))
    scene.membership.apply("servers", endpoints(SERVERS))

    assert 1.0 == scene.table["b"].endpoint.weight


def test_an_endpoint_added_anew_has_the_weight_that_comes_with_it() -> None:
    scene = Scene()
    scene.membership.weigh("b", 4.0)
    scene.membership.add([endpoint("b", weight=2.0)])

    assert 2.0 == scene.table["b"].endpoint.weight


def test_who_is_not_there_cannot_be_changed() -> None:
    scene = Scene()
    scene.table.sent(scene.table["c"])
    scene.membership.drain("c")
    with pytest.raises(KeyError):
        scene.membership.drain("x")
    with pytest.raises(KeyError):
        scene.membership.remove("x")
    for id in "xc":
        with pytest.raises(KeyError):
            scene.membership.weigh(id, 2.0)

    assert ["a", "b"] == scene.ids


def test_who_left_long_ago_is_forgotten() -> None:
    scene = Scene(remembered=1)
    scene.membership.remove("a")
    scene.membership.remove("b")

    assert [("forgotten", "a")] == [each for each in scene.told if each[0] == "forgotten"]


def test_a_long_change_is_told_in_one_short_line() -> None:
    scene = Scene()
    scene.membership.apply("dns", endpoints([f"n{number}" for number in range(50)]))

    assert ["endpoints from dns: joined n0, n1, n2, n3, n4 and 45 more; now 53"] == scene.said


IDS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_wanted_is_there_and_nothing_else(data: st.DataObject) -> None:
    """Any order of changes by any source, requests in flight across them: who is offered is who is
    wanted; each that joined left once before it joins again; who has left is empty in the end."""
    scene = Scene(remembered=3)
    wanted: dict[str, list[str]] = {"servers": list(SERVERS), "file": [], OPERATOR: []}
    out: set[str] = set()
    flying = []
    for _ in range(data.draw(st.integers(0, 30))):
        step = data.draw(
            st.sampled_from(["servers", "file", "add", "drain", "remove", "send", "end"])
        )
        present = [*scene.ids, *scene.table.draining]
        if step in wanted:
            wanted[step] = data.draw(IDS)
            scene.membership.apply(step, endpoints(wanted[step]))
            out &= set().union(*wanted.values())
        elif step == "add":
            added = data.draw(IDS)
            scene.membership.add(endpoints(added))
            wanted[OPERATOR] += added
            out -= set(added)
        elif step in ("drain", "remove") and present:
            id = data.draw(st.sampled_from(present))
            getattr(scene.membership, step)(id)
            wanted[OPERATOR] = [each for each in wanted[OPERATOR] if each != id]
            if any(id in each for each in wanted.values()):
                out.add(id)
        elif step == "send" and scene.ids:
            flying.append(scene.table[data.draw(st.sampled_from(scene.ids))])
            scene.table.sent(flying[-1])
        elif step == "end" and flying:
            stats = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
            scene.table.completed(stats, Outcome(Verdict.SUCCESS, 0.1, 200), 1.0)
        assert set(scene.ids) == set().union(*wanted.values()) - out
        assert not set(scene.ids) & set(scene.table.draining)
    for stats in flying:
        scene.table.completed(stats, Outcome(Verdict.SUCCESS, 0.1, 200), 1.0)
    scene.membership.settle()
    assert not scene.table.draining
    for id in "abcdef":
        own = [what for what, whose in scene.told if whose == id and what in ("joined", "left")]
        assert all(one != other for one, other in pairwise(own))
    assert [what for what, _ in scene.told].count("left") == (
        [what for what, _ in scene.told].count("emptied")
    )
