"""Clients with agents as the admin port and the metrics show them, and what may be said of them
there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from config.adaptive import EnvelopeBounds
from load_balancer.shaping.adaptive import Adaptive, ClientState, StepRecord
from metrics.adaptive_exposition import AdaptiveSeen, AgentSeen
from rl.shaping.reading import MOST_METRICS, Reading, Targets
from rl.shaping.reward import Weights
from rl.shaping.settings import Setting

SHOWN_STEPS = 100
LONGEST_TARGET_SECONDS = 3600.0

MetricName: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$")]
Metric: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15)]
TargetSeconds: TypeAlias = Annotated[float, Field(ge=1e-6, le=LONGEST_TARGET_SECONDS)]


class Body(BaseModel):
    """What is sent to the admin port. A number is no text and no truth value."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Mode(Body):
    """Whether a client has an agent set its rule."""

    enabled: bool


class TargetsBody(Body):
    """What a client wants; null, or what is left out, wants nothing.

    ``p95_seconds`` to the first byte at the most; ``requests_per_second`` answered at the least, as
    long as so many come; ``deadline_seconds`` to the last byte at the most; ``weight`` of its own
    targets in its reward; ``application_target`` what its own metrics are to reach.
    """

    p95_seconds: TargetSeconds | None = None
    requests_per_second: Annotated[float, Field(ge=0.001, le=1e6)] | None = None
    deadline_seconds: TargetSeconds | None = None
    weight: Annotated[float, Field(ge=0.01, le=100)] = 1.0
    application_target: Annotated[
        dict[MetricName, Annotated[float, Field(ge=1e-9, le=1e15)]],
        Field(max_length=MOST_METRICS, json_schema_extra={"additionalProperties": False}),
    ] = {}

    def targets(self) -> Targets:
        """As agents have them."""
        return Targets(**self.model_dump())

    @classmethod
    def of(cls, targets: Targets) -> TargetsBody:
        """As they are shown."""
        return cls(
            p95_seconds=targets.p95_seconds,
            requests_per_second=targets.requests_per_second,
            deadline_seconds=targets.deadline_seconds,
            weight=targets.weight,
            application_target=dict(targets.application_target),
        )


class MetricsBody(RootModel[dict[MetricName, Metric]]):
    """The application's own figures, by name, as in ``{"frames_per_second": 24.5}``."""

    model_config = ConfigDict(
        strict=True, allow_inf_nan=False, json_schema_extra={"additionalProperties": False}
    )

    root: Annotated[dict[MetricName, Metric], Field(min_length=1, max_length=MOST_METRICS)]


class ParametersBody(RootModel[dict[str, JsonValue]]):
    """All that an agent has learned, as ``export`` gives it."""


class WeightsBody(Body):
    """Of the parts of a reward; what is left out gets its default."""

    throughput: Annotated[float, Field(ge=0, le=1000)] = Weights().throughput
    latency: Annotated[float, Field(ge=0, le=1000)] = Weights().latency
    efficiency: Annotated[float, Field(ge=0, le=1000)] = Weights().efficiency
    violation: Annotated[float, Field(ge=0, le=1000)] = Weights().violation
    others: Annotated[float, Field(ge=0, le=1000)] = Weights().others


class ModeState(BaseModel):
    """Whether a client has an agent now."""

    client: str
    enabled: bool


class RewardState(BaseModel):
    """What an interval was worth, and what that consists of."""

    total: float
    throughput: float
    latency: float
    efficiency: float
    violation: float
    others: float


class StepState(BaseModel):
    """One interval: what it was worth, and what was done at its end."""

    seconds_ago: float
    action: str
    explored: bool
    """It was tried to learn."""
    reason: str
    before: Setting
    after: Setting
    reward: RewardState | None
    """Of the interval that ended."""
    missed: list[str]
    """Targets that were not reached in it."""
    others_violations: float
    """Share of the other clients' targets that were not."""
    held_by: Literal["agent", "guard", "baseline"]
    """Who set the rule from then on."""


class AgentState(BaseModel):
    """A client and its agent."""

    client: str
    rule: str
    agent: str
    """Its kind."""
    enabled: bool
    frozen: bool
    """It neither learns nor explores."""
    held_by: Literal["agent", "guard", "baseline"]
    reason: str
    """Why the guard has put the operator's rule back; empty while it has not."""
    setting: Setting
    """In force."""
    static: Setting
    """As the operator's rule has it."""
    targets: TargetsBody
    missed: list[str]
    """Targets that were not reached in the latest interval."""
    reading: Reading | None
    """The latest interval."""
    experience: int
    """Steps that it was taught."""
    intervals: int
    reward: float
    """A moving mean."""
    violated: int
    """Intervals in which a target was not reached."""
    others_violations: float
    guard_trips: int
    application: dict[str, float]
    """The latest of the client's own metrics."""
    history: list[StepState]
    """The latest intervals, the last one last."""


class ClientRow(BaseModel):
    """A client with an agent, or with targets, in short. Throughput, latency and refusals are those
    of its latest interval."""

    client: str
    rule: str
    enabled: bool
    frozen: bool
    held_by: Literal["agent", "guard", "baseline"]
    reason: str
    reward: float
    requests_per_second: float
    p95_seconds: float
    sent_bytes_per_second: float
    refused_per_second: float
    intervals: int
    violated: int
    others_violations: float
    guard_trips: int
    experience: int
    setting: Setting
    targets: TargetsBody


class Overview(BaseModel):
    """All of adaptive shaping on this node."""

    agent: str
    share: str
    cooperative: bool
    weights: WeightsBody
    envelopes: dict[str, EnvelopeBounds]
    """By the name of the rule."""
    clients: list[ClientRow]


def agent_state(state: ClientState, now: float) -> AgentState:
    """Everything of one client."""
    reading = state.reading
    return AgentState(
        client=state.name,
        rule=state.rule,
        agent=state.agent,
        enabled=state.enabled,
        frozen=state.frozen,
        held_by=_who(state.held_by),
        reason=state.reason,
        setting=state.setting,
        static=state.static,
        targets=TargetsBody.of(state.targets),
        missed=[] if reading is None else state.targets.missed(reading),
        reading=reading,
        experience=state.experience,
        intervals=state.intervals,
        reward=state.reward,
        violated=state.violated,
        others_violations=state.others_violations,
        guard_trips=state.guard_trips,
        application=dict(state.application),
        history=[_step(record, now) for record in list(state.history)[-SHOWN_STEPS:]],
    )


def _step(record: StepRecord, now: float) -> StepState:
    reward = record.reward
    return StepState(
        seconds_ago=max(0.0, now - record.at),
        action=record.action,
        explored=record.explored,
        reason=record.reason,
        before=record.before,
        after=record.after,
        reward=None if reward is None else RewardState.model_validate(reward._asdict()),
        missed=list(record.missed),
        others_violations=record.others_violations,
        held_by=_who(record.held_by),
    )


def _who(held_by: str) -> Literal["agent", "guard", "baseline"]:
    return "guard" if held_by == "guard" else "baseline" if held_by == "baseline" else "agent"


def client_row(state: ClientState) -> ClientRow:
    """One client in short."""
    reading = state.reading or Reading()
    seconds = reading.seconds
    return ClientRow(
        client=state.name,
        rule=state.rule,
        enabled=state.enabled,
        frozen=state.frozen,
        held_by=_who(state.held_by),
        reason=state.reason,
        reward=state.reward,
        requests_per_second=reading.completed / seconds,
        p95_seconds=reading.p95_seconds,
        sent_bytes_per_second=reading.sent_bytes / seconds,
        refused_per_second=reading.refused / seconds,
        intervals=state.intervals,
        violated=state.violated,
        others_violations=state.others_violations,
        guard_trips=state.guard_trips,
        experience=state.experience,
        setting=state.setting,
        targets=TargetsBody.of(state.targets),
    )


def weights_of(weights: Weights) -> WeightsBody:
    """As they are shown."""
    return WeightsBody(
        throughput=weights.throughput,
        latency=weights.latency,
        efficiency=weights.efficiency,
        violation=weights.violation,
        others=weights.others,
    )


def seen_of(agents: Adaptive | None, step_seconds: float = 0.0) -> AdaptiveSeen | None:
    """What the metrics tell; None while there are no agents."""
    if agents is None:
        return None
    found: dict[str, AgentSeen] = {}
    for name in agents.clients():
        state = agents.state(name)
        found[name] = _agent_seen(state)
    return AdaptiveSeen(found, step_seconds)


def _agent_seen(state: ClientState) -> AgentSeen:
    reading = state.reading or Reading()
    levers: Mapping[str, float | None] = {
        "requests_per_second": state.setting.requests_per_second,
        "download_bytes_per_second": state.setting.download_bytes_per_second,
        "burst": state.setting.burst,
        "urgency": float(state.setting.urgency),
        "drop_probability": state.setting.drop_probability,
        "path": float(state.setting.path),
    }
    return AgentSeen(
        rule=state.rule,
        reward=state.reward,
        intervals=state.intervals,
        violated=state.violated,
        others_violations=state.others_violations,
        guard_trips=state.guard_trips,
        experience=state.experience,
        held=state.held_by != "agent",
        frozen=state.frozen,
        levers={name: value for name, value in levers.items() if value is not None},
        requests_per_second=reading.completed / reading.seconds,
        p95_seconds=reading.p95_seconds,
        sent_bytes_per_second=reading.sent_bytes / reading.seconds,
        refused_per_second=reading.refused / reading.seconds,
        round_trip_seconds=reading.round_trip_seconds,
        retransmitted=reading.retransmitted,
    )
