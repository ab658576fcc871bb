"""evaluation.bench.data_path: measures what is there, says what is not, leaves nothing running."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from evaluation.bench import data_path
from evaluation.bench.data_path import (
    CannotMeasure,
    Cores,
    check,
    install_nginx,
    main,
    parsed,
    planned,
    provided,
)

TINY = ["--backend", "own", "--rounds", "2", "--seconds", "0.2", "--warm-up", "0.1"]


@pytest.mark.unit
def test_quick_is_shorter_and_what_is_given_beside_it_counts() -> None:
    usual, quick = planned(parsed([])), planned(parsed(["--quick"]))
    assert usual.peers == quick.peers == ("ours", "nginx", "fastapi_httpx")
    assert usual.connections == 48
    assert quick.rounds * (quick.seconds + quick.warm_up) < usual.rounds * usual.seconds / 3
    assert planned(parsed(["--quick", "--rounds", "9"])).rounds == 9


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
def test_without_nginx_and_without_the_right_to_install_it_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data_path, "nginx", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--peers", "nginx"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("data_path: nginx is not installed: apt-get install nginx-light")
    assert said.count("\n") == 1


@pytest.mark.unit
def test_where_we_may_nginx_is_installed_and_its_service_not_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        environment = options["env"]
        assert isinstance(environment, dict)
        assert environment["RUNLEVEL"] == "1"
        commands.append(command)
        return subprocess.CompletedProcess(command, 100, b"", b"E: nothing there\n")

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", run)
    install_nginx()
    assert [command[1] for command in commands] == ["update", "install"]
    assert commands[1][-1] == "nginx-light"
    assert "E: nothing there" in capsys.readouterr().err


@pytest.mark.unit
def test_the_backend_is_nginx_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(parsed(["--peers", "ours"]))
    monkeypatch.setattr(data_path, "nginx", lambda: None)
    assert provided(plan).backend == "own"
    monkeypatch.setattr(data_path, "nginx", lambda: "/opt/nginx")
    assert provided(plan).backend == "nginx"


@pytest.mark.unit
def test_a_peer_that_lacks_something_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lame:
        def missing(self) -> str:
            return "lame needs a leg"

    plan = planned(parsed(["--peers", "ours"]))
    monkeypatch.setattr(data_path, "peer", lambda name: Lame())
    with pytest.raises(CannotMeasure, match="lame needs a leg"):
        provided(plan)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("allowed", "cores"),
    [
        ([5], Cores(None, None, None)),
        ([0, 1], Cores(0, 1, 1)),
        ([2, 3, 6, 7], Cores(2, 3, 6)),
    ],
)
def test_the_proxy_has_a_core_of_its_own(allowed: list[int], cores: Cores) -> None:
    assert Cores.of(allowed) == cores


@pytest.mark.integration
def test_nobody_forwarding_is_an_error() -> None:
    with pytest.raises(CannotMeasure, match="thing does not forward"):
        check("thing", "http://127.0.0.1:9")


@pytest.mark.integration
@pytest.mark.slow
def test_a_run_measures_each_peer_in_each_round_and_writes_every_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results" / "out.json"
    assert main([*TINY, "--peers", "ours,fastapi_httpx", "--json", str(out)]) == 0
    seen = capsys.readouterr()
    assert "CPU us/request" in seen.out
    assert seen.err.count("us/request") == 4
    written = json.loads(out.read_text())
    turns = [(each["round"], each["peer"]) for each in written["samples"]]
    assert turns == [(0, "ours"), (0, "fastapi_httpx"), (1, "fastapi_httpx"), (1, "ours")]
    for each in written["samples"]:
        assert each["errors"] == 0
        assert each["statuses"] == {"200": each["completed"]}
        assert each["seconds"] == pytest.approx(0.2, abs=0.2)
        assert each["microseconds"] == pytest.approx(1e6 * each["proxy_cpu"] / each["completed"])
    assert written["settings"]["connections"] == 48
    assert written["machine"]["cores"] == os.cpu_count()
    assert {"httptools", "httpx", "fastapi"} < set(written["versions"])
    ours, naive = written["results"]
    assert (ours["peer"], ours["ratio"]) == ("ours", None)
    # Ours has no business being anywhere near it.
    assert ours["microseconds"]["median"] < naive["microseconds"]["median"] / 3
    assert psutil.Process().children(recursive=True) == []


@pytest.mark.integration
def test_interrupted_it_keeps_its_samples_and_leaves_no_process(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", "evaluation.bench.data_path", *TINY, "--rounds", "99"]
    command += ["--peers", "fastapi_httpx", "--json", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("round 1/99"), first + process.stderr.read()
        time.sleep(0.3)
        below = psutil.Process(process.pid).children(recursive=True)
        assert below
        os.kill(process.pid, signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "fastapi_httpx" in printed
    assert len(json.loads(out.read_text())["samples"]) >= 1
    assert psutil.wait_procs(below, timeout=5)[1] == []
