"""Pictures are drawn."""

from pathlib import Path

import pytest

from evaluation.shaping.analysis import Ground, analyze
from evaluation.shaping.arms import SHIFT
from evaluation.shaping.plots import draw_all
from tests.evaluation.shaping.made import result

pytestmark = pytest.mark.unit
pytest.importorskip("matplotlib")


def test_every_client_has_a_plot(tmp_path: Path) -> None:
    made = result(seeds=2)
    found = analyze(made.played[SHIFT], Ground(0.15, 20.0, 5.0))
    paths = draw_all(found, made.played[SHIFT], made.scenarios[SHIFT], 0.15, tmp_path)
    assert ["summary", "interactive", "batch", "bulk"] == [path.stem for path in paths]
    assert all(path.stat().st_size > 1000 for path in paths)
