"""Document 000's experiment in virtual time."""

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.network.analysis import windows_to_clean
from evaluation.network.cast import ORACLE, NetworkParameters, Timing
from evaluation.network.records import WINDOW, Purpose, Setting, Variant
from evaluation.network.values import values
from evaluation.network.virtual import Course, main, play, play_all, rows
from evaluation.progress import Steps
from rl.q_routing import QRoutingParameters
from rl.reward import RewardParameters

pytestmark = [pytest.mark.unit, pytest.mark.usefixtures("no_process_is_left")]

ROOT = Path(__file__).resolve().parents[3]
LEARNING = Variant("q_routing")
SMALL = NetworkParameters(levels=3, width=3, origins=3)
DOCUMENT = Course()
TIMED = NetworkParameters(
    levels=3,
    width=3,
    origins=3,
    cache_entries=0,
    reward=RewardParameters(),
    q_routing=QRoutingParameters(),
    timing=Timing(),
)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_documents_network_learns_within_the_published_band(seed: int) -> None:
    """100 nodes, one request at a time: most of the first hundred requests fail, and within 25
    windows there is one in which none does; seed 0 is the document's own graph."""
    run = play(DOCUMENT, LEARNING, seed)
    failures = [window.failures for window in run.windows]

    assert failures[0] > 50
    assert len(failures) <= 25
    assert 0 == failures[-1]
    assert 0 not in failures[:-1]
    assert (Setting.VIRTUAL, Purpose.LEARNING, "10 × 10") == (
        run.setting,
        run.purpose,
        run.shape.label,
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("network", [SMALL, TIMED])
def test_small_networks_learn_at_once(network: NetworkParameters, seed: int) -> None:
    run = play(Course(network), LEARNING, seed)
    clean = windows_to_clean(run.windows)

    assert clean is not None
    assert clean <= 6


def test_the_same_run_gives_the_same_figures() -> None:
    course = Course(SMALL, most_windows=3, until_clean=False, trajectories=300)

    assert play(course, LEARNING, 5) == play(course, LEARNING, 5)
    assert play(course, LEARNING, 5) != play(course, LEARNING, 6)


def test_random_does_not_learn_and_the_oracle_need_not() -> None:
    """Both on the same graph with the same requests; nobody declines."""
    network = replace(DOCUMENT.network, decline_load=None)
    course = Course(network, most_windows=4, until_clean=False)
    at_random = play(course, Variant("random"), 0)
    oracle = play(course, Variant(ORACLE), 0)

    assert min(window.failures for window in at_random.windows) > 50
    assert [0] * 4 == [window.failures for window in oracle.windows]


def test_a_second_try_spares_clients_the_learning() -> None:
    network = replace(DOCUMENT.network, tries=2)
    run = play(Course(network, most_windows=4, until_clean=False), LEARNING, 0)

    assert sum(window.failures for window in run.windows) <= 8
    assert run.windows[0].hops < 20


# The record of a run.


def test_windows_tell_of_every_request_in_order() -> None:
    course = Course(SMALL, most_windows=4, until_clean=False, keep_requests=True)
    run = play(course, LEARNING, 1)

    assert [*range(400)] == [request.index for request in run.requests]
    assert [WINDOW] * 4 == [window.requests for window in run.windows]
    assert sum(window.failures for window in run.windows) == sum(
        not request.success for request in run.requests
    )
    assert sum(sum(window.hits) for window in run.windows) == sum(
        request.hit for request in run.requests
    )
    # Three nodes on the way: 500 at its end, and two loads.
    assert all(-500 <= window.reward <= 500 for window in run.windows)
    assert 1 <= run.windows[-1].hops <= 3


def test_no_cache_no_hits() -> None:
    course = Course(SMALL, most_windows=3, until_clean=False)

    def hits(variant: Variant) -> int:
        return sum(sum(window.hits) for window in play(course, variant, 1).windows)

    assert hits(LEARNING) > 0
    assert hits(Variant("q_routing", cache=False)) == 0


def test_ways_and_links_over_time_are_kept_as_asked() -> None:
    course = Course(SMALL, most_windows=6, until_clean=False, snapshots=(1, 6), trajectories=250)
    run = play(course, LEARNING, 1)
    early, late = run.snapshots

    assert 250 == len(run.trajectories)
    assert all(each.split(">")[0].startswith("30") for each in run.trajectories if ">" in each)
    assert Counter({"*": 0, "X": 0}) < Counter(each.split()[0][-1] for each in run.trajectories)
    assert "domain1.com" == run.domain
    assert {each.split(".")[0] for each in run.edges} <= {"101", "102", "103"}
    assert (1, 6) == (early.windows, late.windows)
    assert [(x.node, x.parent) for x in early.links] == [(x.node, x.parent) for x in late.links]
    tried = [sum(link.value is not None for link in each.links) for each in (early, late)]
    assert 0 < tried[0] <= tried[1]


def test_rows_are_plain_data() -> None:
    run = play(Course(SMALL, most_windows=2, until_clean=False), LEARNING, 3)
    found = json.loads(json.dumps(rows(run)))

    assert [("q_routing", True, 3, 0), ("q_routing", True, 3, 1)] == [
        (row["strategy"], row["cache"], row["seed"], row["index"]) for row in found
    ]
    assert {"failures", "hops", "hits", "reward"} <= {*found[0]}


# Seconds.


@pytest.mark.parametrize("seed", range(3))
def test_the_advertised_value_is_the_true_cost(seed: int) -> None:
    """Requests at random moments, 100 per second. What each outermost node says a domain costs is
    within a tenth of what its requests took on average; counting any hop's time twice, or not at
    all, puts it out by a third and more."""
    course = Course(TIMED, most_windows=20, until_clean=False, rate=100.0, keep_requests=True)
    found = values(play(course, LEARNING, seed))

    assert 9 == len(found)
    for each in found:
        assert each.cost > 0.01
        assert abs(each.error) < 0.1


def test_a_rate_needs_time() -> None:
    with pytest.raises(ValueError, match="rate has no meaning"):
        Course(SMALL, rate=100.0)
    with pytest.raises(ValueError, match="rate must be above 0"):
        Course(TIMED, rate=0.0)
    with pytest.raises(ValueError, match="most_windows must be at least 1"):
        Course(SMALL, most_windows=0)


# Many runs.


def alive(pid: str) -> bool:
    """Whether it runs; who waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_processes_give_what_one_gives() -> None:
    course = Course(SMALL, most_windows=2, until_clean=False)
    variants = [LEARNING, Variant("random", cache=False)]
    told: list[str] = []

    class Told(Steps):
        def step(self, name: str) -> None:
            told.append(name)

    alone = [*play_all(course, variants, [1, 2], processes=1)]
    spread = [*play_all(course, variants, [1, 2], processes=2, progress=Told(4))]

    assert sorted(map(repr, alone)) == sorted(map(repr, spread))
    assert 4 == len(told)
    assert "random, no cache, seed 2" in told


def test_who_stops_listening_ends_the_workers() -> None:
    course = Course(SMALL, most_windows=50, until_clean=False)
    with closing(play_all(course, [LEARNING], range(50), processes=2)) as runs:
        next(runs)
        assert multiprocessing.active_children()

    assert not multiprocessing.active_children()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_ctrl_c_leaves_no_process_behind() -> None:
    command = [sys.executable, "-m", "evaluation.network.virtual", "--seeds", "1000"]
    command += ["--processes", "2", "--levels", "2", "--width", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # the first run is over, so the workers are there
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) >= 2
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()

    assert 130 == process.returncode
    deadline = time.monotonic() + 60
    while any(map(alive, children)):  # the tracker of the standard library ends last
        assert time.monotonic() < deadline, children
        time.sleep(0.02)


# The command.


def test_it_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--levels", "3", "--width", "3", "--seeds", "2", "--processes", "1"]
    assert 0 == main([*arguments, "--trajectories", "2", "--windows", "8"])
    lines = capsys.readouterr().out.splitlines()

    assert lines[0].endswith(".com")
    assert lines[2].startswith("q_routing, seed 0: ")
    assert lines[-1].startswith(
        "q_routing: a window without failure in 2 of 2 seeds, within 25 in 2; after "
    )


def test_it_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--levels", "2", "--width", "2", "--seeds", "1", "--processes", "1", "--json"]
    assert 0 == main([*arguments, "--windows", "2", "--all-windows", "--strategies", "all"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert 10 == len(found)
    assert ORACLE in {row["strategy"] for row in found}


def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["--strategies", "q_rooting", "--processes", "1"])
    assert "unknown strategy 'q_rooting'" in capsys.readouterr().err
