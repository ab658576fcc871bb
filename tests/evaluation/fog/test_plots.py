"""The plots of a comparison in the fog."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.fog.analysis import analyze
from evaluation.fog.plots import captions, draw_all
from tests.evaluation.fog.made import checkpoint, episodes

pytestmark = pytest.mark.unit


def test_there_is_a_plot_of_all_that_there_is(tmp_path: Path) -> None:
    played = episodes()
    learned = [
        checkpoint(),
        checkpoint(seed=1),
        replace(checkpoint("dqn"), reward="documented"),
    ]
    paths = draw_all(analyze(played), played, learned, tmp_path)
    assert [path.stem for path in paths] == [
        "summary",
        "differences",
        "learning_shared_cost",
        "learning_documented",
    ]
    for path in paths:
        assert captions()[path.stem.partition("_")[0]]
        picture = np.asarray(Image.open(path).convert("L"))
        assert picture.shape[1] == 450
        assert picture.std() > 10


def test_without_a_reference_or_learners_the_summary_is_all(tmp_path: Path) -> None:
    played = episodes(["local"], seeds=2)
    paths = draw_all(analyze(played), played, [replace(checkpoint(), curve=[])], tmp_path)
    assert [path.stem for path in paths] == ["summary"]
