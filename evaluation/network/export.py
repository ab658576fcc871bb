"""A network's result on disk: ``network_results.json``, ``windows.csv`` and ``requests.csv``.

The JSON holds circumstances, runs, learned links and the analysis, in seconds; the CSVs hold every
window, and every request of the live runs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluation.export import ReportError, plain
from evaluation.network.analysis import Analysis
from evaluation.network.records import NetworkResult, Run
from rl.vocabulary import JSON

RESULTS = "network_results.json"
WINDOWS = "windows.csv"
REQUESTS = "requests.csv"
FORMAT = 1
RUN_COLUMNS = ("setting", "purpose", "levels", "width", "strategy", "cache", "reward", "seed")
WINDOW_COLUMNS = ("window", "began_s", "requests", "failures", "hops", "hits", "latency_ms")
REQUEST_COLUMNS = (
    "index",
    "at_s",
    "domain",
    "path",
    "way",
    "status",
    "success",
    "hit",
    "latency_ms",
    "q",
    "q_reward",
)


def write(result: NetworkResult, analysis: Analysis, folder: Path) -> None:
    """The three files.

    Raises:
        ReportError: one of them cannot be written.
    """
    try:
        (folder / RESULTS).write_text(
            json.dumps(_document(result, analysis), allow_nan=False) + "\n", encoding="utf-8"
        )
        _write_rows(folder / WINDOWS, (*RUN_COLUMNS, *WINDOW_COLUMNS), _window_rows(result.runs))
        _write_rows(folder / REQUESTS, (*RUN_COLUMNS, *REQUEST_COLUMNS), _request_rows(result.runs))
    except OSError as error:
        raise ReportError(f"{folder}: cannot be written: {error.strerror}") from None


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _document(result: NetworkResult, analysis: Analysis) -> JSON:
    return {
        "format": FORMAT,
        "units": "seconds and shares; requests per second; Q as on the wire",
        "circumstances": plain(result.circumstances),
        "interrupted": result.interrupted,
        "problem": result.problem,
        "rates": [
            {"levels": shape.levels, "width": shape.width, "rate": rate}
            for shape, rate in result.rates
        ],
        "runs": [_run(run) for run in result.runs],
        "compared": [
            {"setting": setting, "shape": plain(shape), "variants": plain(list(variants))}
            for (setting, shape), variants in analysis.compared.items()
        ],
        "recoveries": [
            {
                "seed": each.run.seed,
                "shape": plain(each.run.shape),
                "change": plain(each.change),
                "seconds": each.seconds,
                "windows": each.windows,
                "failures": each.failures,
                "before": plain(each.before),
                "longest": each.longest,
            }
            for each in analysis.recoveries
        ],
        "values": [
            {"seed": run.seed, "shape": plain(run.shape), "nodes": plain(list(found))}
            for run, found in analysis.values
        ],
    }


def _run(run: Run) -> JSON:
    return {
        **dict(zip(RUN_COLUMNS, _named(run), strict=True)),
        "domain": run.domain,
        "edges": list(run.edges),
        "complete": run.complete,
        "windows": plain(list(run.windows)),
        "changes": plain(list(run.changes)),
        "hops": plain(list(run.hops)),
        "trajectories": list(run.trajectories),
        "snapshots": [
            {
                "windows": shot.windows,
                "at": shot.at,
                "links": [[link.node, link.parent, plain(link.value)] for link in shot.links],
            }
            for shot in run.snapshots
        ],
    }


def _named(run: Run) -> tuple[str | int | bool, ...]:
    return (
        run.setting.value,
        run.purpose.value,
        run.shape.levels,
        run.shape.width,
        run.variant.strategy,
        run.variant.cache,
        run.reward,
        run.seed,
    )


def _window_rows(runs: Iterable[Run]) -> Iterable[Sequence[object]]:
    for run in runs:
        named = _written(run)
        for window in run.windows:
            yield (
                *named,
                window.index + 1,
                f"{window.began:.3f}",
                window.requests,
                window.failures,
                f"{window.hops:.3f}",
                " ".join(map(str, window.hits)),
                f"{window.latency * 1000:.3f}",
            )


def _request_rows(runs: Iterable[Run]) -> Iterable[Sequence[object]]:
    for run in runs:
        named = _written(run)
        for each in run.requests:
            yield (
                *named,
                each.index,
                f"{each.at:.6f}",
                each.domain,
                each.path,
                ">".join(each.way),
                each.status,
                _word(each.success),
                _word(each.hit),
                f"{each.latency * 1000:.3f}",
                "" if each.value is None else f"{each.value:.9g}",
                "" if each.reward is None else f"{each.reward:.9g}",
            )


def _written(run: Run) -> list[str | int]:
    return [_word(each) if isinstance(each, bool) else each for each in _named(run)]


def _word(truth: bool) -> str:
    return "true" if truth else "false"
