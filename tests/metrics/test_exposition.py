"""What Prometheus reads."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics import life_cycle
from metrics.adaptive_exposition import AdaptiveSeen, AgentSeen
from metrics.cache_exposition import CacheSeen, DiskSeen
from metrics.collector import PollCounts
from metrics.counters import Counters
from metrics.exposition import CONTENT_TYPE, Sources, render
from metrics.federation_exposition import FederationSeen, SiteSeen
from metrics.histogram import OPEN_TELEMETRY_SECONDS
from metrics.life_cycle import LifeCycle
from metrics.shaping_exposition import RuleSeen, ShapingSeen
from metrics.table import EndpointTable, Report
from rl.vocabulary import Endpoint, Outcome, Verdict

pytestmark = pytest.mark.unit

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "observability.md"
DASHBOARD = DOCUMENT.parent / "observability" / "dashboard.json"
ALERTS = DOCUMENT.parent / "observability" / "alerts.yaml"
CACHE = CacheSeen(
    {"hit": 30, "miss": 31},
    entries=32,
    bytes=33,
    stored=34,
    too_large=35,
    revalidated=36,
    collapsed=37,
    removed={"evicted": 38},
    disk=DiskSeen(39, 40, 41, 42, {"queue": 43}),
)
ADAPTIVE = AdaptiveSeen({"bulk/1": AgentSeen("bulk", 60.0, levers={"urgency": 61.0})})
FEDERATION = FederationSeen(70, 71, 72, 73, {"north": SiteSeen(74, 75, 76, 77, 78)})
SHAPING = ShapingSeen({"bulk": RuleSeen(50, 51, 52.5, {"shed": 53}, 54, 55, 56, 57)}, 58, 59)


def sources() -> Sources:
    table = EndpointTable([Endpoint("server1", "h", 1), Endpoint("server2", "h", 2)])
    counters = Counters()
    series = counters.series("round_robin", "server1")
    series.count(Outcome(Verdict.SUCCESS, 0.02, 200))
    series.count(Outcome(Verdict.SUCCESS, 0.3, 404))
    series.count(Outcome(Verdict.FAILURE, 20.0, 503))
    series.count(Outcome(Verdict.FAILURE, 2.0, 0))
    counters.series("q_learning", "server2").count(Outcome(Verdict.IGNORED, 0.1, 0))
    counters.refused("host")
    counters.retries = 4
    counters.endpoint_changes["joined"] = 3
    counters.looked("dns:web", False)
    counters.reconnections = 5
    counters.connections = 6
    counters.finished(200, 0.3, 0.02, 21, 1000)
    counters.finished(404, 0.004, 0.003, 0, 100)
    counters.finished(0, 30.0, -1.0, 0, 0)
    counters.ejected("server2", "failures")
    counters.queue_refused("full")
    counters.tls_failed("protocol")
    counters.tls_handshakes = 12
    counters.tunnels = 13
    counters.open_tunnels = 14
    counters.hedges = 15
    counters.hedges_won = 16
    counters.budget_refusals["hedge"] = 17
    counters.queued = 18
    counters.waiting = 19
    counters.panics = 20
    counters.q_headers["ignored"] = 21
    first, second = table.all
    table.sent(first)
    table.completed(second, Outcome(Verdict.SUCCESS, 0.125, 200), 1.0)
    table.reported(first, Report(0.5, 0.25, 1, 0.1), 1.0)
    table.set_healthy(second, False, 0.0)
    table.set_ejected(second, True)
    polls = {stats.id: PollCounts() for stats in table.all}
    polls["server1"].succeeded = 7
    polls["server2"].failed = 8
    return Sources(
        table,
        counters,
        polls,
        lambda: 9,
        lambda: 10,
        lambda: 11,
        access_log_dropped=lambda: 22,
        spans_dropped=lambda: 23,
        in_flight=lambda: 24,
        cache=lambda: CACHE,
        shaping=lambda: SHAPING,
        adaptive=lambda: ADAPTIVE,
        federation=lambda: FEDERATION,
    )


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
        ("slb_adaptive_reward", labels(rule="bulk", client="bulk/1"), 60),
        ("slb_adaptive_lever", labels(rule="bulk", client="bulk/1", lever="urgency"), 61),
        ("slb_federation_round", labels(), 70),
        ("slb_federation_offers_total", labels(site="north"), 74),
        ("slb_shaping_requests_total", labels(rule="bulk", result="passed"), 50),
        ("slb_shaping_requests_total", labels(rule="bulk", result="shed"), 53),
        ("slb_shaping_delayed_total", labels(rule="bulk"), 51),
        ("slb_shaping_delay_seconds_total", labels(rule="bulk"), 52.5),
        ("slb_shaping_received_bytes_total", labels(rule="bulk"), 54),
        ("slb_shaping_sent_bytes_total", labels(rule="bulk"), 55),
        ("slb_shaping_in_flight", labels(rule="bulk"), 56),
        ("slb_shaping_waiting", labels(rule="bulk"), 57),
        ("slb_shaping_clients", labels(), 58),
        ("slb_shaping_clients_forgotten_total", labels(), 59),
        ("slb_cache_requests_total", labels(result="hit"), 30),
        ("slb_cache_entries", labels(), 32),
        ("slb_cache_bytes", labels(), 33),
        ("slb_cache_stored_total", labels(), 34),
        ("slb_cache_too_large_total", labels(), 35),
        ("slb_cache_revalidated_total", labels(), 36),
        ("slb_cache_collapsed_total", labels(), 37),
        ("slb_cache_removed_total", labels(reason="evicted"), 38),
        ("slb_cache_disk_entries", labels(), 39),
        ("slb_cache_disk_bytes", labels(), 40),
        ("slb_cache_disk_read_total", labels(), 41),
        ("slb_cache_disk_written_total", labels(), 42),
        ("slb_cache_disk_lost_total", labels(reason="queue"), 43),
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
        ("slb_answers_total", labels(code="404"), 1),
        ("slb_refusals_total", labels(reason="host"), 1),
        ("slb_retries_total", (), 4),
        ("slb_endpoint_changes_total", labels(change="joined"), 3),
        ("slb_discovery_looks_total", labels(source="dns:web", result="failure"), 1),
        ("slb_reconnections_total", (), 5),
        ("slb_connections_total", (), 6),
        ("slb_open_connections", (), 9),
        ("slb_idle_upstream_connections", (), 10),
        ("slb_request_log_dropped_total", (), 11),
        ("slb_client_request_duration_seconds_count", labels(code="2xx"), 1),
        ("slb_client_request_duration_seconds_sum", labels(code="4xx"), 0.004),
        ("slb_client_request_duration_seconds_bucket", labels(code="none", le="10.0"), 0),
        ("slb_client_request_duration_seconds_bucket", labels(code="none", le="+Inf"), 1),
        ("slb_client_first_byte_seconds_bucket", labels(code="2xx", le="0.01"), 0),
        ("slb_client_first_byte_seconds_bucket", labels(code="2xx", le="0.025"), 1),
        ("slb_received_bytes_total", (), 21),
        ("slb_sent_bytes_total", (), 1100),
        ("slb_ejections_total", labels(endpoint="server2", reason="failures"), 1),
        ("slb_queue_refusals_total", labels(reason="full"), 1),
        ("slb_tls_handshake_failures_total", labels(reason="protocol"), 1),
        ("slb_tls_handshakes_total", (), 12),
        ("slb_tunnels_total", (), 13),
        ("slb_open_tunnels", (), 14),
        ("slb_hedges_total", (), 15),
        ("slb_hedges_won_total", (), 16),
        ("slb_budget_refusals_total", labels(kind="hedge"), 17),
        ("slb_budget_refusals_total", labels(kind="retry"), 0),
        ("slb_queued_total", (), 18),
        ("slb_requests_waiting", (), 19),
        ("slb_panics_total", (), 20),
        ("slb_q_headers_total", labels(result="believed"), 0),
        ("slb_q_headers_total", labels(result="ignored"), 21),
        ("slb_access_log_dropped_total", (), 22),
        ("slb_spans_dropped_total", (), 23),
        ("slb_requests_in_flight", (), 24),
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
    """Counters end in _total, durations are in seconds, and all bear our prefix but the process's
    own, whose names are the same for every program."""
    families = list(text_string_to_metric_families(render(sources()).decode()))

    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.name.startswith(("slb_", "process_"))
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

    assert [
        [line for line in render(given).splitlines() if not line.startswith(b"process_")]
        for _ in range(2)
    ] == [[line for line in render(given).splitlines() if not line.startswith(b"process_")]] * 2


def test_a_name_cannot_break_the_format() -> None:
    """Ids are checked by the configuration; the format does not rest on that."""
    name = 'a"b\\c\nd'
    table = EndpointTable([Endpoint(name, "h", 1)])
    given = Sources(table, Counters(), {name: PollCounts()}, lambda: 0, lambda: 0, lambda: 0)

    assert 1 == samples(given)["slb_endpoint_healthy", labels(endpoint=name)]


def test_a_request_without_an_endpoints_answer_has_no_first_byte() -> None:
    assert ("slb_client_first_byte_seconds_count", labels(code="none")) not in samples()


def everything() -> str:
    """All metrics that there are, each with a sample."""
    life = LifeCycle()
    life.workers = 2
    return (render(sources()) + life_cycle.render(life)).decode()


def test_the_document_lists_every_metric_and_no_other() -> None:
    """docs/observability.md: name, type, labels. Who adds a metric adds its row."""
    text = DOCUMENT.read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) ?\|", text, re.MULTILINE)
    documented = {
        name: (kind, frozenset(filter(None, labels.replace(" ", "").split(","))))
        for name, kind, labels in rows
    }
    exposed = {}
    for family in text_string_to_metric_families(everything()):
        assert family.samples, f"{family.name} needs a sample here"
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found = frozenset(label for sample in family.samples for label in sample.labels)
        exposed[name] = (family.type, found - {"le"})
    if not Path("/proc/self/stat").exists():  # where the process's own metrics are read from
        documented = {k: v for k, v in documented.items() if not k.startswith("process_")}

    assert exposed == documented


def test_the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() -> None:
    exposed = {
        sample.name
        for family in text_string_to_metric_families(everything())
        for sample in family.samples
    }
    for path in (DASHBOARD, ALERTS):
        asked = set(re.findall(r"\b(?:slb|process)_\w+", path.read_text("utf-8")))

        assert asked and asked <= exposed, path.name


def test_the_dashboard_is_one_that_grafana_can_read() -> None:
    """Valid JSON; every panel has an id of its own, a place, a title, a unit and a query."""
    board = json.loads(DASHBOARD.read_text("utf-8"))
    panels = [each for each in board["panels"] if each["type"] != "row"]

    assert len({each["id"] for each in board["panels"]}) == len(board["panels"])
    for panel in panels:
        assert panel["title"] and panel["gridPos"]["w"] <= 24
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["expr"] for target in panel["targets"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    """Names, units, help texts; the alerts, and the dashboard's queries as if they were rules."""
    queries = [
        target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        for target in panel.get("targets", [])
    ]
    rules = tmp_path / "rules.yaml"
    rows = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries)]
    rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rows}]}), "utf-8")
    for arguments, given in (
        (["check", "metrics"], everything()),
        (["check", "rules", str(ALERTS)], ""),
        (["check", "rules", str(rules)], ""),
    ):
        done = subprocess.run(
            ["promtool", *arguments], input=given, capture_output=True, text=True, check=False
        )

        assert (0, "") == (done.returncode, done.stderr), done.stdout


def test_the_content_type_is_the_text_format() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")
