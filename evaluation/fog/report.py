"""The report of a comparison in the fog: JSON, plots, Markdown and a page that stands alone."""

from __future__ import annotations

import json
import math
import platform
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.export import ReportError, point_latest
from evaluation.fog import wording
from evaluation.fog.analysis import REFERENCE, Statistics, analyze, best_other
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.playing import Measured
from evaluation.fog.plots import captions, draw_all
from evaluation.machine import commit, this_machine
from evaluation.report import PAGE, SUMMARY, environment, picture, write_text
from rl.fog.settings import FogSettings

RESULTS = "fog_results.json"
TEMPLATES = {SUMMARY: "fog.md", PAGE: "fog.html"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was played.

    Attributes:
        planned: episodes that were to be played.
        command: that played them.
    """

    configuration: str
    fingerprint: str
    settings: FogSettings
    algorithms: tuple[str, ...]
    seeds: tuple[int, ...]
    played: tuple[Measured, ...]
    learned: tuple[Checkpoint, ...]
    planned: int
    command: str
    started: datetime
    load_before: float | None = None


def publish(comparison: Comparison, folder: Path) -> tuple[tuple[Statistics, ...], Path]:
    """Everything into ``folder``, which ``export.make_folder`` made; the path of the page.

    Raises:
        ReportError: nothing was played, or a file cannot be written.
        PlotError: matplotlib is missing.
    """
    if not comparison.played:
        raise ReportError("nothing was played, so there is no report")
    found = analyze(comparison.played)
    write_text(
        folder / RESULTS,
        json.dumps(plain(document(comparison, found)), indent=1, allow_nan=False) + "\n",
    )
    plots = draw_all(found, comparison.played, comparison.learned, folder)
    told = captions()
    pictures = [picture(path, told[path.stem.partition("_")[0]]) for path in plots]
    learners = sorted({each.algorithm for each in comparison.learned})
    tables = [
        wording.result_table(found),
        wording.difference_table(found, REFERENCE),
        wording.learned_table(comparison.learned),
    ]
    headlines = wording.headlines(found, learners, REFERENCE)
    best = best_other(found, learners)
    if learners and best is not None and best.algorithm != REFERENCE:
        other = analyze(comparison.played, best.algorithm)
        headlines += wording.headlines(other, learners, best.algorithm)
        note = f"{best.algorithm} did best of those without a checkpoint, seen after the fact. "
        tables.insert(2, wording.difference_table(other, best.algorithm, note))
    started = comparison.started.strftime("%Y-%m-%d %H:%M:%S UTC")
    context = {
        "title": f"Algorithms in the fog: {comparison.configuration}",
        "subtitle": f"{wording.described(comparison.settings)}; {started}",
        "headlines": headlines,
        "warnings": warnings(comparison),
        "facts": facts(comparison),
        "tables": [each for each in tables if each is not None],
        "pictures": pictures,
        "method": wording.method(comparison.seeds),
        "limits": wording.limits(),
        "commands": [*train_commands(comparison.learned), comparison.command],
    }
    templates = environment()
    for name, template in TEMPLATES.items():
        write_text(folder / name, templates.get_template(template).render(context))
    point_latest(folder)
    return found, folder / PAGE


def document(comparison: Comparison, found: Sequence[Statistics]) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": 1,
        "configuration": comparison.configuration,
        "fingerprint": comparison.fingerprint,
        "command": comparison.command,
        "started": comparison.started.isoformat(),
        "commit": commit(),
        "seeds": list(comparison.seeds),
        "episodes": [asdict(each) for each in comparison.played],
        "statistics": [asdict(each) for each in found],
        "learned": [
            {name: value for name, value in asdict(each).items() if name != "parameters"}
            for each in comparison.learned
        ],
    }


def plain(value: Any) -> Any:
    """For JSON: what is no number becomes null."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def warnings(comparison: Comparison) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    if len(comparison.played) < comparison.planned:
        found.append(
            f"Interrupted: {len(comparison.played)} of {comparison.planned} episodes were played."
        )
    found += [
        f"{each.algorithm}, seed {each.seed}: learning was ended after {each.steps:,} of"
        f" {each.planned:,} ticks."
        for each in comparison.learned
        if not each.whole
    ]
    found += [
        f"{each.algorithm}, seed {each.seed}, learned in another fog: {each.configuration}."
        for each in comparison.learned
        if each.fingerprint != comparison.fingerprint
    ]
    if REFERENCE not in comparison.algorithms:
        found.append(f"{REFERENCE} did not play, so there are no differences to it.")
    return found


def facts(comparison: Comparison) -> list[tuple[str, str]]:
    """What was run, as pairs of a word and its value."""
    machine = this_machine(comparison.load_before)
    load = ""
    if machine.load_before is not None and machine.load_after is not None:
        load = f"; load average {machine.load_before:g} before, {machine.load_after:g} after"
    return [
        ("Fog", f"{comparison.configuration}: {wording.described(comparison.settings)}"),
        ("Algorithms", ", ".join(comparison.algorithms)),
        ("Seeds", ", ".join(map(str, comparison.seeds))),
        (
            "Machine",
            f"{machine.processor}, {machine.cores} processors, {platform.system()}{load}",
        ),
        ("Versions", ", ".join([machine.python, f"numpy {machine.versions.get('numpy', '')}"])),
        ("Source", commit() or "not in git"),
        ("Time", f"{comparison.started.isoformat()} to {_now().isoformat()}"),
    ]


def train_commands(learned: Sequence[Checkpoint]) -> list[str]:
    """That learned them; seeds of one kind in one line."""
    seeds: dict[str, list[int]] = {}
    for each in learned:
        command = (
            f"python -m evaluation.fog train --algorithm {each.algorithm}"
            f" --configuration {shlex.quote(each.configuration)} --reward {each.reward}"
            f" --steps {each.planned} --fogs {each.fogs} --seeds "
        )
        seeds.setdefault(command, []).append(each.seed)
    return [command + ",".join(map(str, found)) for command, found in seeds.items()]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
