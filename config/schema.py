"""Every setting there is: frozen, checked, with its default. Unknown keys are refused.

Keys that document 003 names keep its names and units; ours are in seconds and bytes and say so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.balancer import LoadBalancer, Metrics
from config.endpoints import Discovery, Domains
from config.section import Count, Flag, Name, Port, Seconds, Section
from config.tls import EndpointTls
from rl.encoding import LoadEncoding
from rl.q_learning import QLearningParameters
from rl.q_routing import QRoutingParameters
from rl.reward import RewardParameters
from rl.simulation.service import ServiceProfile
from rl.vocabulary import Endpoint


class Server(Section):
    """A backend: where it listens and, for the ones we start ourselves, how it behaves."""

    id: Name
    host: str = "localhost"
    port: Port
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    tags: tuple[str, ...] = ()
    domains: Domains = ()
    proxy_node: Flag = False
    tls: EndpointTls = EndpointTls()
    base_delay_ms: Annotated[float, Field(ge=0, le=3_600_000)] = 50.0
    service: ServiceProfile = ServiceProfile()

    def endpoint(self) -> Endpoint:
        """This server as the balancer sees it."""
        return self.tls.over(
            Endpoint(
                self.id,
                self.host,
                self.port,
                self.weight,
                self.tags,
                self.domains,
                self.proxy_node,
            )
        )


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

    # Before the servers, whose check needs it.
    discovery: Discovery = Discovery()
    servers: Annotated[tuple[Server, ...], Field(max_length=10_000, validate_default=True)] = (
        DOCUMENT_003_SERVERS
    )
    load_balancer: LoadBalancer = LoadBalancer()
    metrics: Metrics = Metrics()
    traffic: Traffic = Traffic()
    experiment: Experiment = Experiment()
    strategies: StrategyParameters = StrategyParameters()
    q_learning: QLearningParameters = QLearningParameters()
    q_routing: QRoutingParameters = QRoutingParameters()
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

    # At this field and not at the whole, whose check is left out where any other key is wrong.
    @field_validator("servers")
    @classmethod
    def _endpoints_come_from_somewhere(
        cls, servers: tuple[Server, ...], info: ValidationInfo
    ) -> tuple[Server, ...]:
        discovery = info.data.get("discovery")
        if discovery is not None:  # it is right in itself
            if not servers and not discovery.configured:
                raise ValueError("must name one or more unless discovery.dns or .file does")
            if len(servers) > discovery.max_endpoints:
                raise ValueError(
                    f"are {len(servers)}, more than the {discovery.max_endpoints} of "
                    "discovery.max_endpoints"
                )
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
