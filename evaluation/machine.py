"""Where and when an experiment runs: processors, versions, load, git's name for the source."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evaluation.records import Circumstances, Machine

PACKAGES = ("fastapi", "httptools", "httpx", "numpy", "uvicorn", "uvloop")
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Beginning:
    """When an experiment began, and how busy the machine was then."""

    started: str
    load_before: float | None

    @classmethod
    def now(cls) -> Beginning:
        return cls(_utc_now(), load_average())

    def circumstances(
        self, command: str, scenario: str, description: str, settings: str = ""
    ) -> Circumstances:
        """Of the experiment, which has just ended."""
        return Circumstances(
            started=self.started,
            finished=_utc_now(),
            command=command,
            scenario=scenario,
            description=description,
            commit=commit(),
            machine=this_machine(self.load_before),
            settings=settings,
        )


def this_machine(load_before: float | None) -> Machine:
    """As it is now; ``load_before`` was taken with ``load_average`` when the experiment began."""
    return Machine(
        cores=usable_cores(),
        processor=_processor(),
        platform=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load_before=load_before,
        load_after=load_average(),
        versions={name: found for name in PACKAGES if (found := _version(name)) is not None},
    )


def provenance(command: str) -> dict[str, str]:
    """When, how, with which source and where something was measured, for the head of a page."""
    machine = this_machine(None)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "source": commit() or "not known",
        "machine": f"{machine.cores} × {machine.processor}, {machine.platform}, {machine.python}",
    }


def load_average() -> float | None:
    """Over the last minute; None where the system does not say."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def usable_cores() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit(folder: Path = ROOT) -> str | None:
    """Git's name for the source in ``folder``, ``-dirty`` with changes; None outside of git."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head


def _utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, check=True, text=True, timeout=10
    ).stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
