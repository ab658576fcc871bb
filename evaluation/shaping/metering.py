"""The live node's meters in virtual time: the same objects, told by a simulated world."""

from __future__ import annotations

from math import inf

from evaluation.shaping.scenario import Scenario
from load_balancer.shaping.readings import Ending, Look, Meter
from load_balancer.shaping.shaper import Shaper
from rl.shaping.reading import Reading
from rl.simulation.shaping_world import REFUSED, Asked, ShapingWorld

SEGMENT_BYTES = 1448
"""Of a full TCP segment over Ethernet, with time stamps."""


class Metering:
    """One meter for each client of a world.

    Attributes:
        meters: by the client's name, which is its rule's.
    """

    def __init__(
        self, scenario: Scenario, names: tuple[str, ...], shaper: Shaper, now: float
    ) -> None:
        self._scenario = scenario
        self.meters = {name: Meter() for name in names}
        self._shaper = shaper
        self._since = now
        self._sent = dict.fromkeys(names, 0)

    def over(self, asked: Asked, now: float) -> None:
        """A request of the world is over."""
        name = asked.load.name
        meter = self.meters[name]
        self._sent[name] += asked.sent
        seconds = now - asked.came
        if asked.status == REFUSED:
            meter.over(Ending.REFUSED, seconds, seconds, 0, 0)
            return
        ending = Ending.COMPLETED if asked.status < 500 else Ending.FAILED
        latency = seconds if asked.first_byte == inf else asked.first_byte
        if asked.attempt is not None:
            meter.used(asked.attempt.stats.id)
        meter.over(ending, latency, seconds, asked.load.request_bytes, asked.sent)

    def read(self, world: ShapingWorld, now: float) -> dict[str, Reading]:
        """Every client's interval, which ends now."""
        seconds = now - self._since
        self._since = now
        scenario = self._scenario
        cpu = world.utilization(now) * scenario.processor_share
        pressure = self._shaper.pressure()
        backlog = world.link.backlog(now)
        found = {}
        for name, meter in self.meters.items():
            look = Look()
            look.cpu, look.pressure = cpu, pressure
            look.memory = scenario.memory_share
            look.endpoint_round_trip = scenario.round_trip_seconds
            for asked in world.open[name]:
                look.sent += asked.sent
                look.received += 0 if asked.attempt is None else asked.load.request_bytes
                look.queued += asked.place is not None
                age = now - asked.came
                if asked.first_byte == inf and age > seconds:
                    look.unanswered.append(age)
                deadline = meter.deadline
                if deadline is not None and age - seconds < deadline <= age:
                    look.late += 1
            segments = (self._sent[name] + look.sent) // SEGMENT_BYTES
            meter.sampled(name, scenario.round_trip_seconds + backlog, 0, segments)
            found[name] = meter.read(self._shaper.clients.get(name), look, seconds)
        return found
