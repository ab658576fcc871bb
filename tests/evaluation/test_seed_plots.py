"""The summary of what was compared seed by seed is drawn."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import style
from evaluation.bootstrap import Interval
from evaluation.metrics_analyzer import Estimate
from evaluation.seed_plots import measure_axis, summary, title
from evaluation.seeds import Measure, Statistics
from evaluation.style import canvas

pytestmark = pytest.mark.unit
WAITED = Measure("waited", "waited (s)")
LOST = Measure("lost", "lost", percent=True)


def test_there_is_a_row_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "DPI", 50)
    found = [
        Statistics(
            name,
            (0, 1),
            {"waited": Estimate(at, Interval(at - 1, at + 1)), "lost": Estimate(at / 10, None)},
            {},
        )
        for name, at in (("aimd", 2.0), ("static", 3.0))
    ]
    heights = []
    for count in (1, 2):
        path = tmp_path / f"{count}.png"
        summary(found[:count], (WAITED, LOST), path)
        picture = np.asarray(Image.open(path).convert("L"))
        assert picture.shape[1] == 450
        assert picture.std() > 10
        heights.append(picture.shape[0])
    assert heights[0] < heights[1]


def test_shares_are_in_per_cent(tmp_path: Path) -> None:
    assert ["waited (s)", "lost (%)"] == [title(each) for each in (WAITED, LOST)]
    with canvas(tmp_path / "a.png", "", "", 1) as figure:
        shares, seconds = figure.subplots(1, 2)
        measure_axis(shares, LOST)
        measure_axis(seconds, WAITED)
    assert "−12.5" == shares.xaxis.get_major_formatter()(-0.125, 0)
    assert "12.5" != seconds.xaxis.get_major_formatter()(0.125, 0)
