"""Every setting there is: frozen, checked, with its default. Unknown keys are refused.

Keys that document 003 names keep its names and units; ours are in seconds and bytes and say so.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.balancer import LoadBalancer, Metrics
from config.endpoints import Discovery, Domains
from config.section import Count, Flag, Name, Port, Section
from config.simulation import Live, Simulation
from config.strategies import PeakEwma as PeakEwma
from config.strategies import PowerOf as PowerOf
from config.strategies import StrategyParameters
from config.tls import EndpointTls
from config.traffic import MixEntry as MixEntry
from config.traffic import Traffic as Traffic
from rl.bandits import BanditParameters
from rl.encoding import LoadEncoding
from rl.marginal_cost.policy import MarginalCostParameters
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


class Experiment(Section):
    """A comparison of strategies: the same arrivals for each, paired by seed."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "round_robin",
        "least_request",
        "peak_ewma",
        "q_learning",
        "marginal_cost",
    )
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    requests: Count = 1200
    request_rate: Annotated[float, Field(gt=0, le=1e5)] = 60.0
    warmup_requests: Annotated[int, Field(ge=0)] = 100
    description: str = ""


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
    simulation: Simulation = Simulation()
    live: Live = Live()
    strategies: StrategyParameters = StrategyParameters()
    q_learning: QLearningParameters = QLearningParameters()
    q_routing: QRoutingParameters = QRoutingParameters()
    marginal_cost: MarginalCostParameters = MarginalCostParameters()
    bandits: BanditParameters = BanditParameters()
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

    @field_validator("simulation")
    @classmethod
    def _who_joins_exists(cls, simulation: Simulation, info: ValidationInfo) -> Simulation:
        servers = info.data.get("servers")
        if servers is not None:
            known = {server.id for server in servers}
            for id in simulation.joins:
                if id not in known:
                    raise ValueError(f"joins: there is no server {id!r}")
        return simulation

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
