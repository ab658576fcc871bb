"""The summary plot of what was compared seed by seed; see ``evaluation.seeds``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.seed_tables import value
from evaluation.seeds import Measure, Statistics
from evaluation.style import QUIET, canvas, estimate_row, name_rows, row_height, widen

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def summary(found: Sequence[Statistics], measures: Sequence[Measure], path: Path) -> None:
    """A row for each that was compared, a panel per measure."""
    names = [each.name for each in found]
    seeds = max((len(each.seeds) for each in found), default=0)
    subtitle = f"means over {seeds} seeds; bars: 95 % intervals"
    with canvas(path, "Summary", subtitle, row_height(names)) as figure:
        panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
        for axes, measure in zip(panels, measures, strict=True):
            name_rows(axes, names)
            axes.set_title(title(measure))
            for row, each in enumerate(found):
                estimate = each.measures[measure.name]
                estimate_row(axes, row, estimate, each.name)
                text = value(measure, estimate.value).removesuffix(" %")
                axes.text(estimate.value, row - 0.2, text, ha="center", va="bottom", fontsize=8.5)
            axes.locator_params(axis="x", nbins=4)
            widen(axes)
            axes.tick_params(axis="x", labelcolor=QUIET)
            measure_axis(axes, measure)


def title(measure: Measure) -> str:
    """Of a panel."""
    return f"{measure.title} (%)" if measure.percent else measure.title


def measure_axis(axes: Axes, measure: Measure) -> None:
    """Shares in per cent."""
    from matplotlib.ticker import FuncFormatter

    def text(share: float, _: float) -> str:
        return f"{share * 100:.3g}".replace("-", "−")

    if measure.percent:
        axes.xaxis.set_major_formatter(FuncFormatter(text))
