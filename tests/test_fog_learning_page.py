"""What the page on learning in the fog says works."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

from evaluation.fog.__main__ import _parser
from evaluation.fog.algorithms import names
from rl.fog import scorer

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "fog_learning.md").read_text(encoding="utf-8")


def test_tutorial_trains_an_agent_in_twenty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few steps: that it runs, not what it learns."""
    pytest.importorskip("torch")
    found = re.search(r"```python\n# learn\.py\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    code = found[1]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    assert "STEPS = 1500\n" in code
    monkeypatch.chdir(ROOT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code.replace("STEPS = 1500", "STEPS = 40"), {})
    first, second = printed.getvalue().splitlines()
    assert f"    {first}\n" in PAGE  # a rule's figures depend on nothing but the seed
    assert re.fullmatch(r"deep_q +response \d+\.\d s, dropped \d+\.\d%", second)


def test_commands_are_understood() -> None:
    lines = re.findall(r"^ +python -m evaluation\.fog (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        assert _parser().parse_args(line.split())


def test_every_algorithm_is_explained() -> None:
    for name in names():
        assert f"`{name}`" in PAGE or name.startswith("live_"), name


def test_size_of_the_network_is_as_said() -> None:
    weights = scorer.drawn(np.random.default_rng(0))
    assert f"{sum(each.size for each in weights.values()):,} numbers" in PAGE


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
