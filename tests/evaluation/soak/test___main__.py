"""python -m evaluation.soak: a small soak of the real thing, and what it says of bad options."""

import json
from pathlib import Path

import psutil
import pytest

from evaluation.soak.__main__ import main


@pytest.mark.unit
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--distinct", "0"], "--distinct 0: must be above 0"),
        (["--requests", "0"], "--requests 0: must be above 0"),
        (["--slice", "nan"], "--slice nan: must be above 0"),
        (["--clients", "-1"], "--clients -1: must be above 0"),
        (["--strategy", "best"], "--strategy best: there is none; valid: round_robin"),
        (["--page", "/dev/null/x.md"], "--page /dev/null/x.md: cannot be written"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--page", str(tmp_path / "p.md"), *argv]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"soak: {message}")
    assert said.count("\n") == 1


@pytest.mark.integration
@pytest.mark.slow
def test_a_small_soak_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All kinds of requests are answered as they should be, no descriptor stays open and nothing in
    flight. A few thousand requests say nothing of memory, which is still warming up."""
    out = tmp_path / "soak.md"
    main(["--requests", "4000", "--slice", "0.4", "--page", str(out)])
    found = json.loads(out.with_suffix(".json").read_text())
    assert found["requests"] >= 4000
    assert found["surprises"] == 0, found["problems"]
    assert found["in_flight"] == 0
    assert found["descriptors_after"] <= found["descriptors_before"]
    assert {"bulk", "get", "post", "post_chunked", "pipelined", "head"} <= set(found["kinds"])
    assert any(name.startswith("leaves") for name in found["kinds"])
    assert "| nothing is left in flight" in out.read_text()
    assert "about" in capsys.readouterr().err
    assert psutil.Process().children(recursive=True) == []
