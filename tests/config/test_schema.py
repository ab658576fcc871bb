"""Every setting: its default, its bounds, and that nobody changes it."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.balancer import (
    AdaptiveLimit,
    Admission,
    Ejection,
    FailureShare,
    Hedging,
    LoadBalancer,
    Metrics,
    Probation,
    RequestLogSettings,
    Retries,
    SlowStart,
    SuccessRate,
)
from config.schema import (
    DOCUMENT_003_SERVERS,
    Experiment,
    MixEntry,
    PowerOf,
    Server,
    Settings,
    Traffic,
)
from config.section import Section
from rl.encoding import LoadEncoding, Thresholds
from rl.q_learning import QLearningParameters
from rl.reward import RewardParameters
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit

REQUIRED: dict[str, dict[str, Any]] = {
    "Server": {"id": "a", "port": 1},
    "MixEntry": {"path": "/"},
    "Fleet": {"count": 1},
}


def sections() -> list[type[Section]]:
    return sorted(Section.__subclasses__(), key=lambda each: each.__name__)


def build(section: type[BaseModel], **values: object) -> BaseModel:
    return section(**(REQUIRED.get(section.__name__, {}) | values))


def numbers() -> Iterator[tuple[type[Section], str]]:
    """Every setting that is a number, found in the schema itself."""
    for section in sections():
        for key, property in section.model_json_schema()["properties"].items():
            kinds = {each.get("type") for each in property.get("anyOf", [property])}
            if kinds & {"number", "integer"}:
                yield section, key


def test_the_defaults_are_document_003s() -> None:
    settings = Settings()
    servers = [(each.id, each.port, each.base_delay_ms) for each in settings.servers]

    assert [("server1", 8001, 50), ("server2", 8002, 75), ("server3", 8003, 100)] == servers
    assert (8080, "round_robin") == (
        settings.load_balancer.port,
        settings.load_balancer.strategy,
    )
    assert (1.0, 10.0, 60.0) == (
        settings.metrics.polling_interval_seconds,
        settings.traffic.request_rate,
        settings.traffic.duration_seconds,
    )
    assert QLearningParameters(0.1, 0.9, 0.1, 0.995, 0.01) == settings.q_learning
    assert (
        LoadEncoding(Thresholds(50, 80), Thresholds(5, 10), Thresholds(100, 200))
        == settings.state_encoding
    )
    assert RewardParameters("latency", 100.0, -1000.0) == settings.reward
    assert (0.1, 1.0) == (settings.q_routing.learning_rate, settings.q_routing.discount_factor)
    assert (500.0, 500.0, -500.0) == (
        settings.reward.end_point,
        settings.reward.cache_hit,
        settings.reward.no_service,
    )


def test_the_defaults_are_the_issues() -> None:
    balancer = LoadBalancer()
    deadlines = balancer.deadlines

    assert (10, 2, 30, 60) == (
        deadlines.head_seconds,
        deadlines.connect_seconds,
        deadlines.first_byte_seconds,
        deadlines.idle_seconds,
    )
    assert ("/health", "127.0.0.1", 8081) == (
        balancer.health_path,
        balancer.admin_host,
        balancer.admin_port,
    )
    compared = ("round_robin", "least_request", "peak_ewma", "q_learning", "marginal_cost")
    assert compared == Experiment().strategies
    assert (0, 1, 2) == Experiment().seeds


def test_the_settings_themselves_cannot_be_changed_or_given_what_they_do_not_know() -> None:
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.traffic = Traffic()
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings(surely_not=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("section", "key"),
    list(numbers()),
    ids=[f"{section.__name__}.{key}" for section, key in numbers()],
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "many", [1], {}])
def test_no_number_is_infinite_or_none_at_all(
    section: type[Section], key: str, value: object
) -> None:
    with pytest.raises(ValidationError):
        build(section, **{key: value})


BAD: list[tuple[type[Section], str, object]] = [
    (Server, "id", ""),
    (Server, "id", "-a"),
    (Server, "id", "a b"),
    (Server, "id", "a\n"),
    (Server, "id", "a" * 65),
    (Server, "port", -1),
    (Server, "port", 65536),
    (Server, "port", 80.5),
    (Server, "weight", 0),
    (Server, "weight", 1e7),
    (Server, "base_delay_ms", -1),
    (Server, "tags", "a"),
    (LoadBalancer, "port", 65536),
    (LoadBalancer, "node_name", "a b"),
    (LoadBalancer, "node_name", "a\r\nX: y"),
    (LoadBalancer, "health_path", "health"),
    (LoadBalancer, "health_path", "/a b"),
    (LoadBalancer, "health_path", "/\n"),
    (LoadBalancer, "trusted_proxies", ["10.0.0.1/8"]),
    (LoadBalancer, "trusted_proxies", ["everybody"]),
    (LoadBalancer, "deadlines", {"head_seconds": 0}),
    (LoadBalancer, "deadlines", {"idle_seconds": math.nan}),
    (LoadBalancer, "deadlines", {"idle_seconds": math.inf}),
    (LoadBalancer, "deadlines", {"surely_not": 1}),
    (LoadBalancer, "limits", {"surely_not": 1}),
    (LoadBalancer, "limits", {"head_bytes": 10}),
    (LoadBalancer, "limits", {"target_bytes": 1}),
    (LoadBalancer, "limits", {"buffer_bytes": 0}),
    (LoadBalancer, "limits", {"connections": 0}),
    (LoadBalancer, "limits", {"hops": 0}),
    (Retries, "attempts", 0),
    (Retries, "attempts", 11),
    (Retries, "conditions", ["reset", "bad_luck"]),
    (Retries, "statuses", [200]),
    (Retries, "methods", ["get"]),
    (Retries, "try_seconds", 0),
    (Retries, "replay_bytes", -1),
    (Retries, "budget_share", 1.1),
    (Retries, "budget_minimum_per_second", -1),
    (Retries, "budget_window_seconds", 0.5),
    (Hedging, "percentile", 1.0),
    (Hedging, "percentile", 0.4),
    (Hedging, "minimum_samples", 0),
    (Hedging, "half_life_seconds", 0),
    (Hedging, "minimum_delay_seconds", -1),
    (Hedging, "classes", 0),
    (Hedging, "budget_share", -0.1),
    (SuccessRate, "minimum_endpoints", 1),
    (SuccessRate, "minimum_requests", 0),
    (SuccessRate, "deviations", 0),
    (FailureShare, "threshold", 0),
    (FailureShare, "threshold", 1.1),
    (Probation, "share", 0),
    (Probation, "share", 1.1),
    (Probation, "successes", 0),
    (SlowStart, "seconds", -1),
    (SlowStart, "minimum_share", 0),
    (Admission, "requests_per_endpoint", 0),
    (Admission, "queue_length", -1),
    (Admission, "queue_seconds", 0),
    (AdaptiveLimit, "minimum", 0),
    (AdaptiveLimit, "tolerance", 0.9),
    (AdaptiveLimit, "smoothing", 0),
    (AdaptiveLimit, "long_samples", 9),
    (AdaptiveLimit, "allowance", 0),
    (LoadBalancer, "panic_share", 1.1),
    (Ejection, "consecutive_gateway_failures", 0),
    (Ejection, "interval_seconds", 0),
    (Ejection, "jitter", 1.1),
    (Ejection, "retry_after_max_seconds", -1),
    (Ejection, "retry_after_statuses", [200]),
    (Metrics, "check", "icmp"),
    (Metrics, "unhealthy_interval_seconds", 0),
    (Metrics, "lowest_status", 199),
    (Metrics, "highest_status", 600),
    (Ejection, "max_share", 1.01),
    (Ejection, "max_share", -0.01),
    (Ejection, "consecutive_failures", 0),
    (Ejection, "seconds", 0),
    (RequestLogSettings, "queue_lines", 0),
    (Metrics, "polling_interval_seconds", 0),
    (Metrics, "jitter", 1.5),
    (Metrics, "fall", 0),
    (Metrics, "health_path", "health"),
    (Traffic, "target_url", "localhost:8080"),
    (Traffic, "target_url", "ftp://localhost"),
    (Traffic, "request_rate", 0),
    (Traffic, "arrivals", "closed"),
    (Traffic, "mix", []),
    (MixEntry, "path", "a"),
    (MixEntry, "method", "get"),
    (MixEntry, "weight", 0),
    (MixEntry, "body_bytes", -1),
    (Experiment, "strategies", []),
    (Experiment, "seeds", []),
    (Experiment, "requests", 0),
    (Experiment, "warmup_requests", -1),
    (PowerOf, "choices", 1),
]


@pytest.mark.parametrize(
    ("section", "key", "value"),
    BAD,
    ids=[f"{section.__name__}.{key}={value!r}" for section, key, value in BAD],
)
def test_what_makes_no_sense_is_refused(section: type[Section], key: str, value: object) -> None:
    build(section)
    with pytest.raises(ValidationError) as caught:
        build(section, **{key: value})

    assert {key} == {error["loc"][0] for error in caught.value.errors()}


def test_endpoints_come_from_somewhere() -> None:
    """Without servers a source must be configured."""
    with pytest.raises(ValidationError, match="must name one or more"):
        Settings(servers=())
    assert () == Settings(servers=(), discovery={"file": {"path": "x.yaml"}}).servers  # type: ignore[arg-type]


def test_there_are_no_more_servers_than_endpoints_allowed() -> None:
    two = (Server(id="a", port=1), Server(id="b", port=2))
    with pytest.raises(ValidationError, match="are 2, more than the 1 of"):
        Settings(servers=two, discovery={"max_endpoints": 1})  # type: ignore[arg-type]


def test_two_servers_with_one_id_are_refused_by_name() -> None:
    twice = (Server(id="a", port=1), Server(id="b", port=2), Server(id="a", port=3))

    with pytest.raises(ValidationError, match="two servers have the id 'a'"):
        Settings(servers=twice)


def test_a_server_is_an_endpoint_to_the_balancer() -> None:
    server = Server(id="a", host="h", port=9, weight=2.5, tags=("x", "y"), base_delay_ms=5)

    assert Endpoint("a", "h", 9, 2.5, ("x", "y")) == server.endpoint()


def test_the_settings_read_no_environment_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """``load`` asks the sources, so that it can say where a wrong value came from."""
    monkeypatch.setenv("SLB_LOAD_BALANCER__PORT", "9")

    assert 8080 == Settings().load_balancer.port


def test_all_defaults_are_valid_where_they_stand() -> None:
    """Pydantic does not check defaults; read back from plain data they are checked."""
    settings = Settings()

    assert settings == Settings(**settings.model_dump(mode="json"))
    assert DOCUMENT_003_SERVERS == settings.servers


def test_all_mistakes_are_told_at_once() -> None:
    """What is between two keys as well, while another one is wrong."""
    with pytest.raises(ValidationError) as failed:
        Settings(servers=[], load_balancer={"prot": 1234, "strategy": 7})  # type: ignore[arg-type]
    assert ["servers", "load_balancer.strategy", "load_balancer.prot"] == [
        ".".join(map(str, detail["loc"])) for detail in failed.value.errors()
    ]
