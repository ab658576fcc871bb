"""Flower's programs on this machine: what starts, stops and explains them."""

from __future__ import annotations

import os
import sys
import time
import tomllib
from pathlib import Path

import pytest

from evaluation.federated import flower
from evaluation.federated.flower import FlowerError, Wanted

pytestmark = pytest.mark.integration


def programs_in(folder: Path, link: str) -> Path:
    """Scripts in the place of Flower's, for what happens when they fail."""
    folder.mkdir()
    for name, text in (
        ("flower-superlink", link),
        ("flower-supernode", "import time; time.sleep(60)"),
        ("flwr", "import sys; print('no connection'); sys.exit(3)"),
    ):
        file = folder / name
        file.write_text(f"#!{sys.executable}\n{text}\n", encoding="utf-8")
        file.chmod(0o755)
    return folder


LISTENING = """
import socket, sys, time
given = dict(zip(sys.argv, sys.argv[1:]))
held = []
for name in ("--fleet-api-address", "--control-api-address"):
    host, _, port = given[name].rpartition(":")
    held.append(socket.create_server((host, int(port))))
print(sys.argv[1:], flush=True)
time.sleep(60)
"""


def test_an_environment_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "flower-superlink").touch()
    said: list[str] = []

    assert tmp_path / "bin" == flower.environment(tmp_path, said.append)
    assert [] == said


def test_an_environment_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FlowerError, match="file"):
        flower.environment(tmp_path / "file" / "env", lambda text: None)


def test_the_app_is_written_with_what_is_wanted(tmp_path: Path) -> None:
    flower._write_app(tmp_path, 4711, Wanted(rounds=3, method="median"), tmp_path / "report.json")

    project = tomllib.loads((tmp_path / "app" / "pyproject.toml").read_text())
    connection = tomllib.loads((tmp_path / "home" / "config.toml").read_text())
    app = project["tool"]["flwr"]["app"]
    assert (3, "median", 2) == tuple(
        app["config"][key] for key in ("rounds", "method", "least-sites")
    )
    assert "flower_app:server" == app["components"]["serverapp"]
    assert (tmp_path / "app" / "flower_app.py").exists()
    assert "127.0.0.1:4711" == connection["superlink"]["here"]["address"]


def test_a_superlink_that_ends_is_explained_by_its_log(tmp_path: Path) -> None:
    programs = programs_in(tmp_path / "bin", "print('the port is taken')")

    with pytest.raises(FlowerError, match="the SuperLink has ended:\nthe port is taken"):
        flower.run(programs, tmp_path / "run", {}, Wanted(), lambda text: None)


def test_a_run_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    programs = programs_in(tmp_path / "bin", LISTENING)
    said: list[str] = []
    site = tmp_path / "site.json"

    with pytest.raises(FlowerError, match="flwr run has failed:\nno connection"):
        flower.run(programs, tmp_path / "run", {"north": site}, Wanted(), said.append)

    assert "1 SuperNodes" == said[-1]
    mine = str(programs)
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert mine not in each.read_bytes().decode(errors="replace")
        except OSError:
            continue


def test_waiting_has_an_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("still starting\n")
    with flower._started(
        [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, log
    ) as it:
        with pytest.raises(FlowerError, match="nothing more has happened in 0 s"):
            flower._await(lambda: False, it, log, 0.0)
        began = time.monotonic()
    assert it.returncode == -15
    assert time.monotonic() - began < flower.STOP_SECONDS
