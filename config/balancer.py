"""The settings of one proxy node, and of the collector that watches its endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    IPvAnyNetwork,
    SecretStr,
    model_validator,
)

from config.admission import AdaptiveLimit as AdaptiveLimit
from config.admission import Admission as Admission
from config.admission import FractionOfOne
from config.affinity import AffinityKey, RequestClassSettings, check_affinity
from config.caching import CacheSettings
from config.endpoints import Stickiness
from config.observability import AccessLogSettings, ServerTiming, Tracing
from config.section import Count, Flag, Name, Port, Seconds, Section, Share
from config.shaping import Shaping
from config.tls import Tls


# Read several times for every request: plain slots cost a fifth of a pydantic model's attributes.
@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until something is given up; one sweep looks after all of them."""

    head_seconds: Seconds = 10.0
    connect_seconds: Seconds = 2.0
    first_byte_seconds: Seconds = 30.0
    # From a request's turn to the end of its body, and to the end of its answer; null is no bound.
    body_seconds: Seconds | None = None
    request_seconds: Seconds | None = None
    idle_seconds: Seconds = 60.0
    # Below the keep-alive of common servers (uvicorn and Node.js close after 5 s), so that a
    # connection is seldom taken from the pool in the moment that its server closes it.
    upstream_idle_seconds: Seconds = 4.0
    drain_seconds: Seconds = 10.0
    # After a 101, when the bytes are no longer ours to understand.
    tunnel_idle_seconds: Seconds = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client or one endpoint may make us hold."""

    head_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 32 * 1024
    head_fields: Annotated[int, Field(ge=8, le=10_000)] = 100
    target_bytes: Annotated[int, Field(ge=256, le=1 << 20)] = 8 * 1024
    buffer_bytes: Annotated[int, Field(ge=4096, le=1 << 26)] = 256 * 1024
    connections: Count = 10_000
    # Of one IPv4 address or one IPv6 /64; null is no bound.
    connections_per_client: Count | None = None
    # While it is the client's turn, as a mean over each window; 0 is no bound.
    minimum_upload_bytes_per_second: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    minimum_download_bytes_per_second: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    rate_window_seconds: Seconds = 5.0
    idle_connections_per_endpoint: Count = 256
    # Proxies in Via that a request has passed, and how many of them may bear node_name. Many nodes
    # in a chain may have the same name, the default one, so a few are no loop yet.
    hops: Count = 32
    own_hops: Annotated[int, Field(ge=0, le=10_000)] = 8


RetryCondition = Literal["connect_failure", "reset", "invalid_answer", "try_timeout", "status"]
PerSecond = Annotated[float, Field(ge=0, le=1e6)]


class Retries(Section):
    """A failed try is repeated on another endpoint while no response byte was seen.

    After which failures: ``conditions``, where ``status`` means an answer with one of ``statuses``.
    A request that was sent is repeated for ``methods`` only, and with a body only if that was kept
    whole, in ``replay_bytes``. All retries together are at most ``budget_share`` of the requests of
    the last ``budget_window_seconds``, and a minimum for nodes with little traffic.
    """

    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    conditions: tuple[RetryCondition, ...] = (
        "connect_failure",
        "reset",
        "invalid_answer",
        "try_timeout",
    )
    statuses: tuple[Annotated[int, Field(ge=400, le=599)], ...] = (502, 503, 504)
    methods: tuple[Annotated[str, Field(pattern=r"^[A-Z]+$")], ...] = (
        "GET",
        "HEAD",
        "OPTIONS",
        "PUT",
        "DELETE",
        "TRACE",
    )
    # From a try's decision to its answer's first byte; without it, deadlines.first_byte_seconds.
    try_seconds: Seconds | None = None
    replay_bytes: Annotated[int, Field(ge=0, le=1 << 26)] = 64 * 1024
    budget_share: Share = 0.2
    budget_minimum_per_second: PerSecond = 10.0
    budget_window_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0


class Hedging(Section):
    """A second try beside a first one that is slower than its class of requests usually is.

    Idempotent requests without a body only. The delay is the ``percentile`` of the times to the
    first byte, learned per class, older samples counting half after ``half_life_seconds``.
    """

    enabled: bool = False
    percentile: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    minimum_samples: Count = 50
    half_life_seconds: Seconds = 60.0
    minimum_delay_seconds: Annotated[float, Field(ge=0, le=60)] = 0.002
    classes: Annotated[int, Field(ge=1, le=100_000)] = 256
    budget_share: Share = 0.05
    budget_minimum_per_second: PerSecond = 1.0
    budget_window_seconds: Annotated[float, Field(ge=1, le=600)] = 10.0


class SuccessRate(Section):
    """Ejects whose share of successes, over one interval, lies more than ``deviations`` standard
    deviations below the mean of all. Needs so many endpoints with so many requests each."""

    enabled: bool = False
    deviations: Annotated[float, Field(gt=0, le=100)] = 1.9
    minimum_endpoints: Annotated[int, Field(ge=2)] = 5
    minimum_requests: Count = 100


class FailureShare(Section):
    """Ejects whose share of failures, over one interval, is ``threshold`` or more."""

    enabled: bool = False
    threshold: FractionOfOne = 0.85
    minimum_endpoints: Count = 5
    minimum_requests: Count = 50


class Ejection(Section):
    """When an endpoint's answers keep it out, for how long, and how many may be out at once.

    Either count may be switched off by null. A gateway failure is a 502, 503 or 504, or no answer
    at all. Each ejection in a row lasts twice as long as the one before, at most ``max_seconds``,
    and then up to ``jitter`` of that longer.
    """

    consecutive_failures: Count | None = 5
    consecutive_gateway_failures: Count | None = None
    success_rate: SuccessRate = SuccessRate()
    failure_share: FailureShare = FailureShare()
    interval_seconds: Seconds = 10.0
    seconds: Seconds = 5.0
    max_seconds: Seconds = 60.0
    jitter: Share = 0.1
    max_share: Share = 0.5
    # How long an answer's Retry-After may keep its endpoint out; 0 ignores it. 429 is often meant
    # for one client, who could so put an endpoint out for all: it counts only if it is listed.
    retry_after_max_seconds: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    retry_after_statuses: tuple[Annotated[int, Field(ge=300, le=599)], ...] = (503,)


class Probation(Section):
    """An endpoint that was out is shown to ``share`` of the requests until so many ``successes``
    in a row; 1 is no probation."""

    share: FractionOfOne = 0.1
    successes: Count = 3


class SlowStart(Section):
    """A newcomer, or one that has passed its probation, is shown to a share of the requests that
    grows to all of them in ``seconds``; 0 is at once."""

    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    minimum_share: FractionOfOne = 0.1


class QHeaders(Section):
    """``Q`` and ``QReward``, in which proxy nodes tell each other what a way is worth.

    ``enabled`` reads them from endpoints that are proxy nodes and writes them for the node before;
    ``expose`` writes them at all. One beyond ``largest``, either way from 0, is ignored.
    """

    enabled: Flag = False
    expose: Flag = True
    largest: Annotated[float, Field(gt=0, le=1e12)] = 1e6


class RequestLogSettings(Section):
    """One JSON line a request; off without a path."""

    path: str | None = None
    queue_lines: Count = 20_000


class Learning(Section):
    """Where what was learned is kept; nowhere without a file."""

    state_file: str | None = None
    save_interval_seconds: Seconds = 60.0
    improve_interval_seconds: Seconds = 0.1
    # Among several workers only: how often what each has learned is given to all.
    merge_interval_seconds: Seconds = 5.0


class Drain(Section):
    """The end of a node: how long it is unready and still accepts, for balancers in front of it
    to notice; ``deadlines.drain_seconds`` follow, for what runs."""

    delay_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 0.0


class Supervision(Section):
    """Several workers: how long one may take to be ready, how long a dead one is waited for before
    the next is started (doubled for each that dies young), and how many changes made by POST are
    kept for one that starts later."""

    start_seconds: Seconds = 20.0
    backoff_seconds: Seconds = 0.5
    max_backoff_seconds: Seconds = 30.0
    kept_changes: Count = 1000


def _checked_token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if len(text) < 8 or not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be 8 or more printable ASCII characters without a space")
    return token


def _off(value: object) -> object:
    # YAML 1.1 takes the word for a truth value.
    return "off" if value is False else value


def _not_h2c(protocol: str) -> str:
    if protocol == "h2c":
        raise ValueError("h2c cannot be switched to: its requests would pass unjudged")
    return protocol


Protocol = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_not_h2c)]


class LoadBalancer(Section):
    """One proxy node."""

    host: str = "localhost"
    port: Port = 8080
    admin_host: str = "127.0.0.1"
    admin_port: Port = 8081
    # Whoever asks the admin port must show it. Needed where admin_host is not this machine's own;
    # the file's first line is the token, so that it need not stand in the configuration.
    admin_token: Annotated[SecretStr, AfterValidator(_checked_token)] | None = None
    admin_token_file: str | None = None
    admin_body_bytes: Annotated[int, Field(ge=1024, le=1 << 26)] = 64 * 1024
    # Processes that share the port.
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    strategy: str = "round_robin"
    node_name: Name = "slb"
    health_path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/health"
    seed: int | None = None
    # Networks whose X-Forwarded-For or Forwarded is believed and continued, and whose
    # X-Forwarded-Proto, -Host and -Port are kept; everybody else's are replaced.
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    # Which of the two counts, of a trusted proxy that sends both.
    client_header: Literal["x_forwarded_for", "forwarded"] = "x_forwarded_for"
    # Which of them endpoints get: X-Forwarded-*, Forwarded (RFC 7239), or both.
    forwarded_header: Literal["x_forwarded", "rfc7239", "both"] = "x_forwarded"
    # Whether every connection begins with a PROXY header, version 1 or 2, of a trusted proxy.
    proxy_protocol: Annotated[Literal["off", "required"], BeforeValidator(_off)] = "off"
    # Protocols that clients may switch to; others are answered in HTTP. Not h2c: what follows it
    # would be requests that nobody here has judged.
    upgrades: tuple[Protocol, ...] = ("websocket",)
    # A client that has closed its side while it waits: gone (its endpoint's work is stopped), or
    # served, which tells it from one that is gone only when the answer is written.
    half_closed: Literal["drop", "serve"] = "drop"
    tls: Tls = Tls()
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    retries: Retries = Retries()
    hedging: Hedging = Hedging()
    ejection: Ejection = Ejection()
    probation: Probation = Probation()
    slow_start: SlowStart = SlowStart()
    # With a smaller share of the endpoints able, all are used: they cannot all be that bad, and the
    # few would not bear the load. At 0 that is so only with none able.
    panic_share: Share = 0.0
    admission: Admission = Admission()
    shaping: Shaping = Shaping()
    cache: CacheSettings = CacheSettings()
    q_headers: QHeaders = QHeaders()
    # A new request is declined under a load of so much or more, out of 100; null declines none.
    # The load is 100 with ``capacity`` requests of clients in flight.
    decline_load: Annotated[float, Field(gt=0, le=100)] | None = None
    capacity: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    # Answered to who is declined, or asks for a domain that nobody here serves.
    no_service_status: Annotated[int, Field(ge=400, le=599)] = 503
    request_log: RequestLogSettings = RequestLogSettings()
    access_log: AccessLogSettings = AccessLogSettings()
    tracing: Tracing = Tracing()
    server_timing: ServerTiming = ServerTiming()
    learning: Learning = Learning()
    stickiness: Stickiness = Stickiness()
    affinity: AffinityKey = AffinityKey()
    request_classes: RequestClassSettings = RequestClassSettings()
    drain: Drain = Drain()
    supervision: Supervision = Supervision()

    @model_validator(mode="after")
    def _ports_differ(self) -> LoadBalancer:
        if self.port and self.port == self.admin_port:
            raise ValueError(f"port and admin_port are both {self.port}")
        return self

    @model_validator(mode="after")
    def _one_key(self) -> LoadBalancer:
        check_affinity(self.affinity, self.stickiness, self.limits.buffer_bytes)
        return self

    @model_validator(mode="after")
    def _somebody_may_introduce(self) -> LoadBalancer:
        if self.proxy_protocol == "required" and not self.trusted_proxies:
            raise ValueError(
                "proxy_protocol: required needs trusted_proxies, for it is taken from them only"
            )
        return self

    @model_validator(mode="after")
    def _one_counts(self) -> LoadBalancer:
        if self.workers > 1 and self.shaping.enabled:
            raise ValueError("shaping.enabled: needs workers: 1, for each would count by itself")
        if self.workers > 1 and self.shaping.adaptive.federation.enabled:
            raise ValueError(
                "shaping.adaptive.federation.enabled: needs workers: 1, for sites learn as one"
            )
        return self

    @model_validator(mode="after")
    def _workers_share_a_secret(self) -> LoadBalancer:
        sticky = self.stickiness
        if self.workers > 1 and sticky.kind == "cookie" and sticky.cookie_secret is None:
            raise ValueError(
                "stickiness.cookie_secret: is needed with several workers, for each would make "
                "its own"
            )
        return self


class Metrics(Section):
    """The collector, which asks every server how it is.

    ``check`` is ``http``, ``tcp`` (a connection is enough) or ``off``. An answer counts as healthy
    with a status from ``lowest_status`` to ``highest_status``; by default not with a redirect,
    because what that leads to was not asked.
    """

    check: Literal["http", "tcp", "off"] = "http"
    polling_interval_seconds: Seconds = 1.0
    # While it is unhealthy; null is the same interval.
    unhealthy_interval_seconds: Seconds | None = None
    timeout_seconds: Seconds = 1.0
    jitter: Share = 0.1
    health_path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/health"
    lowest_status: Annotated[int, Field(ge=200, le=599)] = 200
    highest_status: Annotated[int, Field(ge=200, le=599)] = 299
    fall: Count = 3
    rise: Count = 1

    @model_validator(mode="after")
    def _statuses_rise(self) -> Metrics:
        if self.lowest_status > self.highest_status:
            raise ValueError(
                f"lowest_status {self.lowest_status} is above highest_status {self.highest_status}"
            )
        return self
