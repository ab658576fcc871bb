"""What the plots over windows hold, looked up in the figure that would be written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from evaluation.network import window_plots
from evaluation.network.analysis import PUBLISHED, REFERENCE, Analysis
from evaluation.network.records import NetworkResult, Setting, Shape, Variant
from evaluation.style import colour

pytestmark = pytest.mark.unit

SMALL = Shape(3, 3)
LIVE = (Setting.LIVE, SMALL)
VIRTUAL = (Setting.VIRTUAL, SMALL)


@pytest.fixture(name="figures")
def kept_figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn while a test runs; none is written."""
    figures: list[Figure] = []

    @contextmanager
    def canvas(path: Path, title: str, subtitle: str, height: float) -> Iterator[Figure]:
        figures.append(Figure())
        yield figures[-1]

    monkeypatch.setattr(window_plots, "canvas", canvas)
    return figures


def lines(axes: Any, tone: str) -> list[Any]:
    return [line for line in axes.get_lines() if line.get_color() == tone]


def test_failures_are_those_of_the_runs(
    result: NetworkResult, figures: list[Figure], tmp_path: Path
) -> None:
    window_plots.failures_per_window(result, [VIRTUAL, LIVE], tmp_path / "x.png")
    virtual, live, _, live_uncached = figures[0].axes
    (line,) = lines(live, colour("random"))
    runs = window_plots.runs_of(result, LIVE, Variant("random"))
    expected = np.mean([[window.failures for window in run.windows] for run in runs], axis=0)
    assert line.get_ydata() == pytest.approx(expected)
    assert "no cache" in live_uncached.get_title()
    published = [one for one in virtual.get_lines() if one.get_linestyle() == ":"]
    assert [np.asarray(one.get_ydata()).tolist() for one in published] == [list(PUBLISHED)]
    assert not [one for one in live.get_lines() if one.get_linestyle() == ":"]


def test_hops_stay_within_the_levels(
    result: NetworkResult, figures: list[Figure], tmp_path: Path
) -> None:
    window_plots.hops_per_request(result, [LIVE], tmp_path / "x.png")
    cached, uncached = figures[0].axes
    tone = colour(REFERENCE.strategy)
    assert max(lines(uncached, tone)[0].get_ydata()) == pytest.approx(3)
    assert max(lines(cached, tone)[0].get_ydata()) < 3


def test_a_seed_that_never_had_a_clean_window_is_a_cross(
    make_result: Callable[..., NetworkResult],
    analysis: Analysis,
    figures: list[Figure],
    tmp_path: Path,
) -> None:
    window_plots.windows_until_clean(analysis, tmp_path / "x.png")
    (axes,) = figures[0].axes
    dots = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert len(dots) == 4 * 6
    assert not [line for line in axes.get_lines() if line.get_marker() == "x"]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["6 of 6 seeds"] * 4


def test_hits_are_drawn_where_they_were(
    result: NetworkResult, figures: list[Figure], tmp_path: Path
) -> None:
    window_plots.cache_hits(result, [LIVE], tmp_path / "x.png")
    table = np.asarray(figures[0].axes[0].get_images()[0].get_array())
    runs = window_plots.runs_of(result, LIVE, REFERENCE)
    assert table.shape == (3, 12)
    assert table.sum() == pytest.approx(
        sum(sum(window.hits) for run in runs for window in run.windows) / len(runs)
    )


def test_what_was_not_measured_is_said(
    make_result: Callable[..., NetworkResult], figures: list[Figure], tmp_path: Path
) -> None:
    whole = make_result(seeds=(0,), strategies=("q_routing",), shapes=(SMALL,))
    kept = tuple(run for run in whole.runs if run.variant.cache)
    partly = NetworkResult(kept, whole.circumstances)
    window_plots.failures_per_window(partly, [LIVE], tmp_path / "x.png")
    assert [text.get_text() for text in figures[0].axes[1].texts] == ["not measured"]
