"""The proxies that are measured side by side, and the backend behind them: how each is started.

A further peer is one class with the four members of ``Peer``, and a line in ``peer``. Each does the
same job: connections kept on both sides, round robin, X-Forwarded-For and Via, nothing logged
(except by ours with everything on).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from evaluation.bench import cases
from evaluation.bench.foreign import Envoy, Haproxy, Nginx, Varnish
from evaluation.bench.launch import Launch, Peer, free_ports, versions
from evaluation.settings_known import known, nested
from load_balancer import strategies
from rl.vocabulary import JSON

ROOT = Path(__file__).resolve().parents[2]

LEARNERS = ("marginal_cost", "q_learning")
"""With everything on, the first of these that there is decides."""

CACHE = "load_balancer.cache.enabled"
SHAPING = "load_balancer.shaping.enabled"

RULES_FOR_OTHERS: Mapping[str, JSON] = {
    SHAPING: True,
    "load_balancer.shaping.rules": [
        {"name": "bulk", "match": {"paths": ["/bulk"]}, "client_by": "rule", "urgency": 6},
        {"name": "guests", "match": {"networks": ["192.0.2.0/24"]}, "requests_per_second": 10},
    ],
    "load_balancer.shaping.adaptive.enabled": True,
    "load_balancer.shaping.adaptive.envelopes": [
        {"rule": "bulk", "urgency": {"least": 4, "most": 7, "step": 1}}
    ],
}
"""Nobody who is measured is held by them."""


def everything_on(folder: Path) -> dict[str, JSON]:
    """The settings beyond the defaults (metrics, request ids and health are always on); those of
    them that this version knows take part, and the report says which."""
    return {
        "load_balancer.access_log.path": str(folder / "access.log"),
        "load_balancer.tracing.enabled": True,
    }


class Ours:
    """This project's balancer, in a process of its own, as it is configured by default.

    Args:
        everything: with ``everything_on`` laid over that.
        cached: with its cache on, in memory.
        shaping: with ``RULES_FOR_OTHERS``.
    """

    def __init__(
        self,
        name: str = cases.OURS,
        strategy: str = "round_robin",
        *,
        everything: bool = False,
        workers: int = 1,
        cached: bool = False,
        shaping: bool = False,
    ) -> None:
        self.name = name
        self._shaping = shaping
        self._strategy = strategy
        self._everything = everything
        self._workers = workers
        self._cached = cached

    def missing(self) -> str:
        if self._cached and not known(CACHE):
            return f"{self.name}: this version has no {CACHE}"
        if self._shaping and not known(SHAPING):
            return f"{self.name}: this version has no {SHAPING}"
        if self._workers > 1 and not known("load_balancer.workers"):
            return f"{self.name}: this version has no load_balancer.workers"
        return ""

    def versions(self) -> dict[str, str]:
        found = versions("smart-load-balancer", "httptools", "uvloop")
        if self._everything:
            on = sorted(path for path in everything_on(Path()) if known(path))
            found["everything is"] = f"{self._strategy}, {', '.join(on)}"
        return found

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        config = folder / "config.yaml"
        overrides: dict[str, JSON] = everything_on(folder) if self._everything else {}
        if self._workers > 1:
            overrides["load_balancer.workers"] = self._workers
        if self._cached:
            overrides[CACHE] = True
        if self._shaping:
            overrides |= RULES_FOR_OTHERS
        servers: list[JSON] = [
            {"id": f"server{number}", "host": "127.0.0.1", "port": port}
            for number, port in enumerate(origins, start=1)
        ]
        written = nested(overrides) | {"servers": servers}
        config.write_text(yaml.safe_dump(written), encoding="utf-8")
        main = str(ROOT / "load_balancer" / "main.py")
        options = ["--config", str(config), "--strategy", self._strategy, "--host", "127.0.0.1"]
        options += ["--port", "0", "--admin-port", "0", "--until-stdin-closes"]
        return Launch([sys.executable, main, "run", *options])


class Floor:
    """``floor.py``: bytes without HTTP."""

    name = cases.FLOOR

    def missing(self) -> str:
        return ""

    def versions(self) -> dict[str, str]:
        return versions("uvloop")

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        program = [sys.executable, "-m", "evaluation.bench.floor"]
        return Launch([*program, "0", *map(str, origins)])


class FastapiHttpx:
    """``peer_fastapi_httpx.py`` under uvicorn, access log off.

    Args:
        packages: folder with packages for it alone. sniffio must be in one place or the other:
            without it httpcore tries to import it at every lock, and fails, which doubles the cost.
    """

    name = cases.NAIVE

    def __init__(self, packages: Path | None = None) -> None:
        self._packages = packages

    def missing(self) -> str:
        if find_spec("sniffio") or (self._packages and (self._packages / "sniffio").is_dir()):
            return ""
        return f"{self.name}: sniffio is not installed, without which httpx is half as fast"

    def versions(self) -> dict[str, str]:
        return versions("fastapi", "starlette", "uvicorn", "httpx", "httpcore")

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        app = "evaluation.bench.peer_fastapi_httpx:make_app"
        options = ["--factory", "--host", "127.0.0.1", "--port", str(port)]
        options += ["--no-access-log", "--log-level", "warning"]
        env: Mapping[str, str] = {
            "ORIGINS": ",".join(f"http://127.0.0.1:{origin}" for origin in origins)
        }
        if self._packages is not None:
            env = {**env, "PYTHONPATH": str(self._packages)}
        return Launch(
            [sys.executable, "-m", "uvicorn", app, *options], f"http://127.0.0.1:{port}", env
        )


PEERS = (
    cases.OURS,
    cases.EVERYTHING,
    cases.TWO_WORKERS,
    cases.NGINX,
    cases.HAPROXY,
    cases.ENVOY,
    cases.OURS_CACHE,
    cases.OURS_SHAPING,
    cases.NGINX_CACHE,
    cases.HAPROXY_CACHE,
    cases.VARNISH,
    cases.FLOOR,
    cases.NAIVE,
)


def learner() -> str:
    """The strategy that decides with everything on."""
    there = strategies.names()
    return next(name for name in LEARNERS if name in there)


def peer(name: str, packages: Path | None = None) -> Peer:
    """The peer of that name; ``ours:STRATEGY`` is ours with another strategy.

    Args:
        packages: where ``provision`` has put the Python packages that only peers need.

    Raises:
        ValueError: there is none, with the names that there are.
    """
    found: Mapping[str, Peer] = {
        each.name: each
        for each in (
            Ours(),
            Ours(cases.EVERYTHING, learner(), everything=True),
            Ours(cases.TWO_WORKERS, workers=2),
            Ours(cases.OURS_CACHE, cached=True),
            Ours(cases.OURS_SHAPING, shaping=True),
            Nginx(),
            Nginx(cached=True),
            Haproxy(),
            Haproxy(cached=True),
            Varnish(),
            Envoy(packages),
            Floor(),
            FastapiHttpx(packages),
        )
    }
    if name in found:
        return found[name]
    strategy = re.fullmatch(r"ours:(\w+)", name)
    if strategy:
        return Ours(name, strategy[1])
    raise ValueError(f"no peer {name!r}; valid: {', '.join(PEERS)}, ours:STRATEGY")
