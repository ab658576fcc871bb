"""What the simulator says of an experiment: the same settings, strategies, seeds in virtual time.

Knows nothing of what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.schema import Experiment, Settings
from evaluation.progress import Steps
from evaluation.records import Foretold
from evaluation.simulate.measures import measure
from evaluation.simulate.run import simulate


class CannotForetell(Exception):
    """The simulator cannot play this; the message says why."""


def foretell(
    settings: Settings, strategies: Sequence[str], seeds: Sequence[int], progress: Steps
) -> tuple[Foretold, ...]:
    """Every strategy under every seed, as ``as_played`` has made the settings.

    Raises:
        CannotForetell: a setting is not simulated, or nothing is left to count.
    """
    return tuple(
        _one(settings, strategy, seed, progress) for seed in seeds for strategy in strategies
    )


def as_played(settings: Settings, experiment: Experiment, timed: bool) -> Settings:
    """The settings in which a run in virtual time is as long as a live one, with as long a warm-up,
    as many requests a second, and the same time until an attempt is given up.

    Args:
        timed: whether the live runs' length is that of ``settings.simulation``; else it is that of
            the experiment's requests.
    """
    changes: dict[str, object] = {}
    if not timed:
        rate = experiment.request_rate
        changes["duration_seconds"] = experiment.requests / rate
        changes["warmup_seconds"] = experiment.warmup_requests / rate
    if settings.simulation.timeout_seconds is None:
        # Live there always is one; and without any, what hangs would never end.
        changes["timeout_seconds"] = settings.load_balancer.deadlines.first_byte_seconds
    simulation = settings.simulation.model_copy(update=changes)
    return settings.model_copy(update={"experiment": experiment, "simulation": simulation})


def _one(settings: Settings, strategy: str, seed: int, progress: Steps) -> Foretold:
    try:
        row = measure(settings, simulate(settings, strategy, seed), "").row
    except ValueError as error:
        raise CannotForetell(str(error)) from None
    progress.step(f"simulated {strategy}, seed {seed}")
    return Foretold(
        strategy,
        seed,
        row.mean,
        row.p50,
        row.p95,
        row.p99,
        row.failure_rate,
        row.cost,
        row.requests,
    )
