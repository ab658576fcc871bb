"""The one writer of what is known of the endpoints."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.tls import EndpointTls
from metrics.table import LATENCY_TIME_CONSTANT, EndpointTable, Report, read_load_report
from rl.vocabulary import Endpoint, EndpointStats, Outcome, Verdict

pytestmark = pytest.mark.unit


def table_of(*ids: str) -> EndpointTable:
    return EndpointTable(Endpoint(id, "localhost", 80) for id in ids)


def seen(stats: EndpointStats) -> dict[str, object]:
    """Everything that a table may write."""
    return {
        name: getattr(stats, name) for name in EndpointStats.__slots__ if name not in ("endpoint",)
    }


def success(latency: float, status: int = 200) -> Outcome:
    return Outcome(Verdict.SUCCESS, latency, status)


def failure(latency: float = 0.001, status: int = 0) -> Outcome:
    return Outcome(Verdict.FAILURE, latency, status)


IGNORED = Outcome(Verdict.IGNORED, 0.5, 200)


def test_the_order_is_the_configured_one_and_ids_find_their_stats() -> None:
    table = table_of("c", "a", "b")

    assert ["c", "a", "b"] == [stats.id for stats in table.all]
    assert table.all[1] is table["a"]


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(KeyError):
        table_of("a")["b"]


def test_two_endpoints_with_one_id_are_refused() -> None:
    """Every table is keyed by it."""
    with pytest.raises(ValueError, match="same id"):
        table_of("a", "b", "a")


def test_a_request_is_in_flight_from_sent_to_completed() -> None:
    table = table_of("a", "b")
    stats = table["a"]
    table.sent(stats)
    table.sent(stats)
    during = stats.in_flight
    table.completed(stats, success(0.1), 1.0)
    table.completed(stats, failure(), 2.0)

    assert (2, 0, 0) == (during, stats.in_flight, table["b"].in_flight)


def test_the_first_latency_is_taken_whole() -> None:
    table = table_of("a")
    stats = table["a"]
    table.sent(stats)
    table.completed(stats, success(0.25), 100.0)

    assert (0.25, 100.0) == (stats.latency, stats.latency_at)
    assert (1, 0, 0.0) == (stats.completed, stats.failures, stats.error_rate)


def test_an_ignored_attempt_frees_its_place_and_leaves_no_other_trace() -> None:
    table = table_of("a")
    stats = table["a"]
    table.sent(stats)
    table.completed(stats, success(0.1), 1.0)
    before = seen(stats)
    table.sent(stats)
    table.completed(stats, IGNORED, 2.0)

    assert before == seen(stats)


def test_a_failure_does_not_touch_the_latency() -> None:
    """A server that fails at once must not look fast, nor one that times out slow."""
    table = table_of("a")
    stats = table["a"]
    table.completed(stats, success(0.2), 10.0)
    table.completed(stats, failure(0.0), 20.0)

    assert (0.2, 10.0) == (stats.latency, stats.latency_at)
    assert (2, 1) == (stats.completed, stats.failures)


def test_the_first_latency_is_whole_even_after_a_failure() -> None:
    """A server that fails once and then takes 100 ms is not a server that takes 2 ms."""
    table = table_of("a")
    stats = table["a"]
    table.completed(stats, failure(), 10.0)
    table.completed(stats, success(0.1), 10.001)

    assert pytest.approx(0.1) == stats.latency


def test_failures_between_do_not_slow_what_a_latency_forgets() -> None:
    """The past's weight is a matter of time since the last latency, not since the last answer."""
    table = table_of("a")
    stats = table["a"]
    table.completed(stats, success(1.0), 0.0)
    for step in range(1, 10):
        table.completed(stats, failure(), float(step))
    table.completed(stats, success(0.0), 10.0)

    assert pytest.approx(math.exp(-10.0 / LATENCY_TIME_CONSTANT)) == stats.latency


def test_the_error_rate_counts_all_that_teaches_on_its_own_clock() -> None:
    table = table_of("a")
    stats = table["a"]
    table.completed(stats, failure(), 10.0)
    after_one = stats.error_rate
    table.completed(stats, success(0.1), 10.0)
    after_two = stats.error_rate
    table.completed(stats, success(0.1), 15.0)

    assert 1.0 == after_one
    assert pytest.approx(0.98) == after_two
    assert pytest.approx(0.98 / math.e) == stats.error_rate
    assert 15.0 == stats.error_rate_at


verdicts = st.sampled_from([success(0.05), failure(), IGNORED])


@given(st.lists(st.tuples(st.floats(min_value=0.0, max_value=10.0), verdicts), max_size=40))
def test_rates_stay_rates_and_counts_add_up(steps: list[tuple[float, Outcome]]) -> None:
    table = table_of("a")
    stats = table["a"]
    now = 0.0
    for wait, outcome in steps:
        now += wait
        table.sent(stats)
        table.completed(stats, outcome, now)
    taught = [outcome for _, outcome in steps if outcome is not IGNORED]

    assert 0 == stats.in_flight
    assert 0.0 <= stats.error_rate <= 1.0
    assert len(taught) == stats.completed
    assert sum(outcome.verdict is Verdict.FAILURE for outcome in taught) == stats.failures
    assert 0.0 <= stats.latency <= 0.05 + 1e-12


def test_a_poll_replaces_what_was_reported_before() -> None:
    table = table_of("a")
    stats = table["a"]
    table.reported(stats, Report(0.9, 0.8, 7, 0.6), 1.0)
    table.reported(stats, Report(0.1, 0.2, 3, 0.4), 2.0)

    assert (0.1, 0.2, 3, 0.4, 2.0) == (
        stats.cpu,
        stats.memory,
        stats.active,
        stats.reported_latency,
        stats.reported_at,
    )


def test_a_load_report_changes_what_it_mentions() -> None:
    table = table_of("a")
    stats = table["a"]
    table.reported(stats, Report(0.9, 0.8, 7, 0.6), 1.0)
    table.load_reported(stats, b"TEXT cpu_utilization=0.25", 2.0)
    first = (stats.cpu, stats.memory, stats.active, stats.reported_at)
    table.load_reported(stats, b"TEXT mem_utilization=0.5, named_metrics.active=4", 3.0)

    assert (0.25, 0.8, 7, 2.0) == first
    assert (0.25, 0.5, 4, 3.0) == (stats.cpu, stats.memory, stats.active, stats.reported_at)


def test_a_load_report_rates_what_the_endpoint_serves() -> None:
    """By what it says of its own use, else by its processor; one that lacks rate or use leaves the
    last one as it is."""
    table = table_of("a")
    stats = table["a"]

    def rating() -> tuple[float, float, float, float]:
        return stats.request_rate, stats.failure_rate, stats.utilization, stats.rated_at

    assert (0.0, 0.0, 0.0, -math.inf) == rating()
    table.load_reported(
        stats, b"TEXT cpu_utilization=0.2,application_utilization=0.5,rps_fractional=40,eps=3", 2.0
    )
    assert (40.0, 3.0, 0.5, 2.0) == rating()
    table.load_reported(stats, b"TEXT cpu_utilization=0.2,rps_fractional=30", 3.0)
    assert (30.0, 0.0, 0.2, 3.0) == rating()
    for text in (b"TEXT cpu_utilization=0.9", b"TEXT rps_fractional=9", b"TEXT rps_fractional=0"):
        table.load_reported(stats, text, 4.0)
        assert (30.0, 0.0, 0.2, 3.0) == rating()


@pytest.mark.parametrize("text", [b"", b"JSON {}", b"TEXT", b"TEXT ", b"TEXT cpu_utilization=x"])
def test_an_unreadable_load_report_changes_nothing(text: bytes) -> None:
    table = table_of("a")
    stats = table["a"]
    before = seen(stats)
    table.load_reported(stats, text, 5.0)

    assert before == seen(stats)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"TEXT cpu_utilization=0.3", {"cpu_utilization": 0.3}),
        (b"TEXT a=1,b=2", {"a": 1.0, "b": 2.0}),
        (b"TEXT  a = 1 , b=2e-1", {"a": 1.0, "b": 0.2}),
        (b"TEXT a=1,a=2", {"a": 2.0}),
        (b"TEXT a=,b=2,c,=", {"b": 2.0}),
        (b"TEXT a=nan,b=inf,c=-inf,d=-0.1,e=1e9,f=0", {"f": 0.0}),
        (b"TEXT \xc3\xa4=1,b=2", {"b": 2.0}),
        (b"TEXT a=1=2,b=2", {"b": 2.0}),
        (b"text a=1", {}),
        (b"BIN CAE=", {}),
        (b"a=1", {}),
    ],
)
def test_what_a_load_report_says(text: bytes, expected: dict[str, float]) -> None:
    """Only finite numbers from 0 that a server can mean; the rest of the report still counts."""
    assert expected == read_load_report(text)


def test_sixteen_items_are_read_and_no_more() -> None:
    text = b"TEXT " + b",".join(b"m%d=%d" % (i, i) for i in range(40))

    assert {f"m{i}": float(i) for i in range(16)} == read_load_report(text)


def test_a_report_that_is_cut_short_loses_no_digits() -> None:
    """Half of a number is another number: the item at the cut is left out."""
    padding = b"p" * 1000 + b"=1,"
    text = b"TEXT " + padding + b"cpu_utilization=0.987654321"

    assert {"p" * 1000: 1.0} == read_load_report(text)


@given(st.binary(max_size=60))
def test_no_report_can_raise(junk: bytes) -> None:
    for number in read_load_report(b"TEXT " + junk).values():
        assert 0.0 <= number < 1e9


def test_health_and_ejection_are_noted() -> None:
    table = table_of("a")
    stats = table["a"]
    table.set_healthy(stats, False, 0.0)
    table.set_ejected(stats, True)
    out = (stats.healthy, stats.ejected)
    table.set_healthy(stats, True, 5.0)
    table.set_healthy(stats, True, 6.0)
    table.set_ejected(stats, False)

    assert ((False, True), (True, False)) == (out, (stats.healthy, stats.ejected))
    assert 5.0 == stats.recovered_at


# Endpoints come and go.


def endpoint(id: str, port: int = 80, weight: float = 1.0) -> Endpoint:
    return Endpoint(id, "localhost", port, weight)


def ids(table: EndpointTable) -> list[str]:
    return [stats.id for stats in table.all]


def answered(table: EndpointTable, id: str, latency: float, now: float = 100.0) -> None:
    table.sent(table[id])
    table.completed(table[id], success(latency), now)


@pytest.mark.parametrize("what", ["join", "drain", "resume", "remove", "change", "arrange"])
def test_readers_keep_the_list_they_hold(what: str) -> None:
    """Whatever changes, ``all`` becomes another list; the old one stays as it was."""
    table = table_of("a", "b", "c")
    if what == "resume":
        table.drain("b")
    held = table.all
    before = list(held)
    match what:
        case "join":
            table.join(endpoint("d"))
        case "drain":
            table.drain("b")
        case "resume":
            table.resume("b")
        case "remove":
            table.remove("b")
        case "change":
            table.change(endpoint("b", weight=2.0))
        case "arrange":
            table.arrange(["c"])

    assert table.all is not held
    assert before == list(held)


def test_nothing_changed_is_the_same_list() -> None:
    """So that nobody works out anew what has not changed."""
    table = table_of("a", "b")
    held = table.all
    table.arrange(["a", "b"])
    table.resume("a")

    assert table.all is held


def test_a_newcomer_begins_at_the_mean_of_the_others() -> None:
    """Of those who have answered, or reported; and only until it has itself."""
    table = table_of("a", "b", "silent")
    answered(table, "a", 0.1)
    answered(table, "b", 0.3)
    table.reported(table["a"], Report(0.2, 0.4, 3, 0.5), 100.0)
    table.reported(table["b"], Report(0.6, 0.8, 6, 0.7), 100.0)
    new = table.join(endpoint("new"))

    assert pytest.approx(0.2) == new.latency
    assert pytest.approx((0.4, 0.6, 4, 0.6)) == (
        new.cpu,
        new.memory,
        new.active,
        new.reported_latency,
    )
    assert (0, 0, -math.inf, -math.inf) == (
        new.completed,
        new.in_flight,
        new.latency_at,
        new.reported_at,
    )
    answered(table, "new", 0.7, now=101.0)
    assert pytest.approx(0.7) == new.latency


def test_a_newcomers_error_rate_begins_at_the_mean_and_its_first_answer_replaces_it() -> None:
    table = table_of("a")
    table.sent(table["a"])
    table.completed(table["a"], failure(), 100.0)
    answered(table, "a", 0.1, now=105.0)
    mean = table["a"].error_rate
    new = table.join(endpoint("new"))

    assert 0.0 < mean == new.error_rate
    answered(table, "new", 0.1, now=106.0)
    assert 0.0 == new.error_rate


def test_the_first_of_a_fleet_begins_at_nothing() -> None:
    table = table_of()
    table.join(endpoint("a"))

    assert (0.0, 0.0) == (table["a"].latency, table["a"].cpu)


def test_one_that_comes_back_goes_on_with_what_was_known_of_it() -> None:
    """Save that it was out: that is found out anew."""
    table = table_of("a", "b")
    answered(table, "a", 0.25)
    table.set_healthy(table["a"], False, 0.0)
    table.set_ejected(table["a"], True)
    before = table["a"]
    table.remove("a")
    assert "a" not in table
    table.join(endpoint("a", weight=3.0))

    assert table["a"] is before
    assert (0.25, 1, 3.0) == (before.latency, before.completed, before.endpoint.weight)
    assert (True, False) == (before.healthy, before.ejected)


def test_another_place_under_the_same_id_is_another_endpoint() -> None:
    table = table_of("a", "b")
    answered(table, "a", 0.25)
    answered(table, "b", 0.05)
    table.remove("a")
    table.join(endpoint("a", port=81))

    assert (0.05, 0) == (table["a"].latency, table["a"].completed)


def test_who_is_reached_otherwise_is_another_endpoint() -> None:
    """Whatever it says of that, as long as it is not the weight or the tags."""
    table = table_of("a")
    answered(table, "a", 0.25)
    tls = EndpointTls(enabled=True)
    secured = tls.over(endpoint("a"))

    with pytest.raises(ValueError, match="cannot move"):
        table.change(secured)
    table.remove("a")
    table.join(secured)
    assert 0 == table["a"].completed
    answered(table, "a", 0.25)
    table.change(tls.over(endpoint("a", weight=2.0)))
    assert 1 == table["a"].completed


def test_a_request_in_flight_ends_on_the_stats_it_began_on() -> None:
    """Also after the endpoint has left, and whether or not it came back."""
    table = table_of("a", "b")
    stats = table["a"]
    table.sent(stats)
    table.remove("a")
    table.join(endpoint("a"))
    assert 1 == table["a"].in_flight
    table.completed(stats, success(0.1), 100.0)

    assert (0, 1) == (table["a"].in_flight, table["a"].completed)


def test_who_left_is_remembered_up_to_a_bound() -> None:
    """The first to have left is the first to be forgotten, and its id is told."""
    table = EndpointTable([endpoint(str(number)) for number in range(5)], most_departed=2)
    forgotten = [table.remove(str(number)) for number in range(4)]
    old = table.join(endpoint("3"))
    answered(table, "4", 0.5)

    assert [[], [], ["0"], ["1"]] == forgotten
    assert 0.0 == old.latency
    assert 0.5 == table.join(endpoint("0")).latency


def test_nothing_is_remembered_where_that_is_the_bound() -> None:
    table = EndpointTable([endpoint("a")], most_departed=0)

    assert ["a"] == table.remove("a")


def test_a_draining_endpoint_is_there_and_gets_nothing() -> None:
    table = table_of("a", "b")
    table.sent(table["a"])
    for _ in range(2):
        table.drain("a")
        assert (["b"], {"a"}, []) == (ids(table), set(table.draining), table.settled())
    table.completed(table["a"], success(0.1), 100.0)

    assert ["a"] == table.settled()
    table.remove("a")
    assert (["b"], {}, []) == (ids(table), table.draining, table.settled())


def test_draining_can_be_taken_back() -> None:
    table = table_of("a", "b")
    table.drain("a")
    table.resume("a")

    assert (["b", "a"], {}) == (ids(table), table.draining)


def test_the_order_can_be_restored() -> None:
    """What is not named comes last, in the order in which it stands."""
    table = table_of("a", "b", "c", "d")
    table.arrange(["d", "gone", "b"])

    assert ["d", "b", "a", "c"] == ids(table)


def test_an_endpoint_cannot_join_twice_nor_move() -> None:
    table = table_of("a")
    with pytest.raises(ValueError, match="an endpoint 'a' already"):
        table.join(endpoint("a"))
    with pytest.raises(ValueError, match="cannot move"):
        table.change(endpoint("a", port=81))

    assert 80 == table["a"].endpoint.port


@pytest.mark.parametrize("change", ["drain", "resume", "remove"])
def test_who_is_not_there_cannot_be_changed(change: str) -> None:
    table = table_of("a")
    with pytest.raises(KeyError):
        getattr(table, change)("b")
    with pytest.raises(KeyError):
        table.change(endpoint("b"))
