"""A node's part in federated learning, on a timer: it closes rounds, or it takes part in those that
another node closes.

Nothing that goes wrong here is felt by requests: whatever cannot be reached, read or merged, the
node learns on with what it has, says so once, and comes again.
"""

from __future__ import annotations

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import httpx

from config.federation import Federation as Settings
from load_balancer.federation.link import Link
from load_balancer.federation.memory import Memory, Model
from load_balancer.federation.rounds import Learners, Rounds, SiteTally, Stale
from load_balancer.federation.tokens import Tokens, read_sites, read_token
from metrics.federation_exposition import FederationSeen, SiteSeen
from rl.vocabulary import JSON

Offer: TypeAlias = Callable[[], Mapping[str, JSON]]
"""What this node knows, by learner."""

Take: TypeAlias = Callable[[Mapping[str, JSON]], None]
"""Goes on with this, by learner. Raises ValueError for what cannot be."""

AHEAD = 0.1
"""Share of a round that a site offers before its end, and by which sites are spread after it."""

CLOSING_SECONDS = 0.2
"""Until a site asks again that came while a round was merged."""


class _Member(ABC):
    """What coordinator and site have in common: they offer and go on.

    Attributes:
        problem: what the last attempt failed at; "" if it did not.
        failures: attempts that failed, so far.
        rounds: models that this node went on from, so far.
        refused: why what all know could not be joined to what is learned here, by learner.
    """

    def __init__(
        self, life: str, offer: Offer, take: Take, learners: Learners, say: Callable[[str], None]
    ) -> None:
        self.memory = Memory(life, learners)
        self.problem = ""
        self.failures = 0
        self.rounds = 0
        self.refused: dict[str, str] = {}
        self._offer = offer
        self._take = take
        self._say = say
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Keep on, on the running loop."""
        self._task = asyncio.create_task(self._keep_on(), name="federation")

    async def stop(self) -> None:
        """Take no further part."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @abstractmethod
    async def _keep_on(self) -> None:
        """Round after round, until it is cancelled."""

    async def _go_on(self, model: Model) -> None:
        # What is learned within these milliseconds is lost; on the loop they would delay requests.
        now = self._offer()
        taken = await asyncio.to_thread(self.memory.join, model, now)
        refused = dict(taken.refused)
        for name, parameters in taken.parameters.items():
            try:
                self._take({name: parameters})
            except ValueError as error:
                refused[name] = str(error)
        self.memory.begin(model)
        self.refused = refused
        self.rounds += 1

    async def _try(self, work: Callable[[], Awaitable[None]]) -> bool:
        try:
            await work()
        except Exception as error:  # whatever it was, there is another round
            text = str(error) or type(error).__name__
            self.failures += 1
            if text != self.problem:
                self._say(f"federation: {text}; learning goes on alone")
                self.problem = text
            return False
        if self.problem:
            self._say("federation: goes on again")
            self.problem = ""
        return True


class Coordinator(_Member):
    """Closes rounds, and takes part in them.

    Attributes:
        tokens: who may take part.
        own: this node's name among the sites.
        state: of the rounds.
    """

    def __init__(
        self,
        settings: Settings,
        own: str,
        life: str,
        tokens: Tokens,
        offer: Offer,
        take: Take,
        learners: Learners,
        dice: random.Random,
        clock: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        """
        Args:
            own: this node's name among the sites.
            clock: monotonic seconds.

        Raises:
            ValueError: another site has that name.
        """
        super().__init__(life, offer, take, learners, say)
        if own in tokens.sites:
            raise ValueError(f"{own!r} is the coordinator's own name and no other site's")
        self.settings = settings
        self.tokens = tokens
        self.own = own
        self.state = Rounds(
            life, own, tokens.sites, settings.least_sites, settings.terms(), dice, learners
        )
        self._clock = clock
        self._closes_at = clock() + settings.seconds

    @property
    def closes_in(self) -> float:
        """Seconds until the open round is closed; 0 while it is."""
        if self.state.closing:
            return 0.0
        return max(0.0, self._closes_at - self._clock())

    async def close(self) -> bool:
        """Close the open round, if enough are there; whether it was."""
        self._closes_at = self._clock() + self.settings.seconds
        rounds = self.state
        now = self._offer()
        if now and not rounds.closing:
            examined = await asyncio.to_thread(rounds.examine, now)
            try:
                rounds.receive(self.own, rounds.run, rounds.round, self.memory.offer(now), examined)
            except Stale:
                return False
        work = rounds.close()
        if work is None:
            return False
        try:
            outcome = await asyncio.to_thread(work.done)
        except BaseException:
            rounds.abandon()
            raise
        rounds.finish(work, outcome)
        whole: dict[str, JSON] = {
            name: each.parameters
            for name, each in outcome.merged.items()
            if each.parameters is not None
        }
        included = rounds.sites[self.own].included
        await self._go_on(Model(rounds.run, rounds.round, whole, included))
        return True

    def seen(self) -> FederationSeen:
        """In numbers."""
        state = self.state
        sites = {
            name: SiteSeen(each.offers, each.refused, each.merged, each.missed, each.clipped)
            for name, each in state.sites.items()
        }
        return FederationSeen(state.round, self.rounds, self.failures, state.unmerged, sites)

    def tally(self, site: str) -> SiteTally:
        """What was seen of a site."""
        return self.state.sites[site]

    async def _keep_on(self) -> None:
        async def work() -> None:
            await self.close()

        while True:
            await asyncio.sleep(self.closes_in)
            await self._try(work)


class Site(_Member):
    """Takes part in the rounds of another node.

    Attributes:
        coordinator: its address.
        taken, declined: offers that the coordinator has taken, and not.
    """

    def __init__(
        self,
        settings: Settings,
        life: str,
        link: Link,
        offer: Offer,
        take: Take,
        learners: Learners,
        dice: random.Random,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(life, offer, take, learners, say)
        self.settings = settings
        self.coordinator = link.address
        self.taken = 0
        self.declined = 0
        self._link = link
        self._dice = dice
        self._wait = 0.0
        self._seconds = settings.seconds

    def seen(self) -> FederationSeen:
        """In numbers."""
        return FederationSeen(self.memory.round, self.rounds, self.failures)

    async def fetch(self) -> None:
        """Ask for the open round; go on from what all know if that is new.

        Raises:
            Unreached: the coordinator does not answer as it should.
        """
        memory = self.memory
        found = await self._link.model(memory.run, memory.round)
        self._wait, self._seconds = found.closes_in_seconds, found.seconds
        if found.parameters is not None and (found.run, found.round) != (memory.run, memory.round):
            await self._go_on(Model(found.run, found.round, found.parameters, found.included))

    async def offer(self) -> bool:
        """Offer what is known here; whether the coordinator has taken it.

        Raises:
            Unreached: it does not answer as it should.
        """
        memory = self.memory
        now = self._offer()
        if not now:
            return False
        id = memory.offer(now)
        body = await asyncio.to_thread(_body, memory.run, memory.round, id, now)
        self._wait, taken = await self._link.offer(body, self._wait)
        if taken:
            self.taken += 1
        else:
            self.declined += 1
        return taken

    async def stop(self) -> None:
        await super().stop()
        await self._link.close()

    async def _keep_on(self) -> None:
        async def work() -> None:
            await self.fetch()
            ahead = AHEAD * self._seconds
            until_offer = max(0.0, self._wait - ahead * (1.0 + self._dice.random()))
            await asyncio.sleep(until_offer)
            self._wait -= until_offer
            await self.offer()
            after = min(ahead, CLOSING_SECONDS) * (0.5 + 0.5 * self._dice.random())
            await asyncio.sleep(self._wait + after)

        while True:
            if not await self._try(work):
                await asyncio.sleep(self.settings.seconds * (1.0 + AHEAD * self._dice.random()))


def _body(run: str, round: int, id: str, parameters: Mapping[str, JSON]) -> bytes:
    offer = {"run": run, "round": round, "id": id, "parameters": dict(parameters)}
    return json.dumps(offer, allow_nan=False).encode()


def build(
    settings: Settings,
    own: str,
    life: str,
    offer: Offer,
    take: Take,
    learners: Learners,
    dice: random.Random,
    clock: Callable[[], float],
    say: Callable[[str], None],
    transport: httpx.AsyncBaseTransport | None = None,
) -> Coordinator | Site:
    """This node's part.

    Args:
        own: its name.
        life: tells this start from others.
        transport: to the coordinator, instead of the network.

    Raises:
        ValueError: the tokens cannot be had.
    """
    assert settings.token_file is not None
    if settings.coordinator is None:
        tokens = read_sites(settings.token_file)
        return Coordinator(settings, own, life, tokens, offer, take, learners, dice, clock, say)
    link = Link(settings, read_token(settings.token_file), transport)
    return Site(settings, life, link, offer, take, learners, dice, say)
