"""What Prometheus reads."""

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics.collector import PollCounts
from metrics.counters import Counters
from metrics.exposition import CONTENT_TYPE, Sources, render
from metrics.histogram import OPEN_TELEMETRY_SECONDS
from metrics.table import EndpointTable, Report
from rl.vocabulary import Endpoint, Outcome, Verdict

pytestmark = pytest.mark.unit


def sources() -> Sources:
    table = EndpointTable([Endpoint("server1", "h", 1), Endpoint("server2", "h", 2)])
    counters = Counters()
    series = counters.series("round_robin", "server1")
    series.count(Outcome(Verdict.SUCCESS, 0.02, 200))
    series.count(Outcome(Verdict.SUCCESS, 0.3, 404))
    series.count(Outcome(Verdict.FAILURE, 20.0, 503))
    series.count(Outcome(Verdict.FAILURE, 2.0, 0))
    counters.series("q_learning", "server2").count(Outcome(Verdict.IGNORED, 0.1, 0))
    counters.answered(200)
    counters.answered(503)
    counters.refused("host")
    counters.retries = 4
    counters.reconnections = 5
    counters.connections = 6
    first, second = table.all
    table.sent(first)
    table.completed(second, Outcome(Verdict.SUCCESS, 0.125, 200), 1.0)
    table.reported(first, Report(0.5, 0.25, 1, 0.1), 1.0)
    table.set_healthy(second, False)
    table.set_ejected(second, True)
    polls = {stats.id: PollCounts() for stats in table.all}
    polls["server1"].succeeded = 7
    polls["server2"].failed = 8
    return Sources(table, counters, polls, lambda: 9, lambda: 10, lambda: 11)


def samples(given: Sources | None = None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of the text as Prometheus's own parser reads it."""
    text = render(given or sources()).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


FIRST = {"strategy": "round_robin", "endpoint": "server1"}
SECOND = {"strategy": "q_learning", "endpoint": "server2"}


@pytest.mark.parametrize(
    ("name", "at", "value"),
    [
        ("slb_requests_total", labels(**FIRST, code="200"), 1),
        ("slb_requests_total", labels(**FIRST, code="404"), 1),
        ("slb_requests_total", labels(**FIRST, code="503"), 1),
        ("slb_requests_total", labels(**FIRST, code="0"), 1),
        ("slb_request_failures_total", labels(**FIRST), 2),
        ("slb_requests_ignored_total", labels(**SECOND), 1),
        ("slb_requests_ignored_total", labels(**FIRST), 0),
        ("slb_request_duration_seconds_count", labels(**FIRST), 3),
        ("slb_request_duration_seconds_sum", labels(**FIRST), 20.32),
        ("slb_request_duration_seconds_bucket", labels(**FIRST, le="0.025"), 1),
        ("slb_request_duration_seconds_bucket", labels(**FIRST, le="10.0"), 2),
        ("slb_request_duration_seconds_bucket", labels(**FIRST, le="+Inf"), 3),
        ("slb_request_duration_seconds_count", labels(**SECOND), 0),
        ("slb_endpoint_in_flight", labels(endpoint="server1"), 1),
        ("slb_endpoint_healthy", labels(endpoint="server1"), 1),
        ("slb_endpoint_healthy", labels(endpoint="server2"), 0),
        ("slb_endpoint_ejected", labels(endpoint="server2"), 1),
        ("slb_endpoint_latency_seconds", labels(endpoint="server2"), 0.125),
        ("slb_endpoint_error_ratio", labels(endpoint="server2"), 0),
        ("slb_endpoint_cpu_ratio", labels(endpoint="server1"), 0.5),
        ("slb_polls_total", labels(endpoint="server1", result="success"), 7),
        ("slb_polls_total", labels(endpoint="server2", result="failure"), 8),
        ("slb_answers_total", labels(code="200"), 1),
        ("slb_answers_total", labels(code="503"), 1),
        ("slb_refusals_total", labels(reason="host"), 1),
        ("slb_retries_total", (), 4),
        ("slb_reconnections_total", (), 5),
        ("slb_connections_total", (), 6),
        ("slb_open_connections", (), 9),
        ("slb_idle_upstream_connections", (), 10),
        ("slb_request_log_dropped_total", (), 11),
    ],
)
def test_what_was_counted_is_exposed(
    name: str, at: tuple[tuple[str, str], ...], value: float
) -> None:
    assert pytest.approx(value) == samples()[name, at]


def test_durations_have_opentelemetrys_buckets_and_rise() -> None:
    rows = [
        (float(dict(at)["le"]), value)
        for (name, at), value in samples().items()
        if name == "slb_request_duration_seconds_bucket" and ("endpoint", "server1") in at
    ]

    assert [*OPEN_TELEMETRY_SECONDS, math.inf] == [edge for edge, _ in rows]
    assert sorted(value for _, value in rows) == [value for _, value in rows]


def test_names_follow_prometheus() -> None:
    """Counters end in _total, durations are in seconds, and everything bears our prefix."""
    families = list(text_string_to_metric_families(render(sources()).decode()))

    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith("slb_")
        assert family.documentation
        assert "_ms" not in family.name
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")


def test_a_node_that_did_nothing_is_exposed_as_well() -> None:
    table = EndpointTable([Endpoint("a", "h", 1)])
    empty = Sources(table, Counters(), {"a": PollCounts()}, lambda: 0, lambda: 0, lambda: 0)
    found = samples(empty)

    assert 0 == found["slb_endpoint_in_flight", labels(endpoint="a")]
    assert not [name for name, _ in found if name.startswith("slb_requests_total")]


def test_reading_changes_nothing() -> None:
    given = sources()

    assert render(given) == render(given)


def test_a_name_cannot_break_the_format() -> None:
    """Ids are checked by the configuration; the format does not rest on that."""
    name = 'a"b\\c\nd'
    table = EndpointTable([Endpoint(name, "h", 1)])
    given = Sources(table, Counters(), {name: PollCounts()}, lambda: 0, lambda: 0, lambda: 0)

    assert 1 == samples(given)["slb_endpoint_healthy", labels(endpoint=name)]


def test_the_content_type_is_the_text_format() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
