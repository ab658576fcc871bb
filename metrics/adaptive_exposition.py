"""What agents of adaptive shaping do, in Prometheus's words: by client, for those in the mode are
bounded by the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class AgentSeen:
    """Of one client. What is a second is of the latest interval.

    Attributes:
        rule: the name of its rule.
        reward: a moving mean.
        intervals: that it was in the mode, and so many of them missed a target: ``violated``.
        others_violations: share of the other clients' targets that were missed, a moving mean.
        guard_trips: times that the operator's rule was put back.
        experience: steps that its agent was taught.
        held: the operator's rule is in force now.
        frozen: its agent neither learns nor explores.
        levers: where they stand, by name; those without a bound are left out.
    """

    rule: str
    reward: float = 0.0
    intervals: int = 0
    violated: int = 0
    others_violations: float = 0.0
    guard_trips: int = 0
    experience: int = 0
    held: bool = False
    frozen: bool = False
    levers: Mapping[str, float] = field(default_factory=dict)
    requests_per_second: float = 0.0
    p95_seconds: float = 0.0
    sent_bytes_per_second: float = 0.0
    refused_per_second: float = 0.0
    round_trip_seconds: float = 0.0
    retransmitted: int = 0


@dataclass(frozen=True, slots=True)
class AdaptiveSeen:
    """Of all clients in the mode.

    Attributes:
        agents: by the client's name.
        step_seconds: that the last step of all took of the event loop's time.
    """

    agents: Mapping[str, AgentSeen] = field(default_factory=dict)
    step_seconds: float = 0.0


_GAUGES = (
    ("slb_adaptive_reward", "Of the latest intervals, a moving mean.", "reward"),
    (
        "slb_adaptive_others_violations",
        "Share of the other clients' targets that were missed, a moving mean.",
        "others_violations",
    ),
    ("slb_adaptive_experience", "Steps that the agent was taught.", "experience"),
    ("slb_adaptive_held", "1 while the guard keeps the operator's rule in force.", "held"),
    ("slb_adaptive_frozen", "1 while the agent neither learns nor explores.", "frozen"),
    (
        "slb_adaptive_requests_per_second",
        "Answered in the latest interval.",
        "requests_per_second",
    ),
    (
        "slb_adaptive_p95_seconds",
        "To the first byte, 95th percentile of the latest interval.",
        "p95_seconds",
    ),
    (
        "slb_adaptive_sent_bytes_per_second",
        "Written to the client in the latest interval.",
        "sent_bytes_per_second",
    ),
    (
        "slb_adaptive_refused_per_second",
        "Refused by its rule in the latest interval.",
        "refused_per_second",
    ),
    (
        "slb_adaptive_round_trip_seconds",
        "Of its connections, as the kernel sees it; 0 unknown.",
        "round_trip_seconds",
    ),
    (
        "slb_adaptive_retransmitted_segments",
        "TCP segments sent again in the latest interval.",
        "retransmitted",
    ),
)
_COUNTERS = (
    ("slb_adaptive_intervals", "That the client was in the mode.", "intervals"),
    ("slb_adaptive_violated_intervals", "In which it missed a target.", "violated"),
    (
        "slb_adaptive_guard_trips",
        "Times that the operator's rule was put back.",
        "guard_trips",
    ),
)


def adaptive_families(seen: AdaptiveSeen) -> Iterator[Metric]:
    """All of it."""
    yield GaugeMetricFamily(
        "slb_adaptive_clients", "Clients whose rules agents set.", value=len(seen.agents)
    )
    yield GaugeMetricFamily(
        "slb_adaptive_step_seconds",
        "That all agents together took at the end of the last interval.",
        value=seen.step_seconds,
    )
    labels = ["rule", "client"]
    for title, text, attribute in _GAUGES:
        gauge = GaugeMetricFamily(title, text, labels=labels)
        for name, agent in seen.agents.items():
            gauge.add_metric([agent.rule, name], float(getattr(agent, attribute)))
        yield gauge
    for title, text, attribute in _COUNTERS:
        counter = CounterMetricFamily(title, text, labels=labels)
        for name, agent in seen.agents.items():
            counter.add_metric([agent.rule, name], float(getattr(agent, attribute)))
        yield counter
    levers = GaugeMetricFamily(
        "slb_adaptive_lever", "Where a lever stands.", labels=[*labels, "lever"]
    )
    for name, agent in seen.agents.items():
        for lever, value in agent.levers.items():
            levers.add_metric([agent.rule, name, lever], value)
    yield levers
