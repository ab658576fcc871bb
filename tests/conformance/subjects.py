"""The proxies that rows are played through: ours in this process, others as processes of theirs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.conformance.play import Player, Record
from tests.conformance.rows.model import Row
from tests.live.origin import Origin
from tests.live.rig import Rig, proxy

_DEADLINES = {"head": 11.0, "body": 61.0, "idle": 61.0, "answer": 31.0}
"""Seconds that are longer than each of ours, as they are by default."""


class Ours:
    """Our proxy port in this loop; its clock stands still until a row lets it pass."""

    patience = 5.0

    def __init__(self, rig: Rig) -> None:
        self.port = rig.port
        self._rig = rig

    async def wait_longer(self, than: str) -> None:
        await self._rig.pass_time(_DEADLINES[than])


async def play_ours(row: Row) -> Record:
    """One row through a proxy of its own."""
    async with Origin() as origin, proxy(origin) as rig:
        return await Player(origin).play(row, Ours(rig))


class Theirs:
    """A server in a process of its own, with deadlines of a second."""

    patience = 4.0

    def __init__(self, port: int) -> None:
        self.port = port

    async def wait_longer(self, than: str) -> None:
        await asyncio.sleep(1.6)


_NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; send_timeout 1s;
  large_client_header_buffers 4 8k;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream origin {{ server 127.0.0.1:{origin} max_fails=0; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1;
      proxy_set_header Connection $connection_upgrade; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Host $http_host;
      proxy_request_buffering off; proxy_buffering off; proxy_read_timeout 1s;
    }}
  }}
}}
"""

_HAPROXY = """
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
  timeout http-request 1s
  timeout http-keep-alive 1s
  timeout tunnel 3s
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  http-reuse safe
  server a 127.0.0.1:{origin}
"""

COMMANDS = {
    "nginx": (_NGINX, ["-p", "{folder}", "-c"]),
    "haproxy": (_HAPROXY, ["-db", "-f"]),
}


@asynccontextmanager
async def theirs(name: str, origin: Origin) -> AsyncIterator[Theirs]:
    """nginx or HAProxy before an origin.

    Raises:
        SystemExit: it is not installed, or does not start.
    """
    text, arguments = COMMANDS[name]
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit(f"{name} is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        config = Path(folder) / "config"
        config.write_text(text.format(folder=folder, port=port, origin=origin.port))
        command = [program, *(each.format(folder=folder) for each in arguments), str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
        try:
            await _listens(port, process)
            yield Theirs(port)
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)


async def _listens(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if process.poll() is not None:
                break
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise SystemExit("it does not listen")
