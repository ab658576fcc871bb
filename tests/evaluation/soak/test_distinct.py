"""evaluation.soak.distinct: two real nodes and a few thousand URLs that nobody asked for before."""

import json
from pathlib import Path

import psutil
import pytest

from evaluation.soak.__main__ import main
from evaluation.soak.distinct import request_maker


@pytest.mark.unit
def test_no_request_is_like_another() -> None:
    """Neither its URL nor its domain."""
    make = request_maker()
    lines = [make().split(b"\r\n") for _ in range(1000)]
    assert len({line[0] for line in lines}) == len({line[1] for line in lines}) == 1000
    assert lines[0] == [b"GET /cached/item/1 HTTP/1.1", b"Host: domain1.example", b"", b""]


@pytest.mark.integration
@pytest.mark.slow
def test_a_small_one_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every answer is right, and both nodes are looked at. So few say nothing of memory."""
    out = tmp_path / "soak.md"
    main(["--distinct", "3000", "--slice", "0.3", "--page", str(out)])
    found = json.loads(out.with_suffix(".json").read_text())
    assert set(found) == {"outer", "inner"}
    for node in found.values():
        assert node["requests"] >= 3000
        assert node["surprises"] == 0, node["problems"]
        assert node["in_flight"] == 0
        assert node["descriptors_after"] <= node["descriptors_before"]
        assert len(node["samples"]) >= 2
    assert "- it holds: " in out.read_text()
    assert "different URLs, outer" in capsys.readouterr().err
    assert psutil.Process().children(recursive=True) == []
