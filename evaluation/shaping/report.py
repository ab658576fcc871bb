"""The report of the experiment with shaping: JSON, plots, Markdown and a page that stands alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.export import ReportError, point_latest
from evaluation.fog.report import plain
from evaluation.report import PAGE, SUMMARY, environment, picture, surroundings, write_text
from evaluation.report_tables import Table
from evaluation.shaping import wording
from evaluation.shaping.analysis import (
    Bar,
    Ground,
    Statistics,
    analyze,
    first_bars,
    flood_bars,
    shift_bars,
)
from evaluation.shaping.arms import CALM_PART, FIRST, FLOOD_PART, SHIFT, UNTRAINED
from evaluation.shaping.experiment import ShapingResult
from evaluation.shaping.plots import draw_all
from evaluation.shaping.scenario import TARGET_SECONDS, Scenario

RESULTS = "shaping_results.json"
TEMPLATES = {SUMMARY: "shaping.md", PAGE: "shaping.html"}


@dataclass(frozen=True, slots=True)
class Published:
    """What was written."""

    statistics: tuple[Statistics, ...]
    bars: tuple[Bar, ...]
    headlines: tuple[str, ...]
    tables: tuple[Table, ...]
    page: Path


def ground_of(scenario: Scenario) -> Ground:
    """What runs of a scenario are judged by."""
    begins = scenario.begins()
    shifted = begins[1] if len(begins) > 1 else scenario.measured_from
    return Ground(TARGET_SECONDS, shifted, scenario.measured_from)


def publish(result: ShapingResult, folder: Path) -> Published:
    """Everything into ``folder``, which ``export.make_folder`` made.

    Raises:
        ReportError: nothing was measured, or a file cannot be written.
        PlotError: matplotlib is missing.
    """
    played = result.played[SHIFT]
    if not played:
        raise ReportError("nothing was measured, so there is no report")
    scenario = result.scenarios[SHIFT]
    ground = ground_of(scenario)
    found = analyze(played, ground, scenario.begins())
    bars = [
        *shift_bars(played, ground),
        *flood_bars(result.played[CALM_PART], result.played[FLOOD_PART]),
        *first_bars(result.played[FIRST], UNTRAINED),
    ]
    write_text(
        folder / RESULTS,
        json.dumps(plain(document(result, found, bars)), allow_nan=False) + "\n",
    )
    plots = draw_all(found, played, scenario, TARGET_SECONDS, folder)
    told = wording.captions()
    tables = [
        wording.bar_table(bars),
        wording.result_table(found),
        wording.difference_table(found),
        wording.stretch_table(found, [each.name for each in scenario.stretches]),
        wording.first_table([bar for bar in bars if "reward" in bar.text]),
    ]
    headlines = [*wording.headlines(bars, found), wording.left_envelope(result.played)]
    circumstances = result.circumstances
    context = {
        "title": "Shaping: static rules and agents under a shifting load",
        "subtitle": f"{circumstances.description}, {result.setting};"
        f" {circumstances.started.replace('T', ' ').replace('Z', ' UTC')}",
        "headlines": headlines,
        "warnings": warnings(result),
        "facts": facts(result),
        "tables": [each for each in tables if each is not None],
        "pictures": [picture(path, told[path.stem]) for path in plots],
        "method": wording.method(result.seeds, result.setting),
        "limits": wording.limits(),
        "commands": [circumstances.command],
    }
    templates = environment()
    for name, template in TEMPLATES.items():
        write_text(folder / name, templates.get_template(template).render(context))
    point_latest(folder)
    return Published(
        found,
        tuple(bars),
        tuple(headlines),
        tuple(each for each in tables if each is not None),
        folder / PAGE,
    )


def document(
    result: ShapingResult, found: Sequence[Statistics], bars: Sequence[Bar]
) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": 1,
        "setting": result.setting,
        "arms": list(result.arms),
        "seeds": list(result.seeds),
        "interrupted": result.interrupted,
        "problem": result.problem,
        "without": dict(result.without),
        "circumstances": asdict(result.circumstances),
        "statistics": [asdict(each) for each in found],
        "bars": [asdict(each) for each in bars],
        "played": {
            part: [asdict(each) for each in played] for part, played in result.played.items()
        },
    }


def warnings(result: ShapingResult) -> list[str]:
    """What a reader must know before the numbers."""
    found = [f"{arm} was left out: {why}." for arm, why in result.without.items()]
    if result.problem:
        found.append(result.problem)
    if result.interrupted:
        count = sum(map(len, result.played.values()))
        found.append(f"Interrupted: the report is made of the {count} runs that were complete.")
    return found


def facts(result: ShapingResult) -> list[tuple[str, str]]:
    """What was run, as pairs of a word and its value."""
    scenario = result.scenarios[SHIFT]
    load = "; ".join(
        f"{each.name} {each.seconds:g} s: {', '.join(f'{rate:g}' for rate in each.rates)}/s"
        for each in scenario.stretches
    )
    return [
        ("Load", f"interactive, batch, bulk: {load}"),
        ("Backends", f"{scenario.servers}, first come first served"),
        ("Arms", ", ".join(result.arms)),
        ("Seeds", ", ".join(map(str, result.seeds))),
        *surroundings(result.circumstances),
    ]
