"""Episodes made of dice, with a known truth."""

import random
from collections.abc import Sequence

from evaluation.fog.checkpoints import Checkpoint, Point
from evaluation.fog.playing import Measured

RESPONSE = {"least_queue": 10.0, "local": 12.0, "ppo": 6.0}


def episode(algorithm: str, seed: int) -> Measured:
    """Seeds differ more than algorithms; their differences are nearly the same in each."""
    dice = random.Random(f"{algorithm} {seed}")
    fog = random.Random(seed).uniform(0, 30)
    response = RESPONSE.get(algorithm, 10.0) + fog + dice.uniform(-0.2, 0.2)
    return Measured(
        algorithm=algorithm,
        seed=seed,
        decisions=1000,
        reward=20.0 - response,
        total_reward=1000 * (20.0 - response),
        response=response,
        completed=1 - response / 100,
        dropped=response / 200,
        expired=0.0,
        overload=dice.uniform(0.0, 0.1),
        occupancy=response / 50,
        energy=8e7,
    )


def episodes(
    algorithms: Sequence[str] = ("least_queue", "local", "ppo"), seeds: int = 6
) -> list[Measured]:
    return [episode(name, seed) for seed in range(seeds) for name in algorithms]


def checkpoint(algorithm: str = "ppo", seed: int = 0, steps: int = 300) -> Checkpoint:
    """Without parameters."""
    dice = random.Random(seed)
    return Checkpoint(
        algorithm=algorithm,
        configuration="uneven",
        fingerprint="0123456789abcdef",
        reward="shared_cost",
        seed=seed,
        steps=steps,
        planned=300,
        fogs=4,
        seconds=12.5,
        parameters={},
        curve=[Point(at, at / 10, -5 + at / 100 + dice.random()) for at in range(100, 301, 100)],
    )
