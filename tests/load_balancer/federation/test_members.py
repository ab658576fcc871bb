"""A node's part in federated learning."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from load_balancer.federation.members import Coordinator
from tests.load_balancer.federation.stage import Learner, Stage, agent

pytestmark = pytest.mark.unit


async def test_sites_go_on_from_what_all_know(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    north, south = Learner(5.0, experience=1), Learner(-5.0, experience=1)
    sites = [stage.site("north", north), stage.site("south", south)]
    for site in sites:
        await site.fetch()
        assert await site.offer()
    assert await stage.coordinator.close()
    for site in sites:
        await site.fetch()
    # Networks that were drawn apart: all go on from the coordinator's.
    assert [[0.0], [0.0], [0.0]] == [each.weights for each in (stage.learner, north, south)]

    north.learn(3.0, experience=30)
    south.learn(-1.0, experience=10)
    for site in sites:
        assert await site.offer()
    north.learn(0.5, experience=1)
    assert await stage.coordinator.close()
    for site in sites:
        await site.fetch()

    assert [2.0] == stage.learner.weights == south.weights
    assert [2.5] == north.weights  # and what it has learned since it offered
    assert [41, 42] == [each.knows["a"]["experience"] for each in (south, north)]
    assert 3 == stage.coordinator.state.round


async def test_a_round_goes_on_without_who_is_missing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    north, south = Learner(0.0, experience=1), Learner(0.0, experience=1)
    here, gone = stage.site("north", north), stage.site("south", south)
    for site in (here, gone):
        await site.fetch()
        await site.offer()
    await stage.coordinator.close()
    for site in (here, gone):
        await site.fetch()

    for _ in range(2):
        north.learn(1.0, experience=10)
        await here.offer()
        await stage.coordinator.close()
        await here.fetch()
    assert 2 == stage.coordinator.tally("south").missed
    assert stage.learner.weights == north.weights

    south.learn(4.0, experience=20)
    assert not await gone.offer()  # the round that it knows is long closed
    before = north.weights[0]
    await gone.fetch()
    assert [pytest.approx(before + 4.0)] == south.weights
    assert await gone.offer()


async def test_the_poisoned_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    north = Learner(0.0, experience=1)
    good, bad = stage.site("north", north), stage.site("south", Learner(1e9, experience=1))
    for site in (good, bad):
        await site.fetch()

    assert await good.offer()
    assert not await bad.offer()
    assert await stage.coordinator.close()

    tally = stage.coordinator.tally("south")
    assert (1, 1, 1) == (tally.offers, tally.refused, tally.missed)
    assert {"a": "arrays.weight: 1e+09 is beyond 1e+06"} == tally.refusal
    assert 1 == bad.declined


async def test_too_few_sites_leave_the_round_open(tmp_path: Path) -> None:
    stage = Stage(tmp_path, least_sites=3)
    north = stage.site("north", Learner(1.0))
    await north.fetch()
    await north.offer()

    assert not await stage.coordinator.close()

    assert (1, 1) == (stage.coordinator.state.round, stage.coordinator.state.unmerged)
    assert ["north", "center"] == stage.coordinator.state.offered


async def test_a_site_that_cannot_reach_the_coordinator_says_so_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, seconds=0.1)
    answers = iter([httpx.ConnectError("refused")] * 3)
    again = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        problem = next(answers, None)
        if problem is not None:
            raise problem
        again.set()
        known = {"run": "r", "round": 1, "seconds": 0.1, "closes_in_seconds": 9, "included": {}}
        return httpx.Response(200, json={**known, "parameters": None})

    site = stage.site("north", Learner(1.0), httpx.MockTransport(answer))
    site.settings = site.settings.model_copy(update={"seconds": 0.001})
    site.start()
    await asyncio.wait_for(again.wait(), 10)
    await site.stop()

    assert ["federation: http://localhost: refused; learning goes on alone"] == stage.said
    assert 3 == site.failures


async def test_rounds_are_closed_by_the_timer(tmp_path: Path) -> None:
    stage = Stage(tmp_path, seconds=0.1)
    learner, north = stage.learner, Learner(7.0, experience=1)
    taken = asyncio.Event()

    def take(parameters: Any) -> None:
        Learner.take(north, parameters)
        taken.set()

    north.take = take  # type: ignore[method-assign]
    site = stage.site("north", north)
    await site.fetch()
    await site.offer()
    stage.clock.now += 0.1
    stage.coordinator.start()
    site.start()
    try:
        await asyncio.wait_for(taken.wait(), 10)
    finally:
        await site.stop()
        await stage.coordinator.stop()

    assert learner.weights == north.weights
    assert [] == stage.said


async def test_what_cannot_be_taken_up_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    north = Learner(1.0, experience=1)
    site = stage.site("north", north)
    stage.learner.knows["unwanted"] = agent(3.0)
    await site.fetch()
    await site.offer()
    await stage.coordinator.close()

    await site.fetch()

    assert {"unwanted": "unwanted: is not wanted here"} == site.refused
    assert [0.0] == north.weights


async def test_a_merge_that_fails_leaves_the_round_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, least_sites=1)

    def fail(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("load_balancer.federation.rounds.averaging.merge", fail)
    with pytest.raises(RuntimeError):
        await stage.coordinator.close()

    assert (1, False) == (stage.coordinator.state.round, stage.coordinator.state.closing)


async def test_who_learns_nothing_offers_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    north = Learner()
    north.knows.clear()
    site = stage.site("north", north)
    await site.fetch()

    assert not await site.offer()
    assert 0 == stage.coordinator.tally("north").offers


def test_no_other_site_bears_the_coordinators_name(tmp_path: Path) -> None:
    stage = Stage(tmp_path)

    with pytest.raises(ValueError, match="'north' is the coordinator's own name"):
        stage.build(stage.settings, "north", Learner())


async def test_an_answer_to_a_lost_offer_is_not_counted_twice(tmp_path: Path) -> None:
    """The coordinator has the offer, the site does not know: the ids say what is in the model."""
    stage = Stage(tmp_path)
    north = Learner(0.0, experience=0)
    lost = False

    class Losing(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if lost and request.method == "POST":
                raise httpx.ReadError("lost")
            return answer

    site = stage.site("north", north, Losing(stage.app))
    await site.fetch()
    await site.offer()
    await stage.coordinator.close()
    await site.fetch()
    north.learn(2.0, experience=10)
    lost = True
    with pytest.raises(Exception, match="lost"):
        await site.offer()

    await stage.coordinator.close()
    await site.fetch()

    assert [2.0] == stage.learner.weights == north.weights
    assert isinstance(stage.member, Coordinator)
    assert json.dumps(stage.learner.knows) == json.dumps(north.knows)
