"""What a scenario's file may say beyond the settings: its variants, a fleet of servers, its load.

    variants:            # NAME:heavy is this file with these keys laid over it
      light: {}          # the first one is what the file says without them
      heavy: {load: 0.9}
    fleet: {count: 60, drawn_ms: [30, 120], service: {slots: 4}}
    load: 0.6            # of the capacity: becomes experiment.request_rate

All of it is turned into plain settings here, before they are checked.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from config.section import Name, Number, Port, Section
from config.yaml_file import Origins
from rl.simulation.service import ServiceProfile

KEYS = ("variants", "fleet", "load")
"""Those of a scenario's file that are no settings."""

VariantName = Annotated[str, Field(pattern=r"^[A-Za-z0-9.][A-Za-z0-9._-]{0,63}$")]
Milliseconds = Annotated[float, Number, Field(ge=0, le=3_600_000)]


class Fleet(Section):
    """Servers that are alike, after those that ``servers`` lists.

    ``base_delay_ms`` is one for all ``count`` of them or a list, one each; ``drawn_ms`` is the
    range in which each server's is drawn instead, with equal chances, by ``seed``: the same in
    every run. They are called ``server1`` and so on, counted on from the listed ones. ``but`` holds
    by these names what is different with some of them, keys of ``servers``.
    """

    count: Annotated[int, Number, Field(ge=1, le=10_000)] | None = None
    base_delay_ms: Milliseconds | Annotated[tuple[Milliseconds, ...], Field(min_length=2)] = 50.0
    drawn_ms: tuple[Milliseconds, Milliseconds] | None = None
    seed: int = 0
    # Away from the ports of listed servers and of the balancer.
    first_port: Port = 9001
    service: ServiceProfile = ServiceProfile()
    but: dict[Name, dict[str, Any]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _agrees(self) -> Fleet:
        listed, drawn = self.base_delay_ms, self.drawn_ms
        if isinstance(listed, tuple):
            if drawn is not None:
                raise ValueError("base_delay_ms is a list, so drawn_ms has no meaning")
            if self.count not in (None, len(listed)):
                raise ValueError(f"count {self.count}: base_delay_ms lists {len(listed)}")
        elif self.count is None:
            raise ValueError("count is missing")
        if drawn is not None and drawn[0] > drawn[1]:
            raise ValueError(f"drawn_ms must rise, not fall from {drawn[0]:g} to {drawn[1]:g}")
        if self.first_port + len(self.delays()) > 65_536:
            raise ValueError(f"there are not {self.count} ports from {self.first_port} on")
        return self

    def delays(self) -> list[float]:
        """Of each server, in milliseconds."""
        if isinstance(self.base_delay_ms, tuple):
            return list(self.base_delay_ms)
        count = self.count or 0
        if self.drawn_ms is None:
            return [self.base_delay_ms] * count
        dice = random.Random(self.seed)
        return [round(dice.uniform(*self.drawn_ms), 3) for _ in range(count)]


class ScenarioKeys(Section):
    """The keys of ``KEYS``."""

    fleet: Fleet | None = None
    load: Annotated[float, Number, Field(gt=0, le=10)] | None = None
    variants: dict[VariantName, dict[str, Any]] = Field(default_factory=dict)


def split(scenario: str) -> tuple[str, str | None]:
    """``S4:.5`` in its name and its variant; a path may have one as well."""
    name, colon, variant = scenario.rpartition(":")
    return (name, variant) if colon else (scenario, None)


def variant_names(data: Mapping[str, Any]) -> list[str]:
    """Those of a file's data, in its order; none where it has none that can be read."""
    variants = data.get("variants")
    return [str(each) for each in variants] if isinstance(variants, dict) else []


def plain(data: dict[str, Any], origins: Origins) -> tuple[dict[str, Any], Origins]:
    """A scenario's data as settings, once its variant was laid over it.

    Raises:
        ValidationError: of ``ScenarioKeys``, or of servers whose capacity cannot be told.
    """
    keys = ScenarioKeys(**{key: data[key] for key in KEYS if key in data})
    result = {key: value for key, value in data.items() if key not in KEYS}
    origins = dict(origins)
    if keys.fleet is not None:
        listed = result.get("servers") or []
        if not isinstance(listed, list):
            return result, origins  # which is told when the settings are checked
        fleet = _servers(keys.fleet, data["fleet"], len(listed), origins)
        result["servers"] = [*listed, *fleet]
    if keys.load is not None:
        rate = round(keys.load * _capacity(result.get("servers"), keys.load), 6)
        result["experiment"] = {**(result.get("experiment") or {}), "request_rate": rate}
        origins["experiment", "request_rate"] = origins.get(("load",), "")
    return result, origins


def _servers(
    fleet: Fleet, given: Mapping[str, Any], listed: int, origins: Origins
) -> list[dict[str, Any]]:
    """Its servers as data; ``origins`` learns where their keys stand.

    Raises:
        ValidationError: ``but`` names a server that is none of them.
    """
    found, unknown = [], dict(fleet.but)
    for index, delay in enumerate(fleet.delays()):
        id = f"server{listed + index + 1}"
        server: dict[str, Any] = {
            "id": id,
            "port": fleet.first_port + index,
            "base_delay_ms": delay,
            "service": given.get("service") or {},
        }
        at, here = ("fleet", "but", id), ("servers", listed + index)
        origins[here] = origins.get(("fleet",), "")
        if id in unknown:
            different = unknown.pop(id)
            service = {**server["service"], **(different.get("service") or {})}
            server = {**server, **different, "service": service}
            origins |= {
                (*here, *path[3:]): line for path, line in origins.items() if path[:3] == at
            }
        found.append(server)
    for id in unknown:
        raise _wrong(("fleet", "but", id), id, f"there is no server {id!r} in this fleet")
    return found


def _capacity(servers: object, load: float) -> float:
    """Requests per second that the servers can finish at the most, all in all.

    Raises:
        ValidationError: one has no bound, or what it takes depends on the request.
    """
    total = 0.0
    for server in servers if isinstance(servers, Sequence) else ():
        service = server.get("service") or {}
        slots, delay = service.get("slots"), server.get("base_delay_ms", 50.0)
        if not slots or not delay or service.get("routes"):
            raise _wrong(("load",), load, "needs servers with slots, a base_delay_ms and no routes")
        total += slots / (delay / 1000)
    if not total:
        raise _wrong(("load",), load, "needs servers in the same file")
    return total


def _wrong(at: tuple[str, ...], given: object, problem: str) -> ValidationError:
    return ValidationError.from_exception_data(
        at[-1], [{"type": "value_error", "loc": at, "input": given, "ctx": {"error": problem}}]
    )
