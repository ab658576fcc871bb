"""What the fog's pages say works: the tutorial, its numbers, the keys, the picture."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from rl.fog.env import FogEnv
from rl.fog.keys import ORIGINAL, OWN
from rl.fog.rendering import Recorder

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "fog.md").read_text(encoding="utf-8")
KEYS = (ROOT / "docs" / "fog_keys.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    found = re.search(rf"```python\n# {re.escape(name)}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_tutorial_trains_an_agent_in_twenty_lines() -> None:
    """And prints what stands below it."""
    code = block("train.py")
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    for line in printed.getvalue().splitlines():
        assert f"    {line}\n" in PAGE
    untrained, trained = (
        [int(each) for each in re.findall(r"\d+", line)] for line in printed.getvalue().splitlines()
    )
    assert trained[0] > untrained[0]
    assert trained[1] < untrained[1]


def test_every_key_is_explained() -> None:
    for name in (*ORIGINAL, *OWN):
        assert f"`{name}`" in KEYS, name


def test_picture_is_the_one_of_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for how this machine's Pillow draws letters and edges."""
    monkeypatch.chdir(tmp_path)
    exec(block("picture.py"), {})
    made = np.asarray(Image.open(tmp_path / "fog.png"), dtype=float)
    kept = np.asarray(Image.open(ROOT / "docs" / "fog.png"), dtype=float)
    assert made.shape == kept.shape
    assert abs(made - kept).mean() < 2


def test_film_is_made_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(
        r"```python\n(from pathlib import Path\nfrom rl.fog.rend.*?)```", PAGE, re.DOTALL
    )
    assert code is not None
    monkeypatch.chdir(tmp_path)
    env = FogEnv({"CYCLES": 4}, render_mode="rgb_array")
    env.reset(seed=1)
    exec(code[1], {"env": env, "Recorder": Recorder})
    with Image.open(tmp_path / "fog.gif") as film:
        assert len(list(ImageSequence.Iterator(film))) == 3


def test_links_lead_somewhere() -> None:
    for page in (PAGE, KEYS):
        for link in re.findall(r"\]\(([^)#]+)\)", page):
            assert (ROOT / "docs" / link).exists(), link
