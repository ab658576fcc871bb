"""A network of proxy nodes in virtual time: requests find their way from node to node and back.

It is handed its nodes, caches and loads, the very objects that the live proxy runs, and moves
requests between them: an answer's ``Q`` and ``QReward`` travel as a pair of numbers. Any number of
requests may be under way at once; one at a time and without delays is document 000's simulation.
Deterministic: dice and time are handed in or its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Generic, TypeAlias

from rl.simulation.journey import OK, AttemptT, Journey, Site, Stop, Told
from rl.simulation.service import Place, ServiceBehaviour
from rl.vocabulary import Event, Outcome, RequestContext, Reward, Verdict

Finished: TypeAlias = Callable[[Journey], None]


class Network(Generic[AttemptT]):
    """Moves requests between sites and origins.

    Attributes:
        now: virtual seconds.
        hops: arrivals at nodes so far.
    """

    def __init__(
        self,
        sites: Mapping[str, Site[AttemptT]],
        origins: Mapping[str, ServiceBehaviour | None],
        reward: Reward,
        finished: Finished,
        link: Callable[[str, str], float] | None = None,
        no_service_status: int = 501,
    ) -> None:
        """
        Args:
            origins: by domain, which is the endpoint's id as well; None answers at once.
            reward: every node's, for what a node realises whose policy tells nothing.
            finished: is handed every request once it is over.
            link: seconds from one node, origin or client ("") to another; none without it.
        """
        self.sites = dict(sites)
        self.now = 0.0
        self.hops = 0
        self._origins = origins
        self._reward = reward
        self._finished = finished
        self._link = link
        self._no_service = no_service_status
        self._asked = 0
        self._at_once: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._later: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._scheduled = 0

    def ask(self, entry: str, domain: str, path: str) -> Journey:
        """A client asks the node ``entry`` now."""
        journey = Journey(self._asked, RequestContext("GET", path, domain), self.now)
        self._asked += 1
        self._travel("", entry, self._arrive, journey, entry)
        return journey

    def schedule(self, seconds: float, call: Callable[..., object], *arguments: Any) -> None:
        """Call so many seconds from now; what is due at the same time goes in order of asking."""
        if seconds > 0.0:
            self._scheduled += 1
            heappush(self._later, (self.now + seconds, self._scheduled, call, arguments))
        else:
            self._at_once.append((call, arguments))

    def run(self) -> None:
        """Until nothing is under way or scheduled any more."""
        at_once, later = self._at_once, self._later
        while True:
            while at_once:
                call, arguments = at_once.popleft()
                call(*arguments)
            if not later:
                return
            self.now, _, call, arguments = heappop(later)
            call(*arguments)

    def _travel(self, start: str, end: str, call: Callable[..., object], *arguments: Any) -> None:
        if self._link is None:
            self._at_once.append((call, arguments))
        else:
            self.schedule(self._link(start, end), call, *arguments)

    # The way there.

    def _arrive(self, journey: Journey, name: str) -> None:
        site = self.sites.get(name)
        if site is None:
            self._answer(journey, name, 0, None)  # nobody there: no connection
            return
        self.hops += 1
        journey.stops.append(Stop(site, self.now))
        if site.slots is None:
            self._decide(journey, site)
            return
        place = site.slots.arrive(journey)
        if place is Place.STARTED:
            self._work(journey, site)
        elif place is Place.REFUSED:
            self._refuse(journey, site)

    def _work(self, journey: Journey, site: Site[AttemptT]) -> None:
        assert site.behaviour is not None
        work = site.behaviour.work(journey.context.path, self.now)
        self.schedule(work.seconds, self._worked, journey, site)

    def _worked(self, journey: Journey, site: Site[AttemptT]) -> None:
        assert site.slots is not None
        following = site.slots.finish()
        if following is not None:
            self._work(following, site)
        self._decide(journey, site)

    def _decide(self, journey: Journey, site: Site[AttemptT]) -> None:
        if site.routing.declines():
            self._refuse(journey, site)
            return
        site.load.admitted()
        journey.stops[-1].admitted = True
        # As with Via: who was asked in a try that failed may be asked again.
        looped = any(stop.site is site for stop in journey.stops[:-1])
        journey.way.append(site.name)
        journey.steps.append(site.name)
        if looped:
            self._refuse(journey, site)
            return
        context = journey.context
        if site.store is not None and site.store.holds(context.domain, context.path, self.now):
            journey.steps.append("+")
            journey.hit_level = site.level
            elapsed = self.now - journey.stops[-1].arrived_at
            self._leave(journey, site, OK, site.routing.hit(elapsed), Event.CACHE_HIT)
            return
        if not self._forward(journey, journey.stops[-1]):
            self._refuse(journey, site)

    def _forward(self, journey: Journey, stop: Stop) -> bool:
        site = stop.site
        attempt = site.routing.route(journey.context, "", self.now, stop.tried)
        if attempt is None:
            return False
        stop.attempt = attempt
        if attempt.decision.explored:
            journey.steps.append("*")
        name = attempt.stats.id
        if name in self._origins:
            self._travel(site.name, name, self._serve, journey, name)
        else:
            self._travel(site.name, name, self._arrive, journey, name)
        return True

    def _serve(self, journey: Journey, domain: str) -> None:
        behaviour = self._origins[domain]
        seconds, status = 0.0, OK
        if behaviour is not None:
            work = behaviour.work(journey.context.path, self.now)
            seconds, status = work.seconds, work.status
        self.schedule(seconds, self._served, journey, domain, status)

    def _served(self, journey: Journey, domain: str, status: int) -> None:
        back = journey.stops[-1].site.name
        self._travel(domain, back, self._answer, journey, domain, status, None)

    # The way back.

    def _refuse(self, journey: Journey, site: Site[AttemptT]) -> None:
        elapsed = self.now - journey.stops[-1].arrived_at
        told = site.routing.refused(elapsed)
        self._leave(journey, site, self._no_service, told, Event.NO_SERVICE)

    def _answer(self, journey: Journey, sender: str, status: int, told: Told) -> None:
        """The head of an answer has come to whoever asked last."""
        if not journey.stops:
            self._finish(journey, status, told)
            return
        stop = journey.stops[-1]
        site, attempt = stop.site, stop.attempt
        verdict = Verdict.SUCCESS if status == OK else Verdict.FAILURE
        value, reward = (None, None) if told is None else told
        outcome = Outcome(verdict, self.now - attempt.started, status, value, reward)
        if verdict is Verdict.FAILURE and len(stop.tried) + 1 < site.tries:
            site.routing.complete(attempt, outcome, self.now)
            stop.tried = (*stop.tried, sender)
            if not self._forward(journey, stop):
                self._refuse(journey, site)
            return
        telling = site.routing.answered(attempt, outcome, self.now)
        site.routing.complete(attempt, outcome, self.now)
        if verdict is Verdict.SUCCESS and site.store is not None:
            context = journey.context
            site.store.keep(context.domain, context.path, attempt.started, self.now)
        event = Event.END_POINT if sender in self._origins else Event.MIDWAY
        self._leave(journey, site, status or self._no_service, telling, event)

    def _leave(
        self, journey: Journey, site: Site[AttemptT], status: int, told: Told, event: Event
    ) -> None:
        """The head of its answer leaves a node."""
        stop = journey.stops.pop()
        if told is None:
            load = site.load.rewarded() if event is Event.MIDWAY else 0.0
            realised = self._reward.realised(event, self.now - stop.arrived_at, load)
        else:
            realised = told[1]
        journey.rewards.append(realised)
        if stop.admitted:
            site.load.left()
        back = journey.stops[-1].site.name if journey.stops else ""
        self._travel(site.name, back, self._answer, journey, site.name, status, told)

    def _finish(self, journey: Journey, status: int, told: Told) -> None:
        journey.status = status or self._no_service
        journey.told = told
        journey.seconds = self.now - journey.asked_at
        self._finished(journey)
