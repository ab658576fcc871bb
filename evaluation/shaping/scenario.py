"""What is played: three clients, backends that saturate, a load that shifts, one that misbehaves.

The same description serves virtual time and real processes. Rules tell the clients apart by path,
so that each is one client in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from config.adaptive import AdaptiveShaping
from config.balancer import LoadBalancer
from config.schema import Server
from evaluation.shaping.records import BATCH, BULK, CLIENTS, INTERACTIVE
from rl.shaping.reading import Targets
from rl.simulation.profile import Phase, RouteCost, ServiceProfile
from rl.simulation.shaping_load import ClientLoad

TARGET_SECONDS = 0.15
"""The interactive client's 95th percentile."""

QUEUE_LENGTH = 200
QUEUE_SECONDS = 2.0
REQUESTS_PER_ENDPOINT = 24
"""More than an endpoint works on at once: who operates a node seldom knows how many that are, and
what lies between waits at the endpoint, where no urgency counts."""

SLOTS = 4
BASE_MS = 20.0
LINK_BYTES_PER_SECOND = 40e6


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a run in which the load stays the same.

    Attributes:
        name: for a reader.
        seconds: its length.
        rates: requests per second of each client.
        slow: the factor by which the last server is slower.
    """

    name: str
    seconds: float
    rates: tuple[float, float, float]
    slow: float = 1.0


USUAL = (20.0, 50.0, 8.0)
"""Requests per second that the static rules are tuned for: a night's, when most is batch."""

SHIFTING = (
    Stretch("night, as tuned", 40, USUAL),
    Stretch("day", 40, (150.0, 50.0, 8.0)),
    Stretch("much batch", 40, (20.0, 90.0, 8.0)),
    Stretch("bulk misbehaves", 30, (80.0, 40.0, 160.0)),
    Stretch("a server is slow", 40, (80.0, 45.0, 8.0), slow=2.5),
    Stretch("night again", 20, USUAL),
)


FLOODED = 20
"""How many times its usual rate a flooding client asks for."""

CALM = (Stretch("usual", 10, USUAL), Stretch("usual", 60, USUAL))
FLOOD = (
    Stretch("usual", 10, USUAL),
    Stretch("bulk floods", 60, (USUAL[0], USUAL[1], FLOODED * USUAL[2])),
)
FIRST_MINUTE = (
    Stretch("day", 30, (150.0, 50.0, 8.0)),
    Stretch("a server is slow", 30, (80.0, 45.0, 8.0), slow=2.5),
)
"""Of agents that have just been let in, at rules for another load."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """See the module's text.

    Attributes:
        stretches: one after the other.
        measured_from: the second from which on a run counts.
        link_bytes_per_second: of the link that all answers go over, in virtual time.
        round_trip_seconds: between two machines while nothing is under way, in virtual time.
        processor_share: of its processor, that a server uses all of whose slots are busy, in
            virtual time; the live ones sleep, and use little.
        memory_share: of its memory, that each server uses, in virtual time.
    """

    stretches: tuple[Stretch, ...] = SHIFTING
    measured_from: float = 5.0
    link_bytes_per_second: float = LINK_BYTES_PER_SECOND
    round_trip_seconds: float = 0.001
    processor_share: float = 0.1
    memory_share: float = 0.3
    answer_bytes: tuple[int, int, int] = (2_000, 10_000, 1_000_000)
    costs: tuple[float, float, float] = (1.0, 5.0, 5.0)
    servers: int = 2
    admission: dict[str, Any] = field(
        default_factory=lambda: {
            "requests_per_endpoint": REQUESTS_PER_ENDPOINT,
            "queue_length": QUEUE_LENGTH,
            "queue_seconds": QUEUE_SECONDS,
        }
    )

    @property
    def seconds(self) -> float:
        """Of a run."""
        return sum(each.seconds for each in self.stretches)

    def begins(self) -> list[float]:
        """The second at which each stretch begins."""
        found, at = [], 0.0
        for each in self.stretches:
            found.append(at)
            at += each.seconds
        return found

    def stretch_at(self, second: float) -> Stretch:
        """The one that is on then; after the end, the last one."""
        found = self.stretches[0]
        for begin, each in zip(self.begins(), self.stretches, strict=True):
            if begin <= second:
                found = each
        return found

    def loads(self) -> tuple[ClientLoad, ...]:
        """Of each client."""
        begins = self.begins()
        return tuple(
            ClientLoad(
                name,
                f"192.0.2.{place + 1}",
                f"/{name}",
                tuple(
                    (begin, each.rates[place])
                    for begin, each in zip(begins, self.stretches, strict=True)
                ),
                answer_bytes=self.answer_bytes[place],
                spread=0.5 if name == BULK else 0.0,
            )
            for place, name in enumerate(CLIENTS)
        )

    def backends(self) -> tuple[Server, ...]:
        """The servers, which saturate."""
        routes = tuple(
            RouteCost(f"/{name}", cost) for name, cost in zip(CLIENTS, self.costs, strict=True)
        )
        phases = tuple(
            Phase("slow", begin, begin + each.seconds, each.slow)
            for begin, each in zip(self.begins(), self.stretches, strict=True)
            if each.slow > 1
        )
        return tuple(
            Server(
                id=f"server{number}",
                port=8000 + number,
                base_delay_ms=BASE_MS,
                service=ServiceProfile(
                    sizes="lognormal",
                    spread=0.5,
                    slots=SLOTS,
                    queue_limit=1000,
                    paired_sizes=True,
                    routes=routes,
                    phases=phases if number == self.servers else (),
                ),
            )
            for number in range(1, self.servers + 1)
        )

    def balancer(self, rules: tuple[dict[str, Any], ...] | None) -> LoadBalancer:
        """The node's settings with these rules; None for no shaping at all."""
        return LoadBalancer.model_validate(
            {
                "admission": self.admission,
                "shaping": {"enabled": rules is not None, "rules": list(rules or ())},
            }
        )

    def shortened(self, factor: float) -> Scenario:
        """The same with shorter stretches."""
        return replace(
            self,
            stretches=tuple(
                replace(each, seconds=each.seconds * factor) for each in self.stretches
            ),
        )


def static_rules(
    batch_rate: float | None,
    bulk_rate: float | None,
    bulk_bytes: float | None,
    in_flight: int | None = None,
) -> tuple[dict[str, Any], ...]:
    """Rules as one writes them by hand: interactive requests first, bounds for the others.

    Args:
        in_flight: of batch and of bulk, each.
    """
    held = {"client_by": "rule", "delay_seconds": 2.0, "waiting": 100}
    rules = (
        {"name": INTERACTIVE, "urgency": 1, "weight": 4.0},
        {"name": BATCH, "urgency": 4, "requests_per_second": batch_rate, "in_flight": in_flight},
        {
            "name": BULK,
            "urgency": 6,
            "requests_per_second": bulk_rate,
            "download_bytes_per_second": bulk_bytes,
            "in_flight": in_flight,
        },
    )
    return tuple({**held, "match": {"paths": [f"/{each['name']}"]}, **each} for each in rules)


TUNED = static_rules(50.0, 8.0, 9e6, 6)
"""The static rules: what ``python -m evaluation.shaping tune`` finds for the usual load."""

TARGETS = {
    INTERACTIVE: Targets(p95_seconds=TARGET_SECONDS, weight=4.0),
    BATCH: Targets(requests_per_second=15.0),
    BULK: Targets(requests_per_second=3.0),
}
"""What the clients tell the node that they want."""


def adaptive_section(agent: str, explore_most: float = 0.1, guard: bool = True) -> AdaptiveShaping:
    """The adaptive mode as the operator configures it: envelopes around the static rules."""
    return AdaptiveShaping.model_validate(
        {
            "enabled": True,
            "agent": agent,
            "explore_most": explore_most,
            "history": 1000,
            "guard": {"enabled": guard},
            # What the interactive client misses weighs more than what the others lose.
            "weights": {"others": 5},
            "envelopes": [
                {"rule": INTERACTIVE, "urgency": {"least": 0, "most": 2, "step": 1}},
                {
                    "rule": BATCH,
                    "requests_per_second": {"least": 12, "most": 100, "step": 1.4},
                },
                {
                    "rule": BULK,
                    "requests_per_second": {"least": 2, "most": 8, "step": 1.4},
                    "download_bytes_per_second": {"least": 2e6, "most": 9e6, "step": 1.5},
                },
            ],
        }
    )
