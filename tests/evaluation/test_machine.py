"""What is told of the machine and of the source."""

import os
import subprocess
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
