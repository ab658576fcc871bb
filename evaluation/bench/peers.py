"""The proxies that are measured side by side, and the backend behind them: how each is started.

A further peer is one class with the four members of ``Peer``, and a line in ``peer``.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import yaml

from evaluation.bench.origin import BODY, HEALTH

ROOT = Path(__file__).resolve().parents[2]
NGINX_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
NO_NGINX = "nginx is not installed: apt-get install nginx-light, or brew install nginx"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program.

    Attributes:
        url: where it will accept connections, for one that has no ready line of its own.
        env: variables laid over this process's own.
    """

    command: Sequence[str]
    url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """A proxy that can be measured."""

    @property
    def name(self) -> str: ...

    def missing(self) -> str:
        """What it lacks on this machine and what to do about it; empty if nothing."""

    def versions(self) -> dict[str, str]:
        """Of the programs and libraries that its speed depends on."""

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        """Its command for round robin over ``origins`` (ports); may write files into ``folder``."""


class Ours:
    """This project's balancer, in a process of its own, the request log off."""

    def __init__(self, strategy: str = "round_robin") -> None:
        self.name = "ours" if strategy == "round_robin" else f"ours:{strategy}"
        self._strategy = strategy

    def missing(self) -> str:
        return ""

    def versions(self) -> dict[str, str]:
        return _versions("smart-load-balancer", "httptools", "uvloop")

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        config = folder / "config.yaml"
        servers = [
            {"id": f"server{number}", "host": "127.0.0.1", "port": port}
            for number, port in enumerate(origins, start=1)
        ]
        config.write_text(yaml.safe_dump({"servers": servers}), encoding="utf-8")
        main = str(ROOT / "load_balancer" / "main.py")
        options = ["--config", str(config), "--strategy", self._strategy, "--host", "127.0.0.1"]
        options += ["--port", "0", "--admin-port", "0", "--until-stdin-closes"]
        return Launch([sys.executable, main, "run", *options])


class Nginx:
    """One worker, connections kept on both sides, no access log."""

    name = "nginx"

    def missing(self) -> str:
        return "" if nginx() else NO_NGINX

    def versions(self) -> dict[str, str]:
        return {"nginx": nginx_version()}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        servers = "".join(f"server 127.0.0.1:{origin};" for origin in origins)
        return nginx_launch(
            folder,
            port,
            f"""
            upstream origins {{ {servers} keepalive 64; keepalive_requests 1000000000; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://origins;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                }}
            }}
            """,
        )


class FastapiHttpx:
    """``peer_fastapi_httpx.py`` under uvicorn, access log off."""

    name = "fastapi_httpx"

    def missing(self) -> str:
        return ""

    def versions(self) -> dict[str, str]:
        # Without sniffio httpcore tries to import it at every lock, and fails: it says whether
        # this peer had to carry that.
        return _versions("fastapi", "starlette", "uvicorn", "httpx", "httpcore", "sniffio")

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        app = "evaluation.bench.peer_fastapi_httpx:make_app"
        options = ["--factory", "--host", "127.0.0.1", "--port", str(port)]
        options += ["--no-access-log", "--log-level", "warning"]
        urls = ",".join(f"http://127.0.0.1:{origin}" for origin in origins)
        return Launch(
            [sys.executable, "-m", "uvicorn", app, *options],
            f"http://127.0.0.1:{port}",
            {"ORIGINS": urls},
        )


PEERS = ("ours", "nginx", "fastapi_httpx")


def peer(name: str) -> Peer:
    """The peer of that name; ``ours:STRATEGY`` is ours with another strategy.

    Raises:
        ValueError: there is none, with the names that there are.
    """
    if name == "nginx":
        return Nginx()
    if name == "fastapi_httpx":
        return FastapiHttpx()
    if name == "ours":
        return Ours()
    strategy = re.fullmatch(r"ours:(\w+)", name)
    if strategy:
        return Ours(strategy[1])
    raise ValueError(f"no peer {name!r}; valid: {', '.join(PEERS)}, ours:STRATEGY")


def origin(kind: str, ports: Sequence[int], folder: Path) -> Launch:
    """The backend on all ``ports``: ``nginx``, or ``own`` where there is none.

    Both answer 1 KB to every path, and at /health what a healthy backend of ours says.
    """
    if kind == "own":
        ours = [sys.executable, "-m", "evaluation.bench.origin", *map(str, ports)]
        return Launch(ours)
    listens = "".join(f"listen 127.0.0.1:{port};" for port in ports)
    return nginx_launch(
        folder,
        ports[0],
        f"""
        server {{
            {listens}
            default_type text/plain;
            location = /health {{ default_type application/json; return 200 '{HEALTH.decode()}'; }}
            location / {{ return 200 "{BODY.decode()}"; }}
        }}
        """,
    )


def nginx_launch(folder: Path, port: int, servers: str) -> Launch:
    """nginx in the foreground with one worker, everything it writes in ``folder``."""
    program = nginx()
    assert program is not None
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            keepalive_requests 1000000000;
            {paths}
            {servers}
        }}
        """,
        encoding="utf-8",
    )
    return Launch([program, "-p", str(folder), "-c", str(config)], f"http://127.0.0.1:{port}")


def nginx() -> str | None:
    """Its program; it often stands where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path=NGINX_FOLDERS)


def nginx_version() -> str:
    program = nginx()
    if program is None:
        return "missing"
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
    return said.strip().removeprefix("nginx version: ")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _versions(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
