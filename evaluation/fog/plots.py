"""The plots of a comparison in the fog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.fog.analysis import MEASURES, REFERENCE, Measure, Statistics
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.playing import Measured
from evaluation.fog.wording import value
from evaluation.style import INK, QUIET, canvas, colour, label_ends, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = ("reward", "response", "completed", "dropped")


def draw_all(
    found: Sequence[Statistics],
    played: Sequence[Measured],
    learned: Sequence[Checkpoint],
    folder: Path,
) -> list[Path]:
    """Every plot that there is data for; their paths in a reader's order.

    Raises:
        PlotError: matplotlib is missing.
    """
    paths = [folder / "summary.png"]
    summary(found, paths[0])
    if any(each.differences for each in found):
        paths.append(folder / "differences.png")
        differences(found, played, paths[-1])
    for reward in dict.fromkeys(each.reward for each in learned if len(each.curve) > 1):
        paths.append(folder / f"learning_{reward}.png")
        learning(learned, reward, paths[-1])
    return paths


def summary(found: Sequence[Statistics], path: Path) -> None:
    """A row per algorithm, a panel per measure."""
    names = [each.algorithm for each in found]
    seeds = max((len(each.seeds) for each in found), default=0)
    shown = [each for each in MEASURES if each.name in SHOWN]
    subtitle = f"means over {seeds} seeds; bars: 95 % intervals"
    with canvas(path, "Summary", subtitle, 0.34 * len(names) + 0.75) as figure:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, measure in zip(panels, shown, strict=True):
            name_rows(axes, names)
            axes.set_title(_title(measure))
            for row, each in enumerate(found):
                estimate = each.measures[measure.name]
                between = estimate.interval
                if between is not None:
                    axes.plot(
                        [between.low, between.high],
                        [row, row],
                        color=colour(each.algorithm),
                        linewidth=2.2,
                        solid_capstyle="butt",
                    )
                axes.plot(
                    [estimate.value], [row], "o", color=colour(each.algorithm), markersize=5.5
                )
                text = value(measure, estimate.value).removesuffix(" %")
                axes.text(estimate.value, row - 0.2, text, ha="center", va="bottom", fontsize=8.5)
            _scale(axes, measure)


def differences(found: Sequence[Statistics], played: Sequence[Measured], path: Path) -> None:
    """Against the reference, seed by seed: small dots are seeds, bars their interval."""
    rows = [each for each in found if each.differences]
    names = [each.algorithm for each in rows]
    by_key = {(each.algorithm, each.seed): each for each in played}
    shown = [each for each in MEASURES if each.name in SHOWN]
    subtitle = (
        "small: one seed, in which both had the same tasks; bar: 95 % interval of the mean"
        " difference;\ngrey side: worse"
    )
    title = f"Difference to {REFERENCE}"
    with canvas(path, title, subtitle, 0.34 * len(names) + 0.75) as figure:
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, measure in zip(panels, shown, strict=True):
            name_rows(axes, names)
            axes.set_title(_title(measure))
            axes.axvline(0, color=INK, linewidth=1)
            for row, each in enumerate(rows):
                own = [
                    getattr(by_key[each.algorithm, seed], measure.name)
                    - getattr(by_key[REFERENCE, seed], measure.name)
                    for seed in each.seeds
                    if (REFERENCE, seed) in by_key
                ]
                axes.plot(
                    own,
                    [row + 0.22] * len(own),
                    "o",
                    color=colour(each.algorithm),
                    markersize=2.5,
                    alpha=0.5,
                    markeredgewidth=0,
                )
                estimate = each.differences[measure.name].estimate
                if estimate.interval is not None:
                    ends = [estimate.interval.low, estimate.interval.high]
                    axes.plot(ends, [row, row], color=colour(each.algorithm), linewidth=2.2)
                axes.plot(
                    [estimate.value], [row], "o", color=colour(each.algorithm), markersize=5.5
                )
            low, high = axes.get_xlim()
            low, high = min(low, -1e-9), max(high, 1e-9)
            bad = (low, 0.0) if measure.more_is_better else (0.0, high)
            axes.axvspan(*bad, color="#f2f2f2", zorder=0)
            axes.set_xlim(low, high)
            axes.locator_params(axis="x", nbins=4)
            if measure.percent:
                _percent(axes)


def learning(learned: Sequence[Checkpoint], reward: str, path: Path) -> None:
    """Thin: each seed of a learner; thick: their mean."""
    own = [each for each in learned if each.reward == reward and len(each.curve) > 1]
    names = list(dict.fromkeys(each.algorithm for each in own))
    subtitle = f"mean reward per decision, {reward}, while exploring; thin: each seed, thick: all"
    with canvas(path, "Learning", subtitle, 3.2) as figure:
        axes = figure.subplots(1, 1)
        ends, lowest, highest = [], [], []
        for name in names:
            curves = [each for each in own if each.algorithm == name]
            length = min(len(each.curve) for each in curves)
            at = [point.step for point in curves[0].curve[:length]]
            rows = np.array([[p.reward for p in each.curve[:length]] for each in curves])
            for row in rows:
                axes.plot(at, row, color=colour(name), linewidth=0.7, alpha=0.45)
            mean = rows.mean(axis=0)
            axes.plot(at, mean, color=colour(name))
            ends.append((name, float(mean[-1])))
            lowest.append(float(np.percentile(mean, 5)))
            highest.append(float(mean.max()))
        room = 0.08 * (max(highest) - min(lowest) or 1.0)
        axes.set_ylim(min(lowest) - room, max(highest) + room)
        axes.set_xlabel("ticks in each fog")
        axes.set_xlim(0, max(each.curve[-1].step for each in own))
        label_ends(axes, ends)


def captions() -> dict[str, str]:
    """By the plot's name."""
    return {
        "summary": "Every algorithm; response and dropped: less is better, the others: more.",
        "differences": f"The same, minus what {REFERENCE} had in the same seed.",
        "learning": "What learners were paid while they still explored, per decision. shared_cost"
        " is paid in every tick, so that its mean per decision is also lower where tasks are passed"
        " on less often.",
    }


def _title(measure: Measure) -> str:
    return f"{measure.title} (%)" if measure.percent else measure.title


def _scale(axes: Axes, measure: Measure) -> None:
    """Few ticks, and room for the numbers."""
    axes.locator_params(axis="x", nbins=4)
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.12 * (high - low), high + 0.12 * (high - low))
    axes.tick_params(axis="x", labelcolor=QUIET)
    if measure.percent:
        _percent(axes)


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter

    def text(share: float, _: float) -> str:
        return f"{share * 100:.3g}".replace("-", "−")

    axes.xaxis.set_major_formatter(FuncFormatter(text))
