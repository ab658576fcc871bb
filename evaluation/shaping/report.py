"""The report of the experiment with shaping: JSON, plots, Markdown and a page that stands alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.export import ReportError, plain, point_latest
from evaluation.notation import moment
from evaluation.pages import Page, picture, surroundings, write_page, write_text
from evaluation.seeds import Statistics
from evaluation.shaping import wording
from evaluation.shaping.analysis import (
    Bar,
    Ground,
    analyze,
    by_stretch,
    first_bars,
    flood_bars,
    shift_bars,
)
from evaluation.shaping.arms import CALM_PART, FIRST, FLOOD_PART, SHIFT, UNTRAINED
from evaluation.shaping.experiment import ShapingResult
from evaluation.shaping.plots import draw_all
from evaluation.shaping.scenario import TARGET_SECONDS, Scenario
from evaluation.tables import Table

RESULTS = "shaping_results.json"
BESIDE = (("every second of every run and all numbers", RESULTS),)


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
    found = analyze(played, ground)
    missed = by_stretch(played, ground, scenario.begins())
    bars = [
        *shift_bars(played, ground),
        *flood_bars(result.played[CALM_PART], result.played[FLOOD_PART]),
        *first_bars(result.played[FIRST], UNTRAINED),
    ]
    data = plain(document(result, found, missed, bars))
    write_text(folder / RESULTS, json.dumps(data, allow_nan=False) + "\n")
    plots = draw_all(found, played, scenario, TARGET_SECONDS, folder)
    told = wording.captions()
    drawn = [
        wording.bar_table(bars),
        wording.result_table(found),
        wording.difference_table(found),
        wording.stretch_table(missed, [each.name for each in scenario.stretches]),
        wording.first_table([bar for bar in bars if "reward" in bar.text]),
    ]
    tables = tuple(each for each in drawn if each is not None)
    headlines = (*wording.headlines(bars, found), wording.left_envelope(result.played))
    circumstances = result.circumstances
    page = Page(
        title="Shaping: static rules and agents under a shifting load",
        subtitle=f"{circumstances.description}, {result.setting}; {moment(circumstances.started)}",
        headlines=headlines,
        warnings=warnings(result),
        facts=facts(result),
        tables=tables,
        pictures=[picture(path, told[path.stem]) for path in plots],
        method=wording.method(result.seeds, result.setting),
        limits=wording.limits(),
        commands=[circumstances.command],
        beside=BESIDE,
        who="An arm",
    )
    path = write_page(page, folder)
    point_latest(folder)
    return Published(tuple(found), tuple(bars), headlines, tables, path)


def document(
    result: ShapingResult,
    found: Sequence[Statistics],
    missed: Mapping[str, Sequence[float]],
    bars: Sequence[Bar],
) -> dict[str, Any]:
    """All of it, for JSON."""
    return {
        "format": 2,
        "setting": result.setting,
        "arms": list(result.arms),
        "seeds": list(result.seeds),
        "interrupted": result.interrupted,
        "problem": result.problem,
        "without": dict(result.without),
        "circumstances": asdict(result.circumstances),
        "statistics": [asdict(each) for each in found],
        "missed_by_stretch": dict(missed),
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
