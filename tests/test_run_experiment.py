"""The command line: bad input in one line, old Pythons, Ctrl-C, two reports side by side."""

import ast
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import run_experiment
from config.loading import load, scenario_names
from config.schema import Experiment, Settings
from evaluation.parts import Part
from run_experiment import BadArgument, _asked, _parser, _parts, main, parse_seeds

SCRIPT = Path(run_experiment.__file__)


def asked(*arguments: str, experiment: Experiment | None = None) -> Experiment:
    settings = Settings(experiment=experiment or Experiment())
    return _asked(settings, _parser().parse_args(list(arguments)))


def parts(*arguments: str) -> list[Part]:
    return _parts(_parser().parse_args(list(arguments)))


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "expected"),
    [("0-2", (0, 1, 2)), ("0,1,5", (0, 1, 5)), ("7", (7,)), ("0-1, 4,1", (0, 1, 4))],
)
def test_seeds(text: str, expected: tuple[int, ...]) -> None:
    assert parse_seeds(text) == expected


@pytest.mark.unit
@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1-", "0-5000"])
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(BadArgument, match="--seeds"):
        parse_seeds(text)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"live": True, "virtual": True, "seeds": None, "quick": False}),
        (["--live", "--quick"], {"live": True, "virtual": False, "seeds": None, "quick": True}),
        (["--virtual", "--seeds", "3"], {"live": False, "virtual": True, "seeds": (0, 1, 2)}),
        (["--live", "--virtual", "--seeds", "4,7"], {"live": True, "virtual": True}),
        (["--seeds", "4-5"], {"seeds": (4, 5), "out": Path("reports/network")}),
        (
            ["--out", "x"],
            {"out": Path("x"), "command": "python run_experiment.py --network --out x"},
        ),
    ],
)
def test_the_network_s_options(
    arguments: list[str], expected: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number alone is so many seeds there."""
    given: dict[str, object] = {}
    monkeypatch.setattr("evaluation.network.command.run", lambda **named: given.update(named) or 0)
    assert main(["--network", *arguments]) == 0
    assert expected.items() <= given.items()


@pytest.mark.unit
def test_shaping_is_live_only_when_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr("evaluation.shaping.command.run", lambda **named: given.update(named) or 0)
    for arguments, live, virtual in (
        ([], False, True),
        (["--live"], True, False),
        (["--live", "--virtual"], True, True),
    ):
        assert main(["--shaping", "--seeds", "3", *arguments]) == 0
        assert (given["live"], given["virtual"]) == (live, virtual)
        assert given["seeds"] == (0, 1, 2) and given["out"] == Path("reports/shaping")


@pytest.mark.unit
@pytest.mark.parametrize(
    "arguments",
    [
        ["--live"],
        ["--virtual"],
        ["--network", "--rate", "5"],
        ["--shaping", "--rate", "5"],
        ["--network", "--scenario", "slow_within"],
        ["--network", "--strategies", "random"],
        ["--network", "--seeds", "2000"],
        ["--network", "--seeds", "some"],
    ],
)
def test_options_of_the_one_experiment_are_refused_by_the_other(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    name = next(each for each in reversed(arguments) if each.startswith("--"))
    assert f"run_experiment.py: {name}" in capsys.readouterr().err


@pytest.mark.unit
def test_without_options_it_has_two_parts() -> None:
    """The configured experiment, and one with two kinds of requests; within ten minutes."""
    first, second = parts()
    assert first.experiment == Experiment()
    assert (first.timed, first.name) == (False, "")
    assert (second.scenario, second.name, second.timed) == ("two_classes", "two_classes", True)
    assert second.experiment.strategies == first.experiment.strategies
    assert second.experiment.seeds == first.experiment.seeds
    assert second.settings.simulation.duration_seconds == 14.0
    assert first.seconds + second.seconds <= 600


@pytest.mark.unit
def test_quick_is_quick_and_keeps_the_strategies() -> None:
    first, second = parts("--quick")
    for part in (first, second):
        assert part.experiment.strategies == Experiment().strategies
        assert len(part.experiment.seeds) == 2
    assert second.settings.simulation.warmup_seconds < 1.0
    assert first.seconds + second.seconds <= 135


@pytest.mark.unit
@pytest.mark.parametrize("option", [("--rate", "50"), ("--requests", "200"), ("--warmup", "5")])
def test_what_belongs_to_one_experiment_makes_it_one(option: tuple[str, str]) -> None:
    (part,) = parts(*option, "--strategies", "random")
    assert part.scenario == part.title == ""
    assert part.experiment.strategies == ("random",)


@pytest.mark.unit
def test_a_scenario_is_scaled_as_it_says_and_lasts_as_long() -> None:
    """As ``live`` says, or its simulation's length, stretched; unless the command line says how
    many requests."""
    (part,) = parts("--scenario", "S4:.5", "--seeds", "0")
    live = load(scenario="S4:.5", environ={}).live
    assert part.settings.simulation.duration_seconds == 15 * live.time_factor
    (part,) = parts("--scenario", "S9", "--seeds", "0-4")
    factor = load(scenario="S9", environ={}).live.time_factor
    assert part.timed and part.scenario == "S9"
    assert part.experiment.seeds == (0, 1, 2, 3, 4)
    assert part.settings.simulation.duration_seconds == 60 * factor
    assert part.settings.servers[0].base_delay_ms == 60 * factor
    (part,) = parts("--scenario", "S2", "--requests", "300", "--rate", "100", "--warmup", "50")
    assert part.settings.simulation.duration_seconds == 3.0
    assert part.settings.simulation.warmup_seconds == 0.5


@pytest.mark.unit
@pytest.mark.parametrize("name", ["slow_within", "fail_within"])
def test_quick_lasts_until_the_ill_server_has_recovered(name: str) -> None:
    """Else there would be nothing to see of the scenario."""
    settings = load(scenario=name, environ={})
    found = _asked(settings, _parser().parse_args(["--quick", "--scenario", name]))
    ends = [phase.end for server in settings.servers for phase in server.service.phases]
    assert found.requests / found.request_rate > max(filter(None, ends)) + 1
    runs = len(found.strategies) * len(found.seeds)
    assert runs * (found.requests / found.request_rate + 2.5) + 12 <= 90


@pytest.mark.unit
def test_options_win_over_quick_and_over_the_configuration() -> None:
    found = asked(
        "--quick", "--strategies", "random, peak_ewma", "--seeds", "5", "--rate", "90",
        "--requests", "500", "--warmup", "20",
    )  # fmt: skip
    assert found.strategies == ("random", "peak_ewma")
    assert (found.seeds, found.request_rate) == ((5,), 90)
    assert (found.requests, found.warmup_requests) == (500, 20)


@pytest.mark.unit
def test_few_requests_have_a_short_warm_up() -> None:
    assert asked("--requests", "100").warmup_requests == 20
    assert asked("--requests", "5000").warmup_requests == 100


BAD = [
    (["--scenario", "slow_witin"], "no scenario 'slow_witin'; did you mean 'slow_within'?"),
    (["--strategies", "q_lerning"], "no strategy 'q_lerning'; did you mean 'q_learning'?"),
    (["--strategies", "random,random"], "strategies: one of them stands twice"),
    (["--seeds", "x"], "--seeds x: must be numbers such as 0-2"),
    (["--requests", "0"], "--requests 0: must be above 0"),
    (["--requests", "many"], "argument --requests: invalid int value: 'many'"),
    (["--rate", "-1"], "--rate -1: must be above 0"),
    (["--rate", "nan"], "--rate nan: must be above 0"),
    (["--warmup", "1200"], "--warmup 1200: must be at least 0, below 1200 requests"),
    (["--config", "no/such.yaml"], "no/such.yaml: cannot be read"),
    (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    (["compare", "one"], "the following arguments are required: B"),
    (["compare", "no/a", "no/b"], "no/a/comparison_results.json: cannot be read"),
]


@pytest.mark.unit
@pytest.mark.parametrize(("arguments", "complaint"), BAD, ids=[" ".join(each) for each, _ in BAD])
def test_bad_input_is_one_clear_line_and_exit_2(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And leaves no folder behind."""
    out = [] if arguments[0] == "compare" else ["--out", str(tmp_path / "reports")]
    try:
        code = main([*arguments, *out])
    except SystemExit as ended:  # argparse ends by itself
        assert isinstance(ended.code, int)
        code = ended.code
    said = capsys.readouterr().err
    assert code == 2
    assert complaint in said
    assert said.startswith("run_experiment.py")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.unit
def test_a_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file" / "reports")]) == 2
    said = capsys.readouterr().err
    assert "cannot be written" in said and "--out" in said
    assert said.count("\n") == 1


@pytest.mark.unit
def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it is about."""
    assert main(["--list-scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == scenario_names()
    assert all(len(line.split()) > 3 for line in lines)
    assert {"document_003", "slow_within", "fail_within", "two_classes"} <= set(scenario_names())


@pytest.mark.unit
@pytest.mark.parametrize("package", ["pydantic", "tqdm", "httpx"])
def test_a_missing_package_is_one_line(
    package: str,
    tmp_path: Path,
) -> None:
    """Run by path, where the package cannot be imported."""
    program = (
        f"import sys, runpy; sys.modules[{package!r}] = None;"
        f" sys.argv = ['run_experiment.py', '--out', {str(tmp_path)!r}];"
        f" runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert package in ended.stderr
    assert "make setup" in ended.stderr


@pytest.mark.unit
def test_missing_plot_packages_are_noticed_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    assert main(["--out", str(tmp_path)]) == 2
    assert "matplotlib is missing" in capsys.readouterr().err


@pytest.mark.unit
def test_a_missing_module_of_ours_is_no_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a bug, and shown as one."""
    monkeypatch.setitem(sys.modules, "evaluation.runner", None)
    with pytest.raises(ImportError, match=r"evaluation\.runner"):
        main(["--requests", "10"])


@pytest.mark.unit
def test_old_pythons_can_read_the_file_as_far_as_the_version_check() -> None:
    """Python 3.6 parses it, and nothing but sys is imported before the check."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 6))
    before = tree.body[: next(i for i, node in enumerate(tree.body) if isinstance(node, ast.If))]
    names = [alias.name for node in before for alias in getattr(node, "names", ())]
    assert names == ["sys"]


@pytest.mark.unit
def test_an_old_python_is_one_line() -> None:
    program = (
        "import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0);"
        f" runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 2
    assert "Python 3.11 or newer is needed" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.unit
def test_the_first_word_comes_within_two_seconds() -> None:
    """Run by path, from elsewhere."""
    start = time.monotonic()
    ended = subprocess.run([sys.executable, str(SCRIPT), "--help"], capture_output=True, cwd="/")
    assert ended.returncode == 0
    assert b"--quick" in ended.stdout
    assert time.monotonic() - start < 2


def running(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments, "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children(pid: int) -> list[int]:
    """Processes that this one started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [line.split() for line in listed.stdout.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def wait_for_second_run(pid: int) -> list[int]:
    """Its processes, when the second run's balancer, the youngest of them, has a client; the first
    run takes five seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.2)
        with contextlib.suppress(psutil.Error):
            started = [psutil.Process(child) for child in children(pid)]
            started.sort(key=psutil.Process.create_time)
            if started and started[-1].create_time() - started[0].create_time() > 4:
                found = started[-1].net_connections("tcp")
                ports = {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}
                clients = [each for each in found if each.status == psutil.CONN_ESTABLISHED]
                if any(each.laddr.port in ports for each in clients):
                    time.sleep(1)
                    return [each.pid for each in started]
    raise AssertionError("no second run")


@pytest.mark.integration
@pytest.mark.slow
def test_ctrl_c_leaves_no_process_and_keeps_what_was_measured(tmp_path: Path) -> None:
    """Exit code 130 and a report of the complete run and of the one that was cut."""
    process = running(
        tmp_path, "--strategies", "round_robin,random", "--requests", "300", "--warmup", "5",
        "--seeds", "0",
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()  # the first run is over
    assert line.startswith("[1/2]")
    started = wait_for_second_run(process.pid)
    assert len(started) >= 4
    os.kill(process.pid, signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted: the report is made of what was measured" in error
    assert "ended early: 1 of 2 runs" in out
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    folder = (tmp_path / "latest").resolve()
    assert (folder / "report.html").exists()
    rows = (folder / "request_logs.csv").read_text("utf-8").splitlines()[1:]
    assert 300 < len(rows) < 600


@pytest.mark.integration
@pytest.mark.slow
def test_two_experiments_can_be_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Run twice with equal seeds: paired, and the page lies beside the second report."""
    small = ["--strategies", "round_robin", "--requests", "150", "--rate", "150", "--seeds", "0"]
    folders: list[Path] = []
    for _ in range(2):
        assert main([*small, "--out", str(tmp_path)]) == 0
        folders.append((tmp_path / "latest").resolve())
    out = capfd.readouterr().out
    assert "report: " in out
    assert "round_robin" in out
    assert main(["compare", *map(str, folders)]) == 0
    shown = capfd.readouterr()
    assert "120 pairs" in shown.out
    assert (folders[1] / "compare.html").exists()
    elsewhere = tmp_path / "new" / "place"
    assert main(["compare", *map(str, folders), "--out", str(elsewhere)]) == 0
    assert (elsewhere / "compare.html").exists()
    (tmp_path / "file").touch()
    assert main(["compare", *map(str, folders), "--out", str(tmp_path / "file" / "x")]) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert said.startswith("run_experiment.py: --out") and "cannot be written" in said
