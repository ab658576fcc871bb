"""Every setting there is: frozen, checked, with its default. Unknown keys are refused.

Keys that document 003 names keep its names and units; ours are in seconds and bytes and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from rl.encoding import LoadEncoding
from rl.q_learning import QLearningParameters
from rl.reward import RewardParameters
from rl.simulation.service import ServiceProfile
from rl.vocabulary import Endpoint

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """A frozen group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Server(Section):
    """A backend: where it listens and, for the ones we start ourselves, how it behaves."""

    id: Name
    host: str = "localhost"
    port: Port
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    tags: tuple[str, ...] = ()
    base_delay_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 50.0
    service: ServiceProfile = ServiceProfile()

    def endpoint(self) -> Endpoint:
        """This server as the balancer sees it."""
        return Endpoint(self.id, self.host, self.port, self.weight, self.tags)


# Read several times for every request: plain slots cost a fifth of a pydantic model's attributes.
@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until something is given up; one sweep looks after all of them."""

    head_seconds: Seconds = 10.0
    connect_seconds: Seconds = 2.0
    first_byte_seconds: Seconds = 30.0
    idle_seconds: Seconds = 60.0
    # Below the keep-alive of common servers (uvicorn and Node.js close after 5 s), so that a
    # connection is seldom taken from the pool in the moment that its server closes it.
    upstream_idle_seconds: Seconds = 4.0
    drain_seconds: Seconds = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client or one endpoint may make us hold."""

    head_bytes: Annotated[int, Field(ge=1024, le=1 << 20)] = 32 * 1024
    head_fields: Annotated[int, Field(ge=8, le=10_000)] = 100
    target_bytes: Annotated[int, Field(ge=256, le=1 << 20)] = 8 * 1024
    buffer_bytes: Annotated[int, Field(ge=4096, le=1 << 26)] = 256 * 1024
    connections: Count = 10_000
    idle_connections_per_endpoint: Count = 256
    hops: Count = 32


class Retries(Section):
    """A failed try is repeated on another endpoint while no response byte was seen."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 2


class Ejection(Section):
    """When an endpoint's answers keep it out, for how long, and how many may be out at once."""

    consecutive_failures: Count = 5
    seconds: Seconds = 5.0
    max_seconds: Seconds = 60.0
    max_share: Share = 0.5


class RequestLogSettings(Section):
    """One JSON line a request; off without a path."""

    path: str | None = None
    queue_lines: Count = 20_000


class Learning(Section):
    """Where what was learned is kept; nowhere without a file."""

    state_file: str | None = None
    save_interval_seconds: Seconds = 60.0
    improve_interval_seconds: Seconds = 1.0


class LoadBalancer(Section):
    """One proxy node."""

    host: str = "localhost"
    port: Port = 8080
    admin_host: str = "127.0.0.1"
    admin_port: Port = 8081
    strategy: str = "round_robin"
    node_name: Name = "slb"
    health_path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/health"
    seed: int | None = None
    # Networks whose X-Forwarded-For is continued and whose X-Forwarded-Proto and -Host are kept;
    # everybody else's are replaced.
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    retries: Retries = Retries()
    ejection: Ejection = Ejection()
    request_log: RequestLogSettings = RequestLogSettings()
    learning: Learning = Learning()

    @model_validator(mode="after")
    def _ports_differ(self) -> LoadBalancer:
        if self.port and self.port == self.admin_port:
            raise ValueError(f"port and admin_port are both {self.port}")
        return self


class Metrics(Section):
    """The collector, which asks every server how it is."""

    polling_interval_seconds: Seconds = 1.0
    timeout_seconds: Seconds = 1.0
    jitter: Share = 0.1
    health_path: Annotated[str, Field(pattern=r"^/[!-~]*$")] = "/health"
    fall: Count = 3
    rise: Count = 1


class MixEntry(Section):
    """One kind of request in the traffic."""

    path: Annotated[str, Field(pattern=r"^/[!-~]*$")]
    weight: Annotated[float, Field(gt=0)] = 1.0
    method: Annotated[str, Field(pattern=r"^[A-Z]+$")] = "GET"
    body_bytes: Annotated[int, Field(ge=0, le=1 << 30)] = 0


class Traffic(Section):
    """What the generator and Locust send."""

    target_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+/?.*$")] = "http://localhost:8080"
    request_rate: Annotated[float, Field(gt=0, le=1e6)] = 10.0
    duration_seconds: Seconds = 60.0
    arrivals: Literal["poisson", "uniform", "burst", "trace"] = "poisson"
    trace: str | None = None
    seed: int = 0
    timeout_seconds: Seconds = 30.0
    mix: Annotated[tuple[MixEntry, ...], Field(min_length=1)] = (MixEntry(path="/"),)


class Experiment(Section):
    """A comparison of strategies: the same arrivals for each, paired by seed."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "round_robin",
        "least_request",
        "peak_ewma",
        "q_learning",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    requests: Count = 1200
    request_rate: Annotated[float, Field(gt=0, le=1e5)] = 60.0
    warmup_requests: Annotated[int, Field(ge=0)] = 100
    description: str = ""


class PeakEwma(Section):
    """Decay time of the latency average, and the latency that a failure counts as.

    Finagle's default is 10 s; 5 s is what Linkerd takes for a failure.
    """

    decay_seconds: Seconds = 10.0
    failure_seconds: Seconds = 5.0


class PowerOf(Section):
    """How many endpoints are drawn before the least busy of them is taken."""

    choices: Annotated[int, Field(ge=2, le=64)] = 2


class StrategyParameters(Section):
    """Parameters of the classics, by the name of the strategy."""

    peak_ewma: PeakEwma = PeakEwma()
    power_of_two: PowerOf = PowerOf()


DOCUMENT_003_SERVERS = (
    Server(id="server1", port=8001, base_delay_ms=50),
    Server(id="server2", port=8002, base_delay_ms=75),
    Server(id="server3", port=8003, base_delay_ms=100),
)


class Settings(BaseSettings):
    """The whole configuration. ``config.loading.load`` makes one and explains what is wrong."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="SLB_",
        env_nested_delimiter="__",
        allow_inf_nan=False,
    )

    servers: Annotated[tuple[Server, ...], Field(min_length=1, max_length=10_000)] = (
        DOCUMENT_003_SERVERS
    )
    load_balancer: LoadBalancer = LoadBalancer()
    metrics: Metrics = Metrics()
    traffic: Traffic = Traffic()
    experiment: Experiment = Experiment()
    strategies: StrategyParameters = StrategyParameters()
    q_learning: QLearningParameters = QLearningParameters()
    state_encoding: LoadEncoding = LoadEncoding()
    reward: RewardParameters = RewardParameters()

    @field_validator("servers")
    @classmethod
    def _ids_differ(cls, servers: tuple[Server, ...]) -> tuple[Server, ...]:
        seen: set[str] = set()
        for server in servers:
            if server.id in seen:
                raise ValueError(f"two servers have the id {server.id!r}")
            seen.add(server.id)
        return servers

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load`` hands over: it asks the other sources itself, to know where a value
        came from when it must complain about it."""
        return (init_settings,)
