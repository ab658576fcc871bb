"""The plots of the experiment with shaping: a summary, and each client over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.seed_plots import summary
from evaluation.seeds import Statistics
from evaluation.shaping.analysis import MEASURES
from evaluation.shaping.records import BATCH, BULK, INTERACTIVE, Played, Window
from evaluation.shaping.scenario import Scenario
from evaluation.style import QUIET, canvas, colour, label_ends, seconds_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = tuple(each for each in MEASURES if each.name in ("violations", "completed"))
SMOOTHED = 5
"""Seconds of a moving mean."""

SLOWEST = 10.0
"""Seconds that a plot goes to."""


def draw_all(
    found: Sequence[Statistics],
    played: Sequence[Played],
    scenario: Scenario,
    target_seconds: float,
    folder: Path,
) -> list[Path]:
    """Every plot; their paths in a reader's order.

    Raises:
        PlotError: matplotlib is missing.
    """
    paths = [folder / f"{name}.png" for name in ("summary", INTERACTIVE, BATCH, BULK)]
    summary(found, SHOWN, paths[0])
    latency(played, scenario, target_seconds, paths[1])
    for name, path in zip((BATCH, BULK), paths[2:], strict=True):
        client(played, scenario, name, path)
    return paths


def latency(
    played: Sequence[Played], scenario: Scenario, target_seconds: float, path: Path
) -> None:
    """The interactive client's 95th percentile, second by second."""
    subtitle = "95th percentile of each second (s), median of the seeds"
    with canvas(path, "The interactive client", subtitle, 3.6) as figure:
        axes = figure.subplots(1, 1)
        axes.set_yscale("log")
        _stretches(axes, scenario)
        axes.axhline(target_seconds, color=QUIET, linewidth=1, linestyle="--")
        ends = _lines(
            axes,
            played,
            lambda each: np.array(
                [min(SLOWEST, window.p95) if window.arrivals else np.nan for window in _own(each)]
            ),
            median=True,
        )
        axes.set_ylim(0.02, 2 * SLOWEST)
        label_ends(axes, ends)


def client(played: Sequence[Played], scenario: Scenario, name: str, path: Path) -> None:
    """What another client got, and by which rate."""
    subtitle = f"mean of the seeds, over {SMOOTHED} s; grey: what it asked for"
    with canvas(path, f"The {name} client", subtitle, 5.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        above.set_title("completed, requests per second")
        _stretches(above, scenario)
        asked = [window.arrivals for window in played[0].windows[name]]
        most = max(2.0 * max(window.completed for window in played[0].windows[name]), 10.0)
        above.plot(
            np.arange(len(asked)) + 0.5, _smooth(np.array(asked, float)), color="#bbbbbb", zorder=0
        )
        ends = _lines(
            above,
            played,
            lambda each: _smooth(
                np.array([window.completed for window in each.windows[name]], float)
            ),
        )
        above.set_ylim(0, min(most, 1.2 * max(asked)))
        label_ends(above, ends)
        below.set_title("its rule's rate, requests per second")
        _stretches(below, scenario, named=False)
        ends = _lines(
            below,
            [each for each in played if each.decided.get(name)],
            lambda each: _rates(each, name),
        )
        below.set_ylim(bottom=0)
        label_ends(below, ends)


def _own(played: Played) -> tuple[Window, ...]:
    return played.windows[INTERACTIVE]


def _rates(played: Played, name: str) -> NDArray[np.float64]:
    """In force in each second."""
    count = len(played.windows[name])
    found = np.full(count, np.nan)
    for each in played.decided[name]:
        if each.second < count and each.requests_per_second is not None:
            found[int(each.second) :] = each.requests_per_second
    return found


def _lines(
    axes: Axes,
    played: Sequence[Played],
    of: Callable[[Played], NDArray[np.float64]],
    median: bool = False,
) -> list[tuple[str, float]]:
    """One line per arm; their ends."""
    ends = []
    end = 1
    for arm in dict.fromkeys(each.arm for each in played):
        rows = np.array([of(each) for each in played if each.arm == arm])
        if np.isnan(rows).all():
            continue
        line = np.array([_middle(column, median) for column in rows.T])
        end = max(end, len(line))
        axes.plot(np.arange(len(line)) + 0.5, line, color=colour(arm), linewidth=1.3)
        usable = line[np.isfinite(line)]
        ends.append((arm, float(usable[-1])))
    seconds_axis(axes, float(end))
    axes.set_xlabel("seconds")
    return ends


def _middle(values: NDArray[np.float64], median: bool) -> float:
    """Of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    if not known.size:
        return float("nan")
    return float(np.median(known) if median else known.mean())


def _stretches(axes: Axes, scenario: Scenario, named: bool = True) -> None:
    for place, (begin, each) in enumerate(zip(scenario.begins(), scenario.stretches, strict=True)):
        if place % 2:
            axes.axvspan(begin, begin + each.seconds, color="#f4f4f4", zorder=-1)
        if named:
            axes.text(
                begin + 0.5,
                0.99,
                each.name,
                transform=axes.get_xaxis_transform(),
                fontsize=7.5,
                color=QUIET,
                va="top",
            )


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A moving mean, shorter at the ends."""
    kernel = np.ones(SMOOTHED)
    counts = np.convolve(np.ones(len(values)), kernel, mode="same")
    found: NDArray[np.float64] = np.convolve(values, kernel, mode="same") / counts
    return found
