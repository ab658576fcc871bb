"""Runs made of dice, with a known truth; and short scenarios to be played."""

import random
from collections.abc import Sequence

from evaluation.records import Circumstances, Machine
from evaluation.shaping.arms import CALM_PART, FIRST, FLOOD_PART, PARTS, SHIFT
from evaluation.shaping.experiment import VIRTUAL, ShapingResult
from evaluation.shaping.records import CLIENTS, Decided, Played, Window
from evaluation.shaping.scenario import Scenario, Stretch

SECONDS = 40
SHORT = Scenario(
    (Stretch("usual", 4, (20.0, 50.0, 8.0)), Stretch("more", 4, (80.0, 50.0, 8.0), slow=2.0)),
    measured_from=1.0,
)
MISSED = {"none": 0.9, "static": 0.4, "tabular": 0.05, "aimd": 0.3}
COMPLETED = {"none": 100, "static": 90, "tabular": 98, "aimd": 92}
PAID = {"tabular": 1.0, "tabular_untrained": 0.5}


def run(arm: str, seed: int, seconds: int = SECONDS, p95: float = 0.05) -> Played:
    """Seeds differ; differences of arms are nearly the same in each."""
    dice = random.Random(seed)
    own = random.Random(f"{arm} {seed}")
    share = MISSED.get(arm, 0.2) + dice.uniform(-0.03, 0.03)
    completed = COMPLETED.get(arm, 95) + dice.randrange(-3, 4)

    def window(second: int, name: str) -> Window:
        missed = name == "interactive" and (second % 20) / 20 < share
        latency = (1.0 if missed else p95) * own.uniform(0.99, 1.01)
        return Window(completed + 5, completed, 3, 2, 1000 * completed, latency)

    decided = tuple(
        Decided(float(second), 50.0, 1e6, 3, "keep", "agent", PAID.get(arm, 0.8))
        for second in range(1, seconds)
    )
    return Played(
        arm,
        seed,
        {name: tuple(window(second, name) for second in range(seconds)) for name in CLIENTS},
        {name: (window(19, name), window(19, name)) for name in CLIENTS},
        {} if arm == "none" else dict.fromkeys(CLIENTS, decided),
    )


def result(
    arms: Sequence[str] = ("none", "static", "aimd", "tabular"), seeds: int = 6
) -> ShapingResult:
    """Of all parts."""
    agents = [arm for arm in arms if arm != "none"]
    learners = [arm for arm in arms if arm == "tabular"]
    played = {
        SHIFT: tuple(run(arm, seed) for seed in range(seeds) for arm in arms),
        CALM_PART: tuple(run(arm, seed, 10) for seed in range(seeds) for arm in agents),
        FLOOD_PART: tuple(
            run(arm, seed, 10, 0.08 if arm == "aimd" else 0.051)
            for seed in range(seeds)
            for arm in agents
        ),
        FIRST: tuple(
            run(each, seed, 10)
            for seed in range(seeds)
            for arm in learners
            for each in (arm, f"{arm}_untrained")
        ),
    }
    short = Scenario((Stretch("a", 20, (1.0, 1.0, 1.0)), Stretch("b", 20, (1.0, 1.0, 1.0))))
    return ShapingResult(
        VIRTUAL,
        tuple(arms),
        tuple(range(seeds)),
        played,
        {**PARTS, SHIFT: short},
        Circumstances(
            started="2026-01-02T03:04:05Z",
            finished="2026-01-02T03:05:05Z",
            command="python typed",
            scenario="shaping",
            description="three clients",
            commit="0123456",
            machine=Machine(2, "one", "Linux", "Python 3.11", 0.1, 0.2, {}),
            settings="",
        ),
        {},
    )
