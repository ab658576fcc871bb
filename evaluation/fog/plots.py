"""The plots of a comparison in the fog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.fog.analysis import MEASURES, REFERENCE, number_of
from evaluation.fog.checkpoints import Checkpoint
from evaluation.fog.playing import Measured
from evaluation.seed_plots import measure_axis, summary, title
from evaluation.seeds import Statistics
from evaluation.style import (
    INK,
    canvas,
    colour,
    estimate_row,
    label_ends,
    name_rows,
    row_height,
)

SHOWN = tuple(
    each for each in MEASURES if each.name in ("reward", "response", "completed", "dropped")
)


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
    summary(found, SHOWN, paths[0])
    if any(each.differences for each in found):
        paths.append(folder / "differences.png")
        differences(found, played, paths[-1])
    for reward in dict.fromkeys(each.reward for each in learned if len(each.curve) > 1):
        paths.append(folder / f"learning_{reward}.png")
        learning(learned, reward, paths[-1])
    return paths


def differences(found: Sequence[Statistics], played: Sequence[Measured], path: Path) -> None:
    """Against the reference, seed by seed: small dots are seeds, bars their interval."""
    rows = [each for each in found if each.differences]
    names = [each.name for each in rows]
    by_key = {(each.algorithm, each.seed): each for each in played}
    subtitle = (
        "small: one seed, in which both had the same tasks; bar: 95 % interval of the mean"
        " difference;\ngrey side: worse"
    )
    with canvas(path, f"Difference to {REFERENCE}", subtitle, row_height(names)) as figure:
        panels = figure.subplots(1, len(SHOWN), sharey=True, squeeze=False)[0]
        for axes, measure in zip(panels, SHOWN, strict=True):
            name_rows(axes, names)
            axes.set_title(title(measure))
            axes.axvline(0, color=INK, linewidth=1)
            for row, each in enumerate(rows):
                own = [
                    number_of(measure, by_key[each.name, seed])
                    - number_of(measure, by_key[REFERENCE, seed])
                    for seed in each.seeds
                    if (REFERENCE, seed) in by_key
                ]
                axes.plot(
                    own,
                    [row + 0.22] * len(own),
                    "o",
                    color=colour(each.name),
                    markersize=2.5,
                    alpha=0.5,
                    markeredgewidth=0,
                )
                estimate_row(axes, row, each.differences[measure.name].estimate, each.name)
            low, high = axes.get_xlim()
            low, high = min(low, -1e-9), max(high, 1e-9)
            bad = (low, 0.0) if measure.more_is_better else (0.0, high)
            axes.axvspan(*bad, color="#f2f2f2", zorder=0)
            axes.set_xlim(low, high)
            axes.locator_params(axis="x", nbins=4)
            measure_axis(axes, measure)


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
