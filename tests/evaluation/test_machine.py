"""What is told of the machine and of the source."""

import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from evaluation import machine

pytestmark = pytest.mark.unit


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


def test_this_machine_is_described() -> None:
    found = machine.this_machine(load_before=1.5)
    assert found.cores >= 1
    assert found.load_before == 1.5
    assert found.processor
    assert found.python.split()[1].startswith("3.")
    assert "numpy" in found.versions


def test_an_experiment_s_circumstances_go_from_its_beginning_to_now() -> None:
    beginning = machine.Beginning("2026-01-02T03:04:05Z", 0.5)
    found = beginning.circumstances("python typed", "three", "three servers", "a: 1")
    assert ("python typed", "three", "three servers", "a: 1") == (
        found.command, found.scenario, found.description, found.settings,
    )  # fmt: skip
    assert found.started == beginning.started
    assert datetime.fromisoformat(found.finished) > datetime.fromisoformat(found.started)
    assert found.machine.load_before == 0.5
    assert machine.Beginning.now().started >= found.finished


def test_a_page_s_head_has_date_command_source_and_machine() -> None:
    found = machine.provenance("python typed")
    assert ["date", "command", "source", "machine"] == list(found)
    assert found["date"].endswith(" UTC") and found["command"] == "python typed"
    assert found["machine"].startswith(f"{machine.usable_cores()} × ")


def test_a_machine_without_load_average_or_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.load_average() is None
    assert machine.usable_cores() == (os.cpu_count() or 1)


def test_a_machine_without_cpuinfo_or_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert machine._processor()
    assert machine._version("no-such-package-at-all") is None


def test_a_processor_without_a_model_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "processor : 0")
    assert machine._processor()


def test_the_commit_says_when_the_source_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    clean = machine.commit(tmp_path)
    assert clean is not None and len(clean) == 40
    (tmp_path / "file").write_text("two", encoding="utf-8")
    assert machine.commit(tmp_path) == clean + "-dirty"


def test_outside_of_git_there_is_no_commit(tmp_path: Path) -> None:
    assert machine.commit(tmp_path) is None
    assert machine.commit(tmp_path / "gone") is None
