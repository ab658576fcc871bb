"""Six plots from any result: of full size, not empty, nothing written on top of anything else."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from evaluation.metrics_analyzer import analyze
from evaluation.plots import PLOTS, draw_all, learning_curve, server_utilization
from evaluation.records import ComparisonResult
from evaluation.style import DPI, WIDTH
from rl.simulation.service import Phase

pytestmark = pytest.mark.unit
MakeExperiment = Callable[..., ComparisonResult]

DOCUMENT_003 = {
    "latency_over_time",
    "throughput_comparison",
    "server_utilization",
    "learning_curve",
    "latency_distribution",
    "comparison_summary",
}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures that would be saved, to be looked into instead."""
    kept: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: kept.append(figure))
    yield kept


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of visible texts of which one covers a good part of the other."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    # A tick label beyond the axis' end is not drawn, but has a place.
    unseen = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks() + axis.get_minor_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    shown = [
        (text.get_text(), text.get_window_extent(renderer).shrunk(0.95, 0.8))
        for text in figure.findobj(Text)
        if isinstance(text, Text)
        and text.get_visible()
        and text.get_text().strip()
        and id(text) not in unseen
    ]
    return [
        (one, other)
        for index, (one, first) in enumerate(shown)
        for other, second in shown[index + 1 :]
        if first.overlaps(second)
    ]


def test_names_are_those_of_document_003() -> None:
    assert set(PLOTS) == DOCUMENT_003


def check(paths: list[Path]) -> None:
    for path in paths:
        pixels = imread(path)
        assert pixels.shape[1] == WIDTH * DPI, path.name
        assert 300 <= pixels.shape[0] <= 3000, path.name
        assert np.ptp(pixels[..., :3]) > 0.5, f"{path.name} is blank"


def test_four_strategies(drawn: list[Path]) -> None:
    check(drawn)
    assert {path.stem for path in drawn} == DOCUMENT_003


def test_failures_phases_and_six_strategies(
    tmp_path: Path, make_experiment: MakeExperiment, figures: list[Figure]
) -> None:
    """The crowded case; failures are counted in words, phases are named."""
    names = (
        "round_robin", "random", "least_request", "power_of_two", "peak_ewma", "q_learning"
    )  # fmt: skip
    made = make_experiment(strategies=names, seeds=(0, 1), requests=700, fail_share=0.6)
    first, *others = made.servers
    phases = (Phase("fail", 5, 10), Phase("slow", 2, None, factor=2), Phase("hang", 900))
    result = replace(made, servers=(replace(first, phases=phases), *others))
    draw_all(result, analyze(result), tmp_path)
    words = [text.get_text() for figure in figures for text in figure.findobj(Text)]
    assert any("server1 failing, server1 slow" in text for text in words)
    assert not any("hanging" in text for text in words)
    assert any(text.endswith("failures") for text in words)
    assert any("mean cost against round_robin" in text for text in words)
    for figure in figures:
        assert overlaps(figure) == []


def test_one_strategy_one_seed_few_requests(
    tmp_path: Path, make_experiment: MakeExperiment, figures: list[Figure]
) -> None:
    result = make_experiment(strategies=("q_learning",), seeds=(0,), requests=60, warmup=0)
    draw_all(result, analyze(result), tmp_path)
    words = [text.get_text() for figure in figures for text in figure.findobj(Text)]
    assert not any("seeds" in text.replace("all seeds", "") for text in words)


def test_two_strategies_of_which_one_is_a_hundred_times_slower(
    tmp_path: Path, make_experiment: MakeExperiment, figures: list[Figure]
) -> None:
    """Logarithmic axes, and ratios instead of per cents."""
    made = make_experiment(
        strategies=("round_robin", "peak_ewma", "q_learning"), seeds=(0, 1), requests=500
    )
    runs = tuple(
        replace(run, requests=tuple(replace(r, latency=r.latency * 100) for r in run.requests))
        if run.strategy == "q_learning"
        else run
        for run in made.runs
    )
    result = replace(made, runs=runs)
    draw_all(result, analyze(result), tmp_path)
    scales = {axes.get_yscale() for figure in figures for axes in figure.axes}
    assert "log" in scales
    labels = {axes.get_xlabel() for figure in figures for axes in figure.axes}
    assert "times the reference; left is better" in labels
    for figure in figures:
        assert overlaps(figure) == []


def test_a_strategy_that_only_fails(tmp_path: Path, make_experiment: MakeExperiment) -> None:
    """No latency to draw, and requests that reached no server: still six plots."""
    made = make_experiment(strategies=("round_robin", "q_learning"), seeds=(0,), requests=200)
    runs = tuple(
        replace(
            run,
            requests=tuple(replace(r, success=False, endpoint="", status=0) for r in run.requests),
        )
        if run.strategy == "q_learning"
        else run
        for run in made.runs
    )
    result = replace(made, runs=runs)
    check(draw_all(result, analyze(result), tmp_path))


def test_more_servers_than_fit_into_a_row(
    tmp_path: Path, make_experiment: MakeExperiment, figures: list[Figure]
) -> None:
    """Also such as nobody sent anything to; and a warm-up too short for its name."""
    made = make_experiment(strategies=("q_learning",), seeds=(0,), requests=400, warmup=10)
    more = tuple(replace(made.servers[0], id=f"spare{number}") for number in range(2))
    result = replace(made, servers=(*made.servers, *more))
    server_utilization(result, analyze(result), tmp_path / "a.png")
    learning_curve(result, analyze(result), tmp_path / "b.png")
    panels = [axes for axes in figures[0].axes if axes.get_visible()]
    assert len(panels) == 5
    assert [overlaps(figure) for figure in figures] == [[], []]


def test_nothing_but_failures(tmp_path: Path, make_experiment: MakeExperiment) -> None:
    made = make_experiment(strategies=("q_learning",), seeds=(0,), requests=200)
    run = made.runs[0]
    broken = replace(run, requests=tuple(replace(r, success=False) for r in run.requests))
    result = replace(made, runs=(broken,))
    check(draw_all(result, analyze(result), tmp_path))
