"""The command."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluation.arguments import BadArgument
from evaluation.simulate.__main__ import main, parse_scenarios

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("no_process_is_left")]

ROOT = Path(__file__).resolve().parents[3]
SHORT = [
    *("--set", "simulation.warmup_seconds=0.5", "--set", "simulation.duration_seconds=4"),
    *("--workers", "1"),
]


def alive(pid: str) -> bool:
    """Whether it runs; who waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_scenarios_are_named_in_many_ways() -> None:
    assert ["S1u", "S4:.5", "S4:.75"] == parse_scenarios("S1u, S4:*,S4:.5")
    assert ["random#0", "random#1", "random#7", "S4"] == parse_scenarios("random:2,random#7,S4")
    assert ["here/s.yaml:a"] == parse_scenarios("here/s.yaml:a")
    study = parse_scenarios("study")
    assert {"S1u", "S1:.8ln2", "S6:350x4", "S7:60", "S10"} <= set(study)
    assert "retries" not in study
    assert set(study) < set(parse_scenarios("all"))
    for wrong, problem in (
        ("S44", "no scenario 'S44'; did you mean 'S4"),
        ("S99*", "no scenario is called like that"),
        (",", "names none"),
    ):
        with pytest.raises(BadArgument, match=problem):
            parse_scenarios(wrong)


def test_it_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    asked = ["--scenario", "S3:bh100,random:1", "--strategies", "round_robin,least_request"]
    assert 0 == main([*asked, "--seeds", "0-1", "--json", str(out), *SHORT])
    printed = capsys.readouterr().out
    data = json.loads(out.read_text())

    assert "S3:bh100, 2 seeds" in printed
    assert "reference: oracle" in printed
    assert "random scenarios, each against the best classic in it" in printed
    rows = [(row["scenario"], row["strategy"], row["seed"]) for row in data["rows"]]
    assert [("S3:bh100", "round_robin", 0), ("S3:bh100", "round_robin", 1)] == rows[:2]
    assert 8 == len(rows) == len({*rows})
    assert 12 == len(data["reference_rows"])
    assert ["S3:bh100"] * 2 == [each["scenario"] for each in data["summary"]]
    assert 0 < data["rows"][0]["cost"] < 1
    assert "--seeds 0-1" in data["command"]


def test_what_was_run_need_not_be_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    asked = ["--scenario", "S1u", "--no-reference", "--json", str(out), *SHORT]
    assert 0 == main([*asked, "--strategies", "random", "--seeds", "0"])
    data = json.loads(out.read_text())
    data["rows"][0]["cost"] = 77.0  # to be recognised by
    out.write_text(json.dumps(data))
    both = ["--strategies", "random,round_robin", "--seeds", "0", "--resume"]
    assert 0 == main([*asked, *both])
    assert [77.0, pytest.approx(0.075, rel=0.1)] == [
        row["cost"] for row in json.loads(out.read_text())["rows"]
    ]
    # With other settings it is another run.
    assert 0 == main([*asked, *both, "--set", "experiment.request_rate=50"])
    assert 77.0 not in [row["cost"] for row in json.loads(out.read_text())["rows"]]

    capsys.readouterr()
    assert 0 == main(["--compare", str(out), str(out)])
    assert "1.000 [1.000, 1.000] 0/1" in capsys.readouterr().out


def test_what_is_served_live_can_be_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--scenario", "S10", "--strategies", "random", "--seeds", "0", "--no-reference"]
    assert 0 == main([*asked, "--live-scaled", *SHORT, "--set", "live.time_factor=2"])
    assert "random" in capsys.readouterr().out


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--list"])
    lines = capsys.readouterr().out.splitlines()

    assert any(line.startswith("S4:.75 ") and "750 requests/s" in line for line in lines)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (["--scenario", "S1:.65"], "no scenario 'S1:.65'; did you mean 'S1:.6'?"),
        (["--strategies", "peek_ewma"], "no strategy 'peek_ewma'; did you mean 'peak_ewma'?"),
        (["--strategies", ","], "--strategies: names none"),
        (["--seeds", "x"], "--seeds x: must be numbers"),
        (["--workers", "0"], "--workers 0: must be at least 1"),
        (["--resume"], "--resume: needs --json"),
        (["--set", "simulation.balncers=2"], "did you mean 'balancers'?"),
        (["--set", "load_balancer.hedging.enabled=true", "--seeds", "0"], "is not simulated"),
        (["--compare", "no.json", "no.json"], "no.json: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(
    asked: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = asked if "--workers" in asked else [*asked, "--workers", "1"]
    assert 2 == main(given)
    said = capsys.readouterr().err
    assert problem in said
    assert said.startswith("python -m evaluation.simulate: ")
    assert 1 == said.count("\n")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "evaluation.simulate", "--scenario", "S1u", "--seeds", "0-999"]
    command += ["--strategies", "random", "--workers", "2", "--json", str(out)]
    command += ["--no-reference"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children: list[str] = []
    try:
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 60
        while len(children) < 3:  # two workers, and the standard library's tracker
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
            children = listed.read_text().split()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert 130 == process.returncode
    while any(map(alive, children)):
        assert time.monotonic() < deadline, children
        time.sleep(0.02)
