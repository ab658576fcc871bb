"""What the adaptive mode is told, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rl.shaping.agents import Conduct
from rl.shaping.envelope import Envelope
from rl.shaping.guard import GuardParameters
from rl.shaping.reading import Reading, Targets
from rl.shaping.reward import Reward, Weights
from rl.shaping.settings import Setting

REMEMBERED = 4
"""For each client that may be in the mode, so many are remembered that were, or have targets."""


class UnknownClient(LookupError):
    """There is no such client, or nothing is known of it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no client {name!r}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Path:
    """How requests go instead of as the operator's rule has it; what is None stays.

    Attributes:
        pool: endpoints with this tag only.
        source_address, interface: by which they are reached.
    """

    pool: str | None = None
    source_address: str | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class RuleEnvelope:
    """The operator's bounds for the clients of one rule.

    Attributes:
        envelope: its ``paths`` are one more than there are here.
        paths: that may be taken besides the rule's own.
    """

    envelope: Envelope
    paths: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: the envelope counts other paths.
        """
        if self.envelope.paths != len(self.paths) + 1:
            raise ValueError(f"paths: must be {self.envelope.paths - 1}, not {len(self.paths)}")


@dataclass(frozen=True, slots=True)
class AdaptiveSettings:
    """How the mode works; what stands in the configuration, ready for use.

    Attributes:
        envelopes: by the rule's name; a client whose rule has none cannot be in the mode.
        agent: the kind.
        share: one agent for each ``client``, or one for all clients of a ``rule``.
        weights: of the rewards.
        cooperative: others' missed targets are part of a reward.
        history: steps that are remembered of each client.
        clients: in the mode at the most.
        conduct: how agents learn and explore.
        guard: when the operator's rule is put back.
    """

    envelopes: Mapping[str, RuleEnvelope]
    agent: str = "tabular"
    share: str = "client"
    weights: Weights = field(default_factory=Weights)
    cooperative: bool = True
    history: int = 100
    clients: int = 1000
    conduct: Conduct = field(default_factory=Conduct)
    guard: GuardParameters = field(default_factory=GuardParameters)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One interval of one client, as it is shown.

    Attributes:
        at: when it ended.
        action: the name of what was done then (``rl.shaping.settings.ACTIONS``).
        explored: it was not what looked best.
        reason: one plain sentence.
        before, after: the setting.
        reward: of the interval that ended.
        missed: targets of the client, in it.
        others_violations: share of the other clients' targets that were missed, in it.
        held_by: who sets the rule from now on: ``agent``, or ``guard`` while it has put the
            operator's rule back, or ``baseline`` while that is measured.
    """

    at: float
    action: str
    explored: bool
    reason: str
    before: Setting
    after: Setting
    reward: Reward | None
    missed: tuple[str, ...]
    others_violations: float
    held_by: str


@dataclass(frozen=True, slots=True)
class ClientState:
    """A client that is in the adaptive mode, was in it, or has told its targets.

    Attributes:
        name, rule: its own and its rule's.
        agent: the kind.
        enabled, frozen: whether it is in the mode, and whether its agent neither learns nor
            explores.
        held_by: see StepRecord.
        reason: why the guard holds it; "" else.
        setting, static: in force, and as the operator's rule has it.
        targets: of the client.
        reading: the latest; None before the first.
        experience: steps that its agent was taught.
        intervals: that it was in the mode and not idle.
        reward: a moving mean.
        violated: intervals in which it missed a target.
        others_violations: a moving mean.
        guard_trips: how often the guard has put the operator's rule back.
        application: the latest of its own metrics.
        history: the latest steps, oldest first.
    """

    name: str
    rule: str
    agent: str
    enabled: bool
    frozen: bool
    held_by: str
    reason: str
    setting: Setting
    static: Setting
    targets: Targets
    reading: Reading | None
    experience: int
    intervals: int
    reward: float
    violated: int
    others_violations: float
    guard_trips: int
    application: Mapping[str, float]
    history: Sequence[StepRecord]
