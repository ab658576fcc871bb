"""The whole experiment with shaping: what runs, in which order, and with which seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from evaluation.checkpoint_file import CheckpointError
from evaluation.machine import Beginning
from evaluation.progress import Steps
from evaluation.records import Circumstances
from evaluation.shaping.arms import ARMS, LEARNED, LEARNERS, PARTS, Task, learned, play, tasks
from evaluation.shaping.records import Played
from evaluation.shaping.scenario import Scenario
from evaluation.testbed import ExperimentError
from rl.vocabulary import JSON

SEEDS = 10
QUICK_SEEDS = 5
QUICK_SHARE = 0.5
"""How long stretches last when quick, of their length."""
VIRTUAL, LIVE = "virtual", "live"
RUN_SECONDS = 3.0
"""What a virtual run of 210 s takes, for the announcement."""
LIVE_SECONDS = 6.0
"""What starting and ending the processes of a live run takes."""


@dataclass(frozen=True, slots=True)
class ShapingResult:
    """What was measured.

    Attributes:
        setting: virtual or live.
        played: by the part of the experiment.
        scenarios: of each part.
        without: arms that were left out, and why.
    """

    setting: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    played: Mapping[str, tuple[Played, ...]]
    scenarios: Mapping[str, Scenario]
    circumstances: Circumstances
    without: Mapping[str, str]
    interrupted: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured.

    Attributes:
        tasks: the runs.
        known: what arms that were trained begin with.
        without: see ShapingResult.
    """

    setting: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    tasks: tuple[Task, ...]
    scenarios: Mapping[str, Scenario]
    known: Mapping[str, Mapping[str, JSON]]
    without: Mapping[str, str]

    @property
    def run_seconds(self) -> float:
        """About as long as it takes."""
        if self.setting == LIVE:
            return sum(self.scenarios[each.part].seconds + LIVE_SECONDS for each in self.tasks)
        share = {name: each.seconds / 210 for name, each in self.scenarios.items()}
        return sum(RUN_SECONDS * share[each.part] for each in self.tasks)


def make_plan(
    seeds: Sequence[int] | None = None, quick: bool = False, folder: Path = LEARNED
) -> Plan:
    """The usual experiment in virtual time, or a short one. Arms without a usable checkpoint are
    left out."""
    count = QUICK_SEEDS if quick else SEEDS
    known: dict[str, Mapping[str, JSON]] = {}
    without: dict[str, str] = {}
    for arm in LEARNERS:
        try:
            known |= learned([arm], folder)
        except CheckpointError as error:
            without[arm] = str(error)
    arms = tuple(arm for arm in ARMS if arm not in without)
    used = tuple(seeds) if seeds is not None else tuple(range(count))
    return Plan(
        VIRTUAL,
        arms,
        used,
        tuple(tasks(arms, used)),
        {name: each.shortened(QUICK_SHARE) if quick else each for name, each in PARTS.items()},
        known,
        without,
    )


def measure(
    plan: Plan,
    command: str,
    run: Callable[[Task, Scenario], Played] | None = None,
    progress: Steps | None = None,
) -> ShapingResult:
    """All of it, or what was measured until Ctrl-C or until a process failed.

    Args:
        command: what a reader types to measure it again.
        run: in the place of a virtual run.

    Raises:
        ExperimentError, KeyboardInterrupt: before any run was complete.
    """
    beginning = Beginning.now()
    found: dict[str, list[Played]] = {name: [] for name in PARTS}
    interrupted, problem = False, ""
    steps = Steps(len(plan.tasks)) if progress is None else progress
    try:
        with closing(steps):
            for task in plan.tasks:
                scenario = plan.scenarios[task.part]
                played = play(task, plan.known, scenario) if run is None else run(task, scenario)
                found[task.part].append(played)
                steps.step(f"{task.part}, {task.arm}, seed {task.seed}")
    except KeyboardInterrupt:
        if not any(found.values()):
            raise
        interrupted = True
    except ExperimentError as error:
        if not any(found.values()):
            raise
        problem = str(error)
    return ShapingResult(
        plan.setting,
        plan.arms,
        plan.seeds,
        {name: tuple(each) for name, each in found.items()},
        plan.scenarios,
        beginning.circumstances(command, "shaping", "three clients on backends that saturate"),
        plan.without,
        interrupted,
        problem,
    )
