"""The settings of adaptive shaping: an agent for each client that asks for one, and the bounds
within which it may move the client's rule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from config.federation import Federation
from config.section import Flag, Name, Number, Seconds, Section, Share
from rl.shaping.envelope import Bounds
from rl.shaping.guard import GuardParameters
from rl.shaping.reward import Weights
from rl.shaping.settings import LEVERS

Tag = Annotated[str, Field(min_length=1, max_length=256)]
Interface = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,15}$")]
MOST_PATHS = 63


class Path(Section):
    """Another way to endpoints than the rule's own; what is not given is as the rule has it."""

    pool: Tag | None = None
    source_address: IPvAnyAddress | None = None
    interface: Interface | None = None

    @model_validator(mode="after")
    def _goes_elsewhere(self) -> Path:
        if self.pool is None and self.source_address is None and self.interface is None:
            raise ValueError("must name a pool, source_address or interface")
        return self


class EnvelopeBounds(Section):
    """How far an agent may move each lever of one rule. A lever without bounds is never moved.

    ``step`` and ``per_minute`` are factors of rates and bursts, and sums of the other levers.
    """

    requests_per_second: Bounds | None = None
    download_bytes_per_second: Bounds | None = None
    burst: Bounds | None = None
    urgency: Bounds | None = None
    drop_probability: Bounds | None = None
    # Besides the rule's own, which is the first.
    paths: Annotated[tuple[Path, ...], Field(max_length=MOST_PATHS)] = ()
    frozen: Flag = False

    @model_validator(mode="after")
    def _within_reach(self) -> EnvelopeBounds:
        for lever, bounds in self.bounds().items():
            bounds.check(lever)
        return self

    def bounds(self) -> dict[str, Bounds]:
        """By the name of the lever, of those that may be moved; ``paths`` are not among them."""
        found = ((lever, getattr(self, lever)) for lever in LEVERS if lever != "path")
        return {lever: bounds for lever, bounds in found if bounds is not None}


class RuleEnvelope(EnvelopeBounds):
    """The bounds for clients of one rule."""

    rule: Name


def _distinct(envelopes: tuple[RuleEnvelope, ...]) -> tuple[RuleEnvelope, ...]:
    seen: set[str] = set()
    for each in envelopes:
        if each.rule in seen:
            raise ValueError(f"rule: two envelopes are for {each.rule!r}")
        seen.add(each.rule)
    return envelopes


class AdaptiveShaping(Section):
    """Agents that set the rules of their clients; off unless ``enabled``, and for each client until
    it, or the operator, enables it.

    Every ``interval_seconds`` each agent sees its client's interval and moves one lever by one
    step, within the envelope of the client's rule. A share ``explore_most`` of its actions at
    first, shrinking to ``explore_least`` by ``explore_decay`` a step, is tried to learn; ``prior``
    is the weight of what is known before anything was learned. ``share`` says whether each client
    has an agent of its own, or those of a rule have what they learn in common. What was learned is
    kept in ``checkpoint``, what was done is written to ``log``, a JSON line a step.
    """

    enabled: Flag = False
    interval_seconds: Annotated[float, Number, Field(ge=0.05, le=3600)] = 1.0
    agent: Literal["tabular", "dqn", "ppo", "aimd", "static"] = "tabular"
    share: Literal["client", "rule"] = "client"
    explore_most: Share = 0.1
    explore_least: Share = 0.01
    explore_decay: Annotated[float, Number, Field(gt=0, le=1)] = 0.995
    discount: Annotated[float, Number, Field(ge=0, lt=1)] = 0.95
    prior: Annotated[float, Number, Field(ge=0, le=1000)] = 1.0
    cooperative: Flag = True
    weights: Weights = Weights()
    guard: GuardParameters = GuardParameters()
    clients: Annotated[int, Number, Field(ge=1, le=10_000)] = 100
    history: Annotated[int, Number, Field(ge=1, le=10_000)] = 100
    checkpoint: Annotated[str, Field(min_length=1)] | None = None
    save_interval_seconds: Seconds = 60.0
    log: Annotated[str, Field(min_length=1)] | None = None
    envelopes: Annotated[
        tuple[RuleEnvelope, ...], Field(max_length=1000), AfterValidator(_distinct)
    ] = ()
    federation: Federation = Federation()

    @model_validator(mode="after")
    def _shrinks(self) -> AdaptiveShaping:
        if self.explore_least > self.explore_most:
            raise ValueError(
                f"explore_least: {self.explore_least:g} is more than explore_most, "
                f"{self.explore_most:g}"
            )
        return self
