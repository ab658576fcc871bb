"""The workers that serve, asked and told as one: all of them, or it is said who was not.

Knows nothing of how they are started.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from config.schema import Settings
from load_balancer.cache_routes import PURGE
from load_balancer.combined import combined
from load_balancer.hand_over import settings_json
from load_balancer.reloading import Applied, ReloadError
from load_balancer.repertoire import Repertoire
from load_balancer.worker_routes import LEARNED, SETTINGS
from load_balancer.workers import NoAnswer, Worker
from rl.merging import Mergeable
from rl.vocabulary import JSON, Explainable, Learner, Parameters

READ_SECONDS = 2.0
"""Who does not answer a question in time is left out of the view of all."""

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling all workers something.

    Attributes:
        status, content, content_type, allow: the answer for who told it.
        everywhere: all took it.
    """

    status: int
    content: bytes
    content_type: str
    everywhere: bool
    allow: str | None = None


class Fleet:
    """The workers of one supervisor.

    Attributes:
        workers: that serve, by their numbers.
        known: what all have learned, as it was last given to each.
    """

    def __init__(self, repertoire: Repertoire, kept_changes: int) -> None:
        self.known: dict[str, Parameters] = {}
        self._workers: dict[int, Worker] = {}
        self._repertoire = repertoire
        self._kept_changes = kept_changes
        self._changes: OrderedDict[tuple[str, bytes], str] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    @property
    def workers(self) -> list[Worker]:
        return [self._workers[number] for number in sorted(self._workers)]

    def remember(self, strategies: Iterable[str]) -> None:
        """Begin with what is stored of these strategies."""
        for name in strategies:
            try:
                self._repertoire[name]
            except ValueError:
                continue  # of another version; or a worker says what is wrong with it
        self.known = self._repertoire.learned()

    async def join(self, worker: Worker, began: Settings, now: Callable[[], Settings]) -> None:
        """A worker serves; it is told what the others were told since the start.

        Args:
            began: the settings that it was started with.
            now: those that are in force.
        """
        async with self._one_at_a_time:
            self._workers[worker.number] = worker
            if now() != began:
                await self._told(worker, "POST", SETTINGS, settings_json(now()), JSON_TYPE)
            for (target, content), content_type in self._changes.items():
                await self._told(worker, "POST", target, content, content_type)

    def leave(self, worker: Worker) -> None:
        """A worker has ended."""
        self._workers.pop(worker.number, None)

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on to all."""
        for worker in self.workers:
            worker.signal(number)

    async def ask(
        self, target: str, headers: Mapping[str, str] | None = None
    ) -> dict[int, httpx.Response]:
        """The answers to a GET, by worker; without those who do not answer in time."""

        async def one(worker: Worker) -> tuple[int, httpx.Response | None]:
            try:
                answer = await worker.ask("GET", target, b"", dict(headers or {}), READ_SECONDS)
            except NoAnswer:
                return worker.number, None
            return worker.number, answer

        answers = await asyncio.gather(*map(one, self.workers))
        return {number: answer for number, answer in answers if answer is not None}

    async def tell(self, method: str, target: str, content: bytes, content_type: str) -> Told:
        """A change for all. The first one is asked alone: what it refuses reaches no other."""
        async with self._one_at_a_time:
            answers: dict[int, httpx.Response | None] = {}
            for worker in self.workers:
                answer = await self._told(worker, method, target, content, content_type)
                answers[worker.number] = answer
                if len(answers) == 1 and answer is not None and answer.status_code >= 300:
                    return _passed_on(answer, everywhere=False)
            given = [answer for answer in answers.values() if answer is not None]
            if not given:
                return _said(503, "no worker answers")
            if len(given) == len(answers) and all(
                answer.status_code == given[0].status_code for answer in given
            ):
                if method == "POST" and given[0].status_code < 300:
                    self._keep_change(target, content, content_type)
                if target == PURGE and given[0].status_code < 300:
                    return _summed(given)
                return _passed_on(given[0], everywhere=True)
            said = ", ".join(
                f"worker {number}: {'no answer' if answer is None else answer.status_code}"
                for number, answer in answers.items()
            )
            return _said(502, f"not all workers took it; {said}")

    async def apply(self, before: Settings, wanted: Settings) -> Applied:
        """New settings for all workers, or for none.

        Raises:
            ReloadError: one did not take them; the others have the old ones again.
        """
        async with self._one_at_a_time:
            content = settings_json(wanted)
            took: list[Worker] = []
            applied = Applied()
            for worker in self.workers:
                answer = await self._told(worker, "POST", SETTINGS, content, JSON_TYPE)
                if answer is None:
                    continue  # it is replaced by one that has them
                if answer.status_code != 200:
                    for each in took:
                        back = settings_json(before)
                        await self._told(each, "POST", SETTINGS, back, JSON_TYPE)
                    raise ReloadError(str(answer.json()["detail"]))
                took.append(worker)
                data = answer.json()
                applied = Applied(tuple(data["changed"]), tuple(data["restart"]))
            if not took:
                raise ReloadError("no worker answers")
            return applied

    async def merge(self, judge: bool = True) -> None:
        """Give what each has learned to all.

        Args:
            judge: a worker that hangs is killed, so that it is followed by another one.
        """
        async with self._one_at_a_time:
            told = {number: answer.json() for number, answer in (await self.ask(LEARNED)).items()}
            for worker in self.workers:
                if judge and worker.number not in told:
                    await self._must_answer(worker)
            fresh: dict[str, Parameters] = {}
            for name in dict.fromkeys(name for learned in told.values() for name in learned):
                parts = [learned[name] for learned in told.values() if name in learned]
                policy = self._repertoire[name].policy
                if isinstance(policy, Mergeable):
                    merged = policy.merged(self.known.get(name), parts)
                    if merged != self.known.get(name):
                        fresh[name] = merged
                elif isinstance(policy, Learner):
                    # Each goes on by itself; that of the first is what a restart begins with.
                    policy.load(parts[0])
                    self.known[name] = parts[0]
            if not fresh:
                return
            for name, merged in fresh.items():
                policy = self._repertoire[name].policy
                assert isinstance(policy, Learner)
                policy.load(merged)
            self.known.update(fresh)
            content = json.dumps(fresh).encode()
            for worker in self.workers:
                if worker.number in told:
                    await self._told(worker, "POST", LEARNED, content, JSON_TYPE)

    async def table(self) -> tuple[str, list[dict[str, JSON]] | None]:
        """The strategy that the workers decide by, and what they know together."""
        answers = await self.ask("/q?format=json")
        name = next((str(each.json()["routing_strategy"]) for each in answers.values()), "")
        if not name:
            return "nobody", None
        policy = self._repertoire[name].policy
        return name, policy.table() if isinstance(policy, Explainable) else None

    async def _must_answer(self, worker: Worker) -> None:
        try:
            await worker.ask("GET", "/livez")
        except NoAnswer:
            worker.signal(signal.SIGKILL)

    async def _told(
        self, worker: Worker, method: str, target: str, content: bytes, content_type: str
    ) -> httpx.Response | None:
        try:
            return await worker.ask(method, target, content, {"Content-Type": content_type})
        except NoAnswer:
            # It may take it up late, when all others have gone on without.
            worker.signal(signal.SIGKILL)
            return None

    def _keep_change(self, target: str, content: bytes, content_type: str) -> None:
        if target == "/strategy":
            return  # stands in the settings that a later worker is given
        if target == PURGE:
            return  # was for what those held that were there
        self._changes.pop((target, content), None)
        self._changes[target, content] = content_type
        if len(self._changes) > self._kept_changes:
            self._changes.popitem(last=False)


def _passed_on(answer: httpx.Response, everywhere: bool) -> Told:
    kind = answer.headers.get("content-type", "")
    allow = answer.headers.get("allow")
    return Told(answer.status_code, answer.content, kind, everywhere, allow)


def _summed(answers: Sequence[httpx.Response]) -> Told:
    """Each has done a part of it."""
    whole = combined([answer.json() for answer in answers])
    return Told(answers[0].status_code, json.dumps(whole).encode(), JSON_TYPE, True)


def _said(status: int, detail: str) -> Told:
    return Told(status, json.dumps({"detail": detail}).encode(), JSON_TYPE, False)
