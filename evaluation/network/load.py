"""The load of a live network: which outermost node is asked for what and when, and the asking.

An open loop as ``traffic.generator`` has it, to several nodes and for several domains; an answer's
way is read from what the nodes wrote into it.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.topology import Origin
from config.traffic import MixEntry
from evaluation.network.records import Asked
from traffic.client import Answer, Client, RequestFailed, Target
from traffic.generator import until
from traffic.records import Record
from traffic.workload import make_plan

KEPT = ("via", "cache-status", "q", "qreward")
TIMEOUT = 10.0
"""Seconds from the send to the last byte; then it is a failure."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request that is to be sent.

    Attributes:
        offset: seconds after the start.
        node: whom to ask.
    """

    offset: float
    node: str
    domain: str
    path: str


@dataclass(frozen=True, slots=True)
class Phase:
    """So many requests at a mean rate, at random moments."""

    requests: int
    rate: float

    @property
    def seconds(self) -> float:
        """As long as it is meant to last."""
        return self.requests / self.rate


def make_questions(
    nodes: Sequence[str], origins: Sequence[Origin], phases: Sequence[Phase], dice: random.Random
) -> list[Question]:
    """The phases one after another; node, domain and page are drawn evenly, as in document 000."""
    asking = random.Random(dice.getrandbits(64))
    found: list[Question] = []
    start = 0.0
    for phase in phases:
        moments = make_plan(
            "poisson", (MixEntry(path="/"),), dice, rate=phase.rate, requests=phase.requests
        )
        # Stretched so that the next phase begins where its changes expect it.
        stretch = phase.seconds / (moments[-1].offset + 1 / phase.rate)
        for moment in moments:
            origin = asking.choice(origins)
            found.append(
                Question(
                    start + moment.offset * stretch,
                    asking.choice(nodes),
                    origin.domain,
                    asking.choice(origin.pages),
                )
            )
        start += phase.seconds
    return found


async def ask(
    questions: Sequence[Question],
    urls: Mapping[str, str],
    on_asked: Callable[[Asked, Record], None],
    started: asyncio.Event | None = None,
) -> float:
    """Sends every request when it is due, whatever came of those before it.

    Args:
        urls: of the nodes.
        on_asked: told of each request that ends, in the order of ending; what it was told when
            this is cancelled is what was measured.
        started: set when the first offset begins to count.

    Returns:
        The moment from which the offsets counted, on the clock of ``time.perf_counter``.
    """
    clients = {node: await Client.open(Target.parse(url), keep=KEPT) for node, url in urls.items()}

    async def send(index: int, question: Question) -> None:
        begun = time.perf_counter()
        answer: Answer | None = None
        error = ""
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await clients[question.node].exchange(
                    "GET", question.path, b"", str(index), question.domain
                )
        except RequestFailed as failed:
            error = str(failed)
        except TimeoutError:
            error = "timeout"
        done = time.perf_counter() if answer is None else answer.done_at
        due = start + question.offset
        record = Record(
            index=index,
            intended=question.offset,
            sent=begun - start,
            latency=done - due,
            first_byte=None if answer is None else answer.first_byte_at - due,
            status=0 if answer is None else answer.status,
            error=error,
            request_id=str(index),
            endpoint="",
        )
        on_asked(asked(question, record, {} if answer is None else answer.fields), record)

    start = time.perf_counter()
    if started is not None:
        started.set()
    try:
        async with asyncio.TaskGroup() as sending:
            for index, question in enumerate(questions):
                await until(start + question.offset)
                sending.create_task(send(index, question))
    finally:
        for client in clients.values():
            client.close()
    return start


def asked(question: Question, record: Record, fields: Mapping[str, str]) -> Asked:
    """What came of a request, with the way that its answer tells of."""
    way, hit = way_of(question.node, fields.get("via", ""), fields.get("cache-status", ""))
    return Asked(
        index=record.index,
        at=record.intended,
        domain=question.domain,
        path=question.path,
        way=way,
        status=record.status,
        success=not record.failure,
        hit=hit and not record.failure,
        latency=record.latency if record.first_byte is None else record.first_byte,
        value=_number(fields.get("q")),
        reward=_number(fields.get("qreward")),
    )


def way_of(first: str, via: str, cache_status: str) -> tuple[tuple[str, ...], bool]:
    """The nodes that an answer came through, the one that was asked first; and whether the last of
    them had it in its cache.

    Args:
        via: each node has added itself at the end (RFC 9110 section 7.6.3). What stands before the
            node that had it stored is of the day when it was stored.
        cache_status: likewise (RFC 9211 section 2).
    """
    names = [name for member in via.split(",") if (name := member.strip().partition(" ")[2])]
    way = tuple(reversed(names)) or (first,)
    for member in reversed(cache_status.split(",")):
        # A name that begins with a digit is no token there, and stands in quotes.
        name, *parameters = (each.strip(' "') for each in member.split(";"))
        if "hit" in parameters and name in way:
            return way[: way.index(name) + 1], True
    return way, False


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
