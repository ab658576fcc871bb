"""Federated rounds over Flower on this machine: one SuperLink, some SuperNodes, real gRPC.

Flower pins packages that this project uses too, so that it lives in an environment of its own,
which is made when it is first needed. What runs in it is ``flower_app.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.processes import LINES_KEPT

REQUIREMENT = "flwr>=1.32,<1.33"
ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).with_name("flower_app.py")
INSTALL_SECONDS = 600.0
START_SECONDS = 60.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.2
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""Nothing of a run leaves this machine."""

PROJECT = """\
[project]
name = "slb-federation"
version = "1.0.0"
description = "Rounds of federated learning"
license = "MIT"
dependencies = ["{requirement}"]

[tool.flwr.app]
publisher = "slb"

[tool.flwr.app.components]
serverapp = "flower_app:server"
clientapp = "flower_app:client"

[tool.flwr.app.config]
{config}
"""
CONNECTION = """\
[superlink]
default = "here"

[superlink.here]
address = "127.0.0.1:{port}"
insecure = true
"""


class FlowerError(Exception):
    """It cannot be run, or has not come to an end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How rounds are run.

    Attributes:
        least_sites: for a round to be merged.
        deadline_seconds: for the sites' answers.
    """

    rounds: int = 2
    least_sites: int = 2
    deadline_seconds: float = 60.0
    method: str = "mean"
    seed: int = 0


def environment(folder: Path, say: Callable[[str], None]) -> Path:
    """The folder of Flower's programs; made and filled if it is not there.

    Raises:
        FlowerError: it cannot be.
    """
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    if (programs / "flower-superlink").exists():
        return programs
    say(f"making an environment with {REQUIREMENT} in {folder}")
    python = programs / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", REQUIREMENT],
    ):
        try:
            subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            raise FlowerError(f"{folder}: {words[-1] if words else error}") from None
    return programs


def run(
    programs: Path,
    folder: Path,
    sites: Mapping[str, Path],
    wanted: Wanted,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Rounds among sites, each a file of parameters by learner; what came of them. The files hold
    what all know afterwards.

    Args:
        folder: for logs and Flower's own files.

    Raises:
        FlowerError: it has not come to an end; the last lines of the log are in the message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    fleet, control, driver, *own = _free_ports(3 + len(sites))
    _write_app(folder, control, wanted, report)
    environ = {
        **os.environ,
        **QUIET,
        "FLWR_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        # Flower starts its own programs by their names.
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    with ExitStack() as running:

        def start(name: str, *command: str) -> subprocess.Popen[bytes]:
            return running.enter_context(
                _started(
                    [str(programs / command[0]), *command[1:]], environ, folder / f"{name}.log"
                )
            )

        link = start(
            "superlink",
            *("flower-superlink", "--insecure", "--disable-runtime-dependency-installation"),
            *("--fleet-api-address", f"127.0.0.1:{fleet}"),
            *("--control-api-address", f"127.0.0.1:{control}"),
            *("--serverappio-api-address", f"127.0.0.1:{driver}"),
        )
        _await(lambda: _listens(control) and _listens(fleet), link, folder / "superlink.log")
        say(f"SuperLink on 127.0.0.1:{fleet}")
        for port, (name, file) in zip(own, sites.items(), strict=True):
            start(
                name,
                *("flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{fleet}"),
                *("--clientappio-api-address", f"127.0.0.1:{port}"),
                *("--node-config", f'parameters="{file.resolve()}"'),
            )
        say(f"{len(sites)} SuperNodes")
        asked = start("run", "flwr", "run", str(folder / "app"), "here")
        _await(lambda: asked.poll() is not None, link, folder / "superlink.log")
        if asked.returncode:
            raise FlowerError(f"flwr run has failed:\n{_tail(folder / 'run.log')}")
        most = START_SECONDS + (wanted.rounds + 1) * wanted.deadline_seconds
        _await(report.exists, link, folder / "superlink.log", most)
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _write_app(folder: Path, control: int, wanted: Wanted, report: Path) -> None:
    app, home = folder / "app", folder / "home"
    for each in (app, home):
        each.mkdir(exist_ok=True)
    shutil.copy(APP, app / APP.name)
    values = {
        "rounds": wanted.rounds,
        "least-sites": wanted.least_sites,
        "deadline-seconds": wanted.deadline_seconds,
        "method": wanted.method,
        "seed": wanted.seed,
        "report": str(report.resolve()),
    }
    config = "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())
    project = PROJECT.format(requirement=REQUIREMENT, config=config)
    (app / "pyproject.toml").write_text(project, encoding="utf-8")
    (home / "config.toml").write_text(CONNECTION.format(port=control), encoding="utf-8")


@contextmanager
def _started(
    command: Sequence[str], environ: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process and, in the end, everything that it has started: its group is ended."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    for sign in (15, 9):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            pass
        try:
            child.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    try:
        os.killpg(child.pid, 9)  # whoever of its group has outlived it
    except (ProcessLookupError, PermissionError):
        pass


def _await(
    is_so: Callable[[], bool],
    link: subprocess.Popen[bytes],
    log: Path,
    seconds: float = START_SECONDS,
) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        if link.poll() is not None:
            raise FlowerError(f"the SuperLink has ended:\n{_tail(log)}")
        if time.monotonic() > ends:
            raise FlowerError(f"nothing more has happened in {seconds:g} s:\n{_tail(log)}")
        time.sleep(POLL_SECONDS)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0):
            return True
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    """Free at this moment; Flower's programs cannot be asked which port they have got."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in found]


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LINES_KEPT:])
