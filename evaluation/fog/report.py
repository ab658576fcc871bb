"""The report of a comparison in the fog: JSON, plots, Markdown and a page that stands alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.export import ReportError, plain, point_latest
from evaluation.fog import wording
from evaluation.fog.analysis import REFERENCE, analyze, best_other
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.playing import Measured
from evaluation.fog.plots import captions, draw_all
from evaluation.notation import moment
from evaluation.pages import Page, picture, surroundings, write_page, write_text
from evaluation.records import Circumstances
from evaluation.seeds import Statistics
from rl.fog.settings import FogSettings

RESULTS = "fog_results.json"
BESIDE = (("every episode, every number above and the learning curves", RESULTS),)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was played.

    Attributes:
        planned: episodes that were to be played.
    """

    configuration: str
    fingerprint: str
    settings: FogSettings
    algorithms: tuple[str, ...]
    seeds: tuple[int, ...]
    played: tuple[Measured, ...]
    learned: tuple[Checkpoint, ...]
    planned: int
    circumstances: Circumstances


def publish(comparison: Comparison, folder: Path) -> tuple[list[Statistics], Path]:
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
    learners = sorted({each.algorithm for each in comparison.learned})
    tables = [
        wording.result_table(found),
        wording.difference_table(found, REFERENCE),
        wording.learned_table(comparison.learned),
    ]
    headlines = wording.headlines(found, learners, REFERENCE)
    best = best_other(found, learners)
    if learners and best is not None and best.name != REFERENCE:
        other = analyze(comparison.played, best.name)
        headlines += wording.headlines(other, learners, best.name)
        note = f"{best.name} did best of those without a checkpoint, seen after the fact. "
        tables.insert(2, wording.difference_table(other, best.name, note))
    circumstances = comparison.circumstances
    page = Page(
        title=f"Algorithms in the fog: {comparison.configuration}",
        subtitle=f"{wording.described(comparison.settings)}; {moment(circumstances.started)}",
        headlines=headlines,
        warnings=warnings(comparison),
        facts=facts(comparison),
        tables=[each for each in tables if each is not None],
        pictures=[picture(path, told[path.stem.partition("_")[0]]) for path in plots],
        method=wording.method(comparison.seeds),
        limits=wording.limits(),
        commands=[*train_commands(comparison.learned), circumstances.command],
        beside=BESIDE,
        who="An algorithm",
    )
    path = write_page(page, folder)
    point_latest(folder)
    return found, path


def document(comparison: Comparison, found: Sequence[Statistics]) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": 2,
        "configuration": comparison.configuration,
        "fingerprint": comparison.fingerprint,
        "circumstances": asdict(comparison.circumstances),
        "seeds": list(comparison.seeds),
        "episodes": [asdict(each) for each in comparison.played],
        "statistics": [asdict(each) for each in found],
        "learned": [
            {name: value for name, value in asdict(each).items() if name != "parameters"}
            for each in comparison.learned
        ],
    }


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
    return [
        ("Fog", f"{comparison.configuration}: {wording.described(comparison.settings)}"),
        ("Algorithms", ", ".join(comparison.algorithms)),
        ("Seeds", ", ".join(map(str, comparison.seeds))),
        *surroundings(comparison.circumstances),
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
