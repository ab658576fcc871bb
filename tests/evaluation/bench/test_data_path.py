"""evaluation.bench.data_path: measures what is there, says what is not, leaves nothing running."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from evaluation.bench.data_path import finite, main

TINY = ["--backend", "own", "--driver", "own", "--rounds", "2", "--seconds", "0.2"]
TINY += ["--warm-up", "0.1", "--cases", "plain", "--no-install"]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rounds", "0"], "--rounds 0: must be above 0"),
        (["--seconds", "-1"], "--seconds -1: must be above 0"),
        (["--seconds", "nan"], "--seconds nan: must be above 0"),
        (["--warm-up", "0"], "--warm-up 0: must be above 0"),
        (["--connections", "0"], "--connections 0: must be above 0"),
        (["--peers", ","], "--peers: names none"),
        (["--peers", "nginx,nginx"], "--peers: nginx stands twice"),
        (["--peers", "apache"], "--peers: no peer 'apache'; valid: ours"),
        (["--cases", "fast"], "--cases: no case 'fast'; valid: plain"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"data_path: {message}")
    assert said.count("\n") == 1


@pytest.mark.unit
def test_an_unwritable_result_is_found_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "result.json"
    assert main([*TINY, "--peers", "ours", "--json", str(out)]) == 2
    assert capsys.readouterr().err.startswith(f"data_path: --json {out}: cannot be written")


@pytest.mark.unit
def test_numbers_that_json_has_no_word_for_are_null() -> None:
    assert finite({"a": [1.5, math.inf, {"b": math.nan}], "c": "x"}) == {
        "a": [1.5, None, {"b": None}],
        "c": "x",
    }


@pytest.mark.integration
@pytest.mark.slow
def test_a_run_measures_each_peer_in_each_round_and_writes_every_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "out.json"
    assert main([*TINY, "--peers", "ours,floor", "--json", str(out)]) == 0
    seen = capsys.readouterr()
    assert "CPU µs/request" in seen.out
    assert seen.err.count("us/request") == 4
    written = json.loads(out.read_text())
    turns = [(each["round"], each["peer"]) for each in written["samples"]]
    assert turns == [(0, "ours"), (0, "floor"), (1, "floor"), (1, "ours")]
    for each in written["samples"]:
        assert each["errors"] == 0
        assert each["statuses"] == {"200": each["completed"]}
        assert each["seconds"] == pytest.approx(0.2, abs=0.2)
        assert each["microseconds"] == pytest.approx(1e6 * each["proxy_cpu"] / each["completed"])
    assert written["settings"]["connections"] == 48
    assert written["settings"]["cores"] == os.cpu_count()
    assert {"httptools", "uvloop"} < set(written["versions"])
    assert {each["verdict"] for each in written["goals"]} >= {"not measured"}
    page = out.with_suffix(".md").read_text()
    assert "plain: ours ≤ 1.7 × floor in CPU per request" in page
    assert "- command: python -m evaluation.bench.data_path --backend own" in page
    assert psutil.Process().children(recursive=True) == []


@pytest.mark.integration
def test_interrupted_it_keeps_its_samples_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "evaluation.bench.data_path", *TINY, "--rounds", "99"]
    command += ["--peers", "floor", "--json", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("plain round 1/99"), first + process.stderr.read()
        time.sleep(0.3)
        below = psutil.Process(process.pid).children(recursive=True)
        assert below
        os.kill(process.pid, signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "floor" in printed
    assert len(json.loads(out.read_text())["samples"]) >= 1
    assert psutil.wait_procs(below, timeout=5)[1] == []
