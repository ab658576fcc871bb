"""Public suites, run on a checkout that the user supplies, against our proxy as a process of its
own before an origin on loopback. Nothing of theirs is changed or kept."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from backend.processes import Process, Processes
from evaluation.conformance.page import Result
from evaluation.conformance.recorder import Recorder
from evaluation.machine import commit
from rl.vocabulary import JSON
from tests.conformance.reading import read_requests

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS = 2.0
SETTLE_SECONDS = 0.02
SUITE_SECONDS = 600.0
START_SECONDS = 10.0
_ESCAPE = re.compile(rb"\\x([0-9A-Fa-f]{2})|\\([rnt0])")
_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


Cases = Mapping[str, Mapping[str, object]]
"""What Autobahn says of each case, by its number."""


class Broken(Exception):
    """A suite cannot be run as it is."""


@asynccontextmanager
async def balancer(port: int, more: Mapping[str, JSON] | None = None) -> AsyncIterator[Process]:
    """Ours before this port, with its defaults but for clients that close their side and wait.

    Args:
        more: settings of ``load_balancer`` beside these.
    """
    settings = {
        "servers": [{"id": "a", "host": "127.0.0.1", "port": port}],
        "load_balancer": {
            "host": "127.0.0.1",
            "port": 0,
            "admin_port": 0,
            "half_closed": "serve",
            "ejection": {"consecutive_failures": None},
            **(more or {}),
        },
        "metrics": {"polling_interval_seconds": 30.0},
    }
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        config = Path(folder) / "config.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        script = str(ROOT / "load_balancer" / "main.py")
        command = [sys.executable, script, "--config", str(config), "--until-stdin-closes"]
        yield await asyncio.to_thread(processes.start, command)


def port_of(process: Process) -> int:
    """Where it listens."""
    return int(process.url.rpartition(":")[2])


# gunicorn's corpus of invalid requests.


def corpus(text: bytes) -> bytes:
    """The bytes that a file of the corpus stands for: line ends are written out in it."""

    def unescape(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 16)]) if found[1] else _ESCAPES[found[2]]

    return _ESCAPE.sub(unescape, text.replace(b"\n", b""))


async def gunicorn(folder: Path) -> Result:
    """Invalid requests: refused, or sent on in one clean form, or so that one can read them in two
    ways."""
    files = sorted((folder / "tests" / "requests" / "invalid").glob("*.http"))
    if not files:
        raise Broken("no tests/requests/invalid in it")
    clean, partial, ambiguous = [], [], []
    async with Recorder() as recorder, balancer(recorder.port) as process:
        for file in files:
            recorder.take()
            await _send(port_of(process), corpus(file.read_bytes()))
            await asyncio.sleep(SETTLE_SECONDS)
            readings = [read_requests(data) for data in recorder.take()]
            if any(each.fault for each in readings):
                ambiguous.append(file.name)
            elif any(message.whole for each in readings for message in each.messages):
                clean.append(file.name)
            elif any(each.messages for each in readings):
                partial.append(file.name)
    rejected = len(files) - len(clean) - len(partial) - len(ambiguous)
    details = [f"sent on in two readings: `{name}`" for name in ambiguous]
    details += [f"sent on in one clean form: `{name}`" for name in clean]
    details += [f"begun and broken off, so that nobody takes it for whole: `{n}`" for n in partial]
    found = (
        f"{rejected} of {len(files)} rejected, {len(clean)} sent on in one clean form,"
        f" {len(partial)} begun and broken off, "
    )
    return Result(
        "gunicorn's invalid requests",
        version_of(folder),
        found + f"{len(ambiguous)} ambiguously",
        "at least 60 of 74 rejected, 0 ambiguous",
        rejected >= 60 and not ambiguous,
        tuple(details),
    )


async def _send(port: int, data: bytes) -> bytes:
    """What comes back until the end, or for as long as one waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        await asyncio.sleep(SETTLE_SECONDS)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), ANSWER_SECONDS)
    except (TimeoutError, OSError):
        return b""
    finally:
        writer.transport.abort()


# h1spec.


async def h1spec(folder: Path) -> Result:
    """dropseed's h1spec, strict."""
    if not (folder / "h1spec").is_dir():
        raise Broken("no h1spec in it")
    async with Recorder() as recorder, balancer(recorder.port) as process:
        out = await run(
            [
                *(sys.executable, "-c", "from h1spec import main; main()", "--strict"),
                f"127.0.0.1:{port_of(process)}",
            ],
            folder,
        )
    passed, total, failed = read_h1spec(out)
    return Result(
        "h1spec --strict",
        version_of(folder),
        f"{passed} of {total} passed",
        "at least 30 of 33",
        passed >= 30,
        tuple(f"failed: {each}" for each in failed),
    )


def read_h1spec(out: str) -> tuple[int, int, list[str]]:
    """How many passed, of how many, and what failed.

    Raises:
        Broken: it does not say.
    """
    lines = [_COLOUR.sub("", line).strip() for line in out.splitlines()]
    failed = [line.lstrip("✗×✘ ") for line in lines if line[:1] in ("✗", "×", "✘")]
    passed = sum(line[:1] in ("✓", "✔") for line in lines)
    if not passed + len(failed):
        raise Broken(f"it says {out[-300:]!r}")
    return passed, passed + len(failed), failed


# Autobahn.


async def autobahn(program: Path) -> Result:
    """Its WebSocket client against an echo, straight and through us. Not against its own echo
    server, which turns away who asks for another port than its own."""
    if not os.access(program, os.X_OK):
        raise Broken("not the program wstest")
    from websockets.asyncio.server import serve  # a development tool's own

    quiet = logging.getLogger(f"{__name__}.echo")
    quiet.disabled = True  # most cases break the protocol, and it would tell of each
    async with serve(
        _echo, "127.0.0.1", 0, max_size=None, compression=None, logger=quiet
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with balancer(port) as process:
            servers = [
                {"agent": "direct", "url": f"ws://127.0.0.1:{port}"},
                {"agent": "through", "url": f"ws://127.0.0.1:{port_of(process)}"},
            ]
            found = await _fuzz(program, servers)
    asked = "import autobahntestsuite; print(autobahntestsuite.__version__)"
    python = program.parent / "python"
    version = await run([str(python), "-c", asked], ROOT) if python.exists() else ""
    return compare(found["direct"], found["through"], version.strip()[-20:] or "not known")


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _fuzz(program: Path, servers: list[dict[str, str]]) -> dict[str, Cases]:
    """What its client says of each of these servers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = {
            "outdir": str(folder / "out"),
            "servers": servers,
            "cases": [f"{section}.*" for section in (1, 2, 3, 4, 5, 6, 7, 10)],
            "exclude-cases": [],
        }
        (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        command = [str(program), "-m", "fuzzingclient", "-s", str(folder / "spec.json")]
        out = await run(command, folder)
        try:
            found: dict[str, Cases] = json.loads((folder / "out" / "index.json").read_bytes())
        except OSError:
            raise Broken(f"it wrote no index.json: {out[-300:]}") from None
    return found


def compare(direct: Cases, through: Cases, version: str) -> Result:
    """Cases that fail through us and not straight, or the other way round."""

    def failed(cases: Cases) -> set[str]:
        good = {"OK", "NON-STRICT", "INFORMATIONAL"}
        return {
            name
            for name, case in cases.items()
            if case["behavior"] not in good or case["behaviorClose"] not in good
        }

    theirs, ours = failed(direct), failed(through)
    details = [f"fails only through us: {name}" for name in sorted(ours - theirs)]
    details += [f"fails only straight: {name}" for name in sorted(theirs - ours)]
    return Result(
        "Autobahn, sections 1-7 and 10",
        version,
        f"{len(through)} cases; fail through us: {', '.join(sorted(ours)) or 'none'};"
        f" straight: {', '.join(sorted(theirs)) or 'none'}",
        "the same ones fail",
        ours == theirs and len(through) == len(direct) > 0,
        tuple(details),
    )


# What suites are run with.


def wait_for(port: int) -> None:
    """Until somebody listens there. Raises Broken."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Broken("its server does not listen")


async def run(
    command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None
) -> str:
    """What a program prints, in ``folder``. Raises Broken if it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), SUITE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Broken(f"not done in {SUITE_SECONDS:.0f} s") from None
    return out.decode("utf-8", "replace")


def version_of(folder: Path) -> str:
    """The commit of a checkout."""
    return (commit(folder) or "not known")[:12]
