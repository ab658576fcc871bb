"""The load by wrk, where it is installed: it costs its core less than any client in Python.

Without it ``saturate.py`` does the same. Knows nothing of proxies.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from evaluation.bench.processor import Tree
from evaluation.bench.saturate import Load, LoadFailed

GRACE_SECONDS = 20.0
FIGURES = "figures "

_DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'figures {"requests":%d,"microseconds":%d,"bytes":%d,"connect":%d,"read":%d,'
    .. '"write":%d,"status":%d,"timeout":%d}\\n',
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write,
    e.status, e.timeout))
end
"""


def wrk() -> str | None:
    """Its program."""
    return shutil.which("wrk")


def script(
    host: str, path: str, headers: Sequence[tuple[str, str]], varied: bool, targets: int = 0
) -> str:
    """What wrk sends, in Lua. A varied request is another one each time, written whole; with
    ``targets`` its path is one of so many in turn."""
    lines = [f"wrk.headers[{_quoted(name)}] = {_quoted(value)}" for name, value in headers]
    if varied:
        fields = "".join(f"{name}: {value}\r\n" for name, value in (("Host", host), *headers))
        lines += [
            "local count = 0",
            f"local rest = {_quoted(fields)}",
            "request = function()",
            "  count = count + 1",
            f"  local target = count % {targets}" if targets else "  local target = count",
            f'  return string.format("GET {path}item/%d?page=%d HTTP/1.1\\r\\n'
            'X-Request-ID: %016x\\r\\n", target, target % 97, count) .. rest .. "\\r\\n"',
            "end",
        ]
    return "\n".join(lines) + _DONE


def drive(
    url: str,
    *,
    connections: int,
    seconds: float,
    warm_up: float,
    headers: Sequence[tuple[str, str]],
    varied: bool,
    targets: int = 0,
    watch: int,
    cores: Sequence[int],
    folder: Path,
) -> Load:
    """Loads ``url``; the processor time of the tree of ``watch`` is taken around the measured part.

    Raises:
        LoadFailed: wrk did not end, or said nothing.
    """
    parts = urlsplit(url)
    file = folder / "load.lua"
    file.write_text(
        script(parts.netloc, parts.path or "/", headers, varied, targets), encoding="utf-8"
    )
    _run(url, connections, max(1, math.ceil(warm_up)), cores, file)
    tree = Tree(watch)
    before, own = tree.times(), _children_cpu()
    found = _run(url, connections, max(1, round(seconds)), cores, file)
    after, own_after = tree.times(), _children_cpu()
    broken = {kind: found[kind] for kind in ("connect", "read", "write", "timeout") if found[kind]}
    good = found["requests"] - found["status"]
    return Load(
        completed=found["requests"],
        seconds=found["microseconds"] / 1e6,
        errors=sum(broken.values()),
        reconnects=0,
        statuses={"200": good} | ({"other": found["status"]} if found["status"] else {}),
        watched_cpu=sum(after) - sum(before),
        own_cpu=own_after - own,
        problem=f"wrk counted {broken}" if broken else "",
        watched_user=after[0] - before[0],
        received_bytes=found["bytes"],
    )


def _run(
    url: str, connections: int, seconds: int, cores: Sequence[int], file: Path
) -> dict[str, int]:
    program = wrk()
    assert program is not None
    pin = ["--core", ",".join(map(str, cores))] if cores else []
    leash = [sys.executable, "-m", "evaluation.bench.leash", *pin, "--"]
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    try:
        done = subprocess.run(
            [*leash, *command, "-s", str(file), url],
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_SECONDS,
            start_new_session=True,  # a terminal's Ctrl-C is ours to handle
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("wrk did not end in time") from None
    for line in done.stdout.splitlines():
        if line.startswith(FIGURES):
            found: dict[str, int] = json.loads(line.removeprefix(FIGURES))
            return found
    last = ([*done.stdout.splitlines(), *done.stderr.splitlines()] or ["no output"])[-1]
    raise LoadFailed(f"wrk failed: {last}")


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _quoted(text: str) -> str:
    return json.dumps(text)
