"""A scenario made light enough to be served live, as its ``live`` part says. Pure.

With all times of servers, load and faults stretched by one factor and the rate divided by it, every
queue is as long as before and every wait the factor longer. What the balancer does by the clock
(decays, ejections, polls) stays as it is configured, since that is what is compared: so the same
scaled settings are what a simulator has to be given for a comparison with live figures.
"""

from __future__ import annotations

import math
from dataclasses import replace

from config.balancer import LoadBalancer
from config.schema import Server, Settings
from config.simulation import Live, Simulation
from config.traffic import Traffic
from rl.simulation.profile import Phase, ServiceProfile


def live(settings: Settings) -> Settings:
    """The settings to serve: scaled, with the counts of requests of such a run.

    What ``simulation`` says of nodes becomes ``load_balancer``'s: its timeout is the one for the
    first byte, and without its retries nothing is tried twice. Applied again it changes nothing.
    """
    how, factor = settings.live, settings.live.time_factor
    kept = settings.servers[: how.servers]
    rate = settings.experiment.request_rate * _share(kept, settings.servers) / factor
    simulation = _simulation(settings.simulation, kept, how)
    experiment = settings.experiment.model_copy(
        update={
            "request_rate": rate,
            "requests": max(2, round(rate * simulation.duration_seconds)),
            "warmup_requests": round(rate * simulation.warmup_seconds),
        }
    )
    return settings.model_copy(
        update={
            "servers": tuple(_server(server, factor) for server in kept),
            "traffic": _traffic(settings.traffic, factor),
            "experiment": experiment,
            "simulation": simulation,
            "load_balancer": _balancer(settings, simulation),
            "live": Live(),
        }
    )


def _share(kept: tuple[Server, ...], servers: tuple[Server, ...]) -> float:
    """Of the capacity; of the number where one has no bound."""
    if all(server.service.slots and server.base_delay_ms for server in servers):
        return _capacity(kept) / _capacity(servers)
    return len(kept) / len(servers)


def _capacity(servers: tuple[Server, ...]) -> float:
    return math.fsum((each.service.slots or 0) / each.base_delay_ms for each in servers)


def _simulation(given: Simulation, kept: tuple[Server, ...], how: Live) -> Simulation:
    factor = how.time_factor
    present = {server.id for server in kept}
    timeout = given.timeout_seconds
    duration = how.duration_seconds or given.duration_seconds
    return given.model_copy(
        update={
            "duration_seconds": duration * factor,
            "warmup_seconds": min(given.warmup_seconds, duration / 2) * factor,
            "timeout_seconds": None if timeout is None else timeout * factor,
            "network_seconds": given.network_seconds * factor,
            "joins": {id: at * factor for id, at in given.joins.items() if id in present},
        }
    )


def _server(server: Server, factor: float) -> Server:
    return server.model_copy(
        update={
            "base_delay_ms": server.base_delay_ms * factor,
            "service": _service(server.service, factor),
        }
    )


def _service(profile: ServiceProfile, factor: float) -> ServiceProfile:
    return replace(
        profile,
        phases=tuple(_phase(phase, factor) for phase in profile.phases),
        cache_seconds=profile.cache_seconds * factor,
    )


def _phase(phase: Phase, factor: float) -> Phase:
    scaled = replace(
        phase,
        start=phase.start * factor,
        end=None if phase.end is None else phase.end * factor,
    )
    if phase.kind != "noise":
        return scaled
    return replace(
        scaled, on_seconds=phase.on_seconds * factor, off_seconds=phase.off_seconds * factor
    )


def _traffic(traffic: Traffic, factor: float) -> Traffic:
    modulated, diurnal = traffic.modulated, traffic.diurnal
    return traffic.model_copy(
        update={
            "trace_speed": traffic.trace_speed / factor,
            "timeout_seconds": traffic.timeout_seconds * factor,
            "modulated": modulated.model_copy(
                update={
                    "calm_seconds": modulated.calm_seconds * factor,
                    "burst_seconds": modulated.burst_seconds * factor,
                }
            ),
            "diurnal": diurnal.model_copy(
                update={"period_seconds": diurnal.period_seconds * factor}
            ),
        }
    )


def _balancer(settings: Settings, simulation: Simulation) -> LoadBalancer:
    given, factor = settings.load_balancer, settings.live.time_factor
    first_byte = simulation.timeout_seconds or given.deadlines.first_byte_seconds * factor
    retries = given.retries
    if not simulation.retries:
        retries = retries.model_copy(update={"attempts": 1})
    return given.model_copy(
        update={
            "deadlines": replace(given.deadlines, first_byte_seconds=first_byte),
            "retries": retries,
        }
    )
