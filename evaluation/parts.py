"""Several experiments, measured one after the other for one report, foretold by the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config.schema import Experiment, Settings
from evaluation.foretelling import CannotForetell, as_played, foretell
from evaluation.measuring import announcement as announced
from evaluation.progress import Steps
from evaluation.records import ComparisonResult
from evaluation.runner import EvaluationRunner, check
from evaluation.testbed import ExperimentError
from traffic.generator import new_event_loop

OVERHEAD_SECONDS = 2.0
"""Of a run, for its balancers' beginning and end."""


@dataclass(frozen=True, slots=True)
class Part:
    """One experiment that is asked for.

    Attributes:
        title: heads it, where there are several.
        name: of its folder in the report, if it is not the first.
        scenario: where its settings come from.
        timed: see ``EvaluationRunner``.
    """

    settings: Settings
    experiment: Experiment
    scenario: str = ""
    timed: bool = False
    title: str = ""
    name: str = ""

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        experiment = self.experiment
        runs = len(experiment.strategies) * len(experiment.seeds)
        length = experiment.requests / experiment.request_rate
        return runs * (length + OVERHEAD_SECONDS) + 5.0


def announcement(parts: Sequence[Part]) -> str:
    """What will be done, and how long it takes."""
    seconds = sum(part.seconds for part in parts)
    first = parts[0].experiment
    rest = "".join(f"; then {part.title.lower()}: {_load(part.experiment)}" for part in parts[1:])
    return announced(f"{', '.join(first.strategies)}: {_load(first)}{rest}", seconds)


def measure(parts: Sequence[Part], command: str) -> list[ComparisonResult]:
    """The results, as many as there were begun: what is interrupted ends it.

    Raises:
        ExperimentError: one cannot be run, or a process died before any run of the first was
            complete.
    """
    for part in parts:
        check(part.experiment)
    results: list[ComparisonResult] = []
    for part in parts:
        runner = EvaluationRunner(
            part.settings, scenario=part.scenario, command=command, timed=part.timed
        )
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as loop:
                result = loop.run(runner.measure(part.experiment))
        except ExperimentError as error:
            if not results:
                raise
            results[-1] = replace(results[-1], interrupted=True, problem=str(error))
            return results
        results.append(result if result.interrupted else foretold(part, result))
        if result.interrupted:
            break
    return results


def foretold(part: Part, result: ComparisonResult) -> ComparisonResult:
    """The result with what the simulator says; without it if that is interrupted."""
    settings = as_played(part.settings, part.experiment, part.timed)
    experiment = part.experiment
    progress = Steps(len(experiment.strategies) * len(experiment.seeds))
    try:
        found = foretell(settings, experiment.strategies, experiment.seeds, progress)
    except CannotForetell as error:
        return replace(result, unforetold=str(error))
    except KeyboardInterrupt:
        return replace(result, unforetold="it was interrupted")
    finally:
        progress.close()
    return replace(result, foretold=found)


def _load(experiment: Experiment) -> str:
    return (
        f"{experiment.requests} requests at {experiment.request_rate:g}/s for each of"
        f" {len(experiment.seeds)} seeds"
    )
