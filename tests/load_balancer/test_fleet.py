"""All workers asked and told as one."""

from __future__ import annotations

import json
import random
import signal

import pytest
from fastapi import FastAPI, HTTPException, Request

from config.schema import Settings
from load_balancer.cache_routes import PURGE
from load_balancer.fleet import Fleet
from load_balancer.reloading import Applied, ReloadError
from load_balancer.repertoire import Repertoire
from rl.q_learning import QLearning
from rl.vocabulary import Policy
from tests.load_balancer.fakes import FakeWorker
from tests.load_balancer.test_repertoire import settings as learning
from tests.load_balancer.test_repertoire import teach, visits

pytestmark = pytest.mark.integration

KIND = "application/json"

BEFORE = Settings()
WANTED = Settings.model_validate({"load_balancer": {"limits": {"hops": 3}}})


class Noting:
    """A worker's application that notes what it was told; it can refuse."""

    def __init__(self, status: int = 200) -> None:
        self.told: list[str] = []
        self.status = status
        self.app = FastAPI()

        @self.app.post("/change")
        async def change(request: Request) -> dict[str, str]:
            if self.status != 200:
                raise HTTPException(self.status, "will not")
            self.told.append((await request.body()).decode())
            return {"said": "done"}

        @self.app.get("/number")
        async def number() -> int:
            return len(self.told)


class Purging:
    """A worker's application with a cache."""

    def __init__(self, count: int) -> None:
        self.asked = 0
        self.app = FastAPI()

        @self.app.post(PURGE)
        async def purge() -> dict[str, int]:
            self.asked += 1
            return {"purged": count}


async def join(made: Fleet, worker: FakeWorker) -> None:
    await made.join(worker, BEFORE, lambda: BEFORE)


async def fleet(*applications: Noting | Purging, kept: int = 10) -> tuple[Fleet, list[FakeWorker]]:
    known = Repertoire(learning(), random.Random(0), lambda name, learner: None)
    made = Fleet(known, kept)
    workers = [FakeWorker(n, each.app) for n, each in enumerate(applications, 1)]
    for worker in workers:
        await join(made, worker)
    return made, workers


async def test_all_are_told_the_same() -> None:
    one, two = Noting(), Noting()
    made, _ = await fleet(one, two)
    told = await made.tell("POST", "/change", b"x", KIND)
    assert (200, {"said": "done"}, True) == (
        told.status,
        json.loads(told.content),
        told.everywhere,
    )
    assert ["x"] == one.told == two.told


async def test_what_the_first_refuses_reaches_no_other() -> None:
    one, two = Noting(422), Noting()
    made, _ = await fleet(one, two)
    told = await made.tell("POST", "/change", b"x", KIND)
    assert (422, False) == (told.status, told.everywhere)
    assert [] == two.told


async def test_what_not_all_took_is_said_by_worker() -> None:
    made, _ = await fleet(Noting(), Noting(409))
    told = await made.tell("POST", "/change", b"x", KIND)
    assert (502, False) == (told.status, told.everywhere)
    assert "worker 1: 200, worker 2: 409" in told.content.decode()


async def test_who_does_not_answer_a_change_is_killed() -> None:
    """It might take it up late; its successor is told at its start."""
    one, two = Noting(), Noting()
    made, workers = await fleet(one, two)
    workers[1].hangs = True
    told = await made.tell("POST", "/change", b"x", KIND)
    assert 502 == told.status
    assert [signal.SIGKILL] == workers[1].signals
    assert [] == workers[0].signals


async def test_who_comes_later_is_told_what_the_others_were_told() -> None:
    """In that order, each once, the last so many."""
    one = Noting()
    made, _ = await fleet(one, kept=3)
    for content in (b"a", b"b", b"c", b"a", b"d"):
        await made.tell("POST", "/change", content, KIND)
    late = Noting()
    await join(made, FakeWorker(2, late.app))
    assert ["c", "a", "d"] == late.told


async def test_a_change_that_failed_is_not_told_to_who_comes_later() -> None:
    made, _ = await fleet(Noting(), Noting(409))
    await made.tell("POST", "/change", b"x", KIND)
    late = Noting()
    await join(made, FakeWorker(3, late.app))
    assert [] == late.told


async def test_who_hangs_is_left_out_of_the_view() -> None:
    made, workers = await fleet(Noting(), Noting(), Noting())
    workers[1].hangs = True
    assert [1, 3] == list(await made.ask("/number"))


async def test_nobody_answers() -> None:
    made, workers = await fleet(Noting())
    workers[0].hangs = True
    assert {} == await made.ask("/number")
    assert 503 == (await made.tell("POST", "/change", b"", KIND)).status
    made.leave(workers[0])
    assert 503 == (await made.tell("POST", "/change", b"", KIND)).status
    assert ("nobody", None) == await made.table()
    with pytest.raises(ReloadError, match="no worker answers"):
        await made.apply(Settings(), Settings())


async def test_who_was_started_before_a_reload_and_comes_after_it_has_its_settings() -> None:
    made, _ = await fleet(Noting())
    late = FakeWorker(2)
    await made.join(late, BEFORE, lambda: WANTED)
    assert WANTED == late.wants


async def test_what_is_stored_is_known_whatever_strategy_is_used_now() -> None:
    """And a name of another version is passed over."""
    made, _ = await fleet()
    made.remember(["nobody_knows_it", "q_learning"])
    assert ["q_learning"] == list(made.known)


async def test_settings_are_for_all() -> None:
    made, workers = await fleet(Noting(), Noting())
    applied = await made.apply(BEFORE, WANTED)
    assert Applied(("load_balancer.limits.hops",), ("load_balancer.port",)) == applied
    assert [WANTED, WANTED] == [worker.wants for worker in workers]


async def test_one_refusal_gives_the_others_the_old_settings_again() -> None:
    made, workers = await fleet(Noting(), Noting(), Noting())
    workers[2].refuses = "the disk is full"
    with pytest.raises(ReloadError, match="the disk is full"):
        await made.apply(BEFORE, WANTED)
    assert [BEFORE] * 3 == [worker.wants for worker in workers]


async def test_who_hangs_does_not_hold_up_the_others_settings() -> None:
    made, workers = await fleet(Noting(), Noting())
    workers[0].hangs = True
    await made.apply(BEFORE, WANTED)
    assert WANTED == workers[1].wants
    assert [signal.SIGKILL] == workers[0].signals


async def test_each_learns_what_the_others_learned() -> None:
    """Every lesson once, however often it is merged."""
    made, workers = await fleet(Noting(), Noting())
    for worker, times in zip(workers, (5, 9), strict=True):
        teach(worker.repertoire, times)
    for _ in range(3):
        await made.merge()
    assert [14, 14] == [visits(worker.repertoire) for worker in workers]
    assert 1 == len(made.known)
    teach(workers[0].repertoire, 2)
    await made.merge()
    assert [16, 16] == [visits(worker.repertoire) for worker in workers]


async def test_a_worker_that_begins_anew_costs_nothing() -> None:
    """It is given what all knew at the last merge, and goes on from there."""
    made, workers = await fleet(Noting(), Noting())
    for worker in workers:
        teach(worker.repertoire, 5)
    await made.merge()
    made.leave(workers[1])
    anew = FakeWorker(2, Noting().app)
    policy = anew.repertoire["q_learning"].policy
    assert isinstance(policy, QLearning)
    policy.load(made.known["q_learning"])
    await join(made, anew)
    teach(anew.repertoire, 1)
    await made.merge()
    assert [11, 11] == [visits(worker.repertoire) for worker in (workers[0], anew)]


class Unmergeable:
    """A learner without that method."""

    def __init__(self, inner: Policy) -> None:
        assert isinstance(inner, QLearning)
        self.select = inner.select
        self.observe = inner.observe
        self.parameters = inner.parameters
        self.load = inner.load


async def test_what_cannot_be_merged_is_that_of_the_first_at_the_next_start() -> None:
    """Each goes on by itself."""

    known = Repertoire(learning(), random.Random(0), lambda name, learner: None, Unmergeable)
    made = Fleet(known, 1)
    workers = [FakeWorker(n, Noting().app) for n in (1, 2)]
    for worker, times in zip(workers, (3, 8), strict=True):
        await join(made, worker)
        teach(worker.repertoire, times)
    await made.merge()
    assert [3, 8] == [visits(worker.repertoire) for worker in workers]
    assert workers[0].repertoire.learned()["q_learning"] == made.known["q_learning"]


async def test_who_hangs_at_a_merge_is_killed() -> None:
    made, workers = await fleet(Noting(), Noting())
    workers[0].hangs = True
    teach(workers[1].repertoire, 1)
    await made.merge()
    assert [[signal.SIGKILL], []] == [worker.signals for worker in workers]


async def test_signals_are_passed_on() -> None:
    made, workers = await fleet(Noting(), Noting())
    made.signal(signal.SIGUSR1)
    assert [[signal.SIGUSR1]] * 2 == [worker.signals for worker in workers]


async def test_what_each_purged_is_added_up_and_not_told_again() -> None:
    made, late = await fleet(Purging(3), Purging(4)), Purging(0)
    told = await made[0].tell("POST", PURGE, b"{}", KIND)
    assert (200, {"purged": 7}) == (told.status, json.loads(told.content))
    await join(made[0], FakeWorker(3, late.app))
    assert late.asked == 0
