"""A network of real proxies, measured: learning, a killed node, an origin that moves."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from config.network import Network
from evaluation.network.live import LiveCourse, LiveRun, started
from evaluation.network.records import ChangeKind, Purpose, Setting, Shape, Variant
from evaluation.testbed import ExperimentError

COURSE = LiveCourse(Shape(2, 2), windows=2, rate=200.0, snapshots=(1,), trajectories=4)
UNCACHED = Variant("q_routing", cache=False)
# Under this seed all nodes reach all origins, wherever one moves.
SEED = 1


@pytest.mark.unit
def test_its_settings_are_a_network_s() -> None:
    network = Network.model_validate(COURSE.settings(Variant("random", cache=False), 3))
    assert (network.levels, network.width, network.seed) == (2, 2, 3)
    assert network.node.strategy == "random"
    assert not network.node.cache.enabled
    assert not network.topology().stranded() or network.seed == 3
    # What a course does not name is the network's own, q headers among it.
    assert network.node.q_headers.enabled and network.base_port == 0


@pytest.mark.integration
@pytest.mark.slow
async def test_a_small_network_learns_and_tells_its_values(tmp_path: Path) -> None:
    run = await LiveRun(COURSE, UNCACHED, SEED, tmp_path).measure()
    assert (run.setting, run.reward, run.complete) == (Setting.LIVE, "latency", True)
    assert [window.requests for window in run.windows] == [100, 100]
    assert [request.index for request in run.requests] == list(range(200))
    answered = [request for request in run.requests if request.success]
    assert answered
    for request in answered:
        assert [name[0] for name in request.way] == ["2", "1"]
        assert request.value is not None and request.reward is not None
        # The most of the origin's own time is in what the node measured.
        assert request.reward < -0.005
    assert len(run.snapshots) == 2 and run.snapshots[-1].windows == 2
    assert any(link.value is not None for link in run.snapshots[-1].links)
    assert {hop.parent for hop in run.hops} >= {"101", "102", "domain1.com"}
    assert len(run.trajectories) == 4


@pytest.mark.integration
@pytest.mark.slow
async def test_a_node_is_killed_and_an_origin_moves(tmp_path: Path) -> None:
    course = replace(
        COURSE, shape=Shape(3, 3), windows=1, purpose=Purpose.CHANGES, snapshots=(), watched=1.0
    )
    run = await LiveRun(course, Variant("q_routing"), 0, tmp_path).measure()
    killed, moved = run.changes
    assert (killed.kind, moved.kind) == (ChangeKind.KILL, ChangeKind.MOVE)
    assert killed.nodes[0].startswith("2")
    # What a stalled machine needs to tell the network of it.
    afterwards = [each for each in run.requests if each.at > killed.at + 0.5 and each.success]
    assert afterwards
    assert not any(killed.nodes[0] in each.way for each in afterwards)
    *left, joined = moved.nodes
    assert tuple(left) == run.edges
    there = [
        each.way[-1]
        for each in run.requests
        if each.at > moved.at + 0.5 and each.domain == run.domain and each.success and not each.hit
    ]
    assert set(there) <= {joined}


@pytest.mark.integration
@pytest.mark.slow
async def test_a_cancelled_run_keeps_what_it_has_and_leaves_no_process(tmp_path: Path) -> None:
    live = LiveRun(replace(COURSE, windows=50), UNCACHED, SEED, tmp_path)
    task = asyncio.create_task(live.measure())
    while len(live.run().requests) < 20:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    run = live.run()
    assert not run.complete and len(run.requests) >= 20


@pytest.mark.integration
@pytest.mark.slow
async def test_a_change_that_is_refused_ends_the_run_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.network.live.victim", lambda view, domain: "909")
    course = replace(COURSE, shape=Shape(3, 3), windows=1, purpose=Purpose.CHANGES, snapshots=())
    with pytest.raises(ExperimentError, match=r"could not be watched.*404"):
        await LiveRun(course, UNCACHED, SEED, tmp_path).measure()


@pytest.mark.integration
def test_the_network_ends_with_its_block(tmp_path: Path) -> None:
    with started(COURSE.settings(UNCACHED, SEED), tmp_path) as process:
        pid = process.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.integration
def test_settings_that_are_none_are_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ExperimentError, match=r"(?s)could not start.*wdth"),
        started({"wdth": 3}, tmp_path),
    ):
        pass
