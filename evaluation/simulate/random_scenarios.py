"""Scenarios made of dice, so that nobody can tune a router to them. Pure.

Number ``i`` under seed ``s`` is always the same one, and another seed makes others: 3 to 16 servers
with 1 to 16 slots (in six of ten scenarios the same for all), a load of 0.3 to 0.9, a speed spread
of 1, 1.5 or 3 (servers are up to that much faster or slower than the middle, log-uniform), one of
four distributions of sizes, and 1 or 3 balancers. No classes, caches or failures.
"""

from __future__ import annotations

import random
import re
from itertools import starmap

from config.schema import Experiment, Server, Settings
from config.simulation import Simulation
from config.traffic import MixEntry, Traffic
from rl.simulation.profile import ServiceProfile

SIZES: tuple[ServiceProfile, ...] = (
    ServiceProfile(sizes="uniform", spread=0.1),
    ServiceProfile(sizes="exponential"),
    ServiceProfile(sizes="lognormal", spread=0.5),
    ServiceProfile(sizes="lognormal", spread=2.0),
)
SERVERS = (3, 16)
SLOTS = (1, 16)
SAME_SLOTS = 0.6
LOAD = (0.3, 0.9)
SPEED_SPREADS = (1.0, 1.5, 3.0)
BALANCERS = (1, 3)
MIDDLE_MS = (40.0, 120.0)
"""Where the middle of the servers' means lies; the unit of time, which decides nothing else."""

MOST_REQUESTS = 60_000
"""A run is shorter than the usual 60 s if it would have more."""

_ONE = re.compile(r"random#(\d{1,6})")
_SUITE = re.compile(r"random:(\d{1,6})")


def suite(text: str) -> list[str] | None:
    """The names of the scenarios of ``random:60``; None if it is no such text."""
    match = _SUITE.fullmatch(text)
    return [f"random#{number}" for number in range(int(match[1]))] if match else None


def is_one(scenario: str) -> bool:
    """Whether it is the name of a random scenario, such as ``random#17``."""
    return _ONE.fullmatch(scenario) is not None


def settings_of(scenario: str, seed: int) -> Settings:
    """That random scenario under that seed.

    Raises:
        ValueError: it is not the name of one.
    """
    match = _ONE.fullmatch(scenario)
    if match is None:
        raise ValueError(f"{scenario!r} is not the name of a random scenario, such as random#17")
    return make(random.Random(f"scenario/{seed}/{int(match[1])}"))


def make(dice: random.Random) -> Settings:
    """A scenario as the dice will."""
    count = dice.randint(*SERVERS)
    common = dice.randint(*SLOTS) if dice.random() < SAME_SLOTS else None
    load = dice.uniform(*LOAD)
    spread = dice.choice(SPEED_SPREADS)
    sizes = dice.choice(SIZES)
    balancers = dice.choice(BALANCERS)
    middle = dice.uniform(*MIDDLE_MS)
    kinds = [
        (round(middle * spread ** dice.uniform(-1.0, 1.0), 3), common or dice.randint(*SLOTS))
        for _ in range(count)
    ]
    rate = load * sum(slots / (delay / 1000.0) for delay, slots in kinds)
    duration = min(60.0, MOST_REQUESTS / rate)

    def server(number: int, delay: float, slots: int) -> Server:
        return Server(
            id=f"server{number}",
            port=9000 + number,
            base_delay_ms=delay,
            service=ServiceProfile(sizes=sizes.sizes, spread=sizes.spread, slots=slots),
        )

    numbered = ((number, *kind) for number, kind in enumerate(kinds, start=1))
    return Settings(
        servers=tuple(starmap(server, numbered)),
        traffic=Traffic(mix=(MixEntry(path="/item/{n}"),)),
        simulation=Simulation(
            balancers=balancers, duration_seconds=duration, warmup_seconds=duration / 12.0
        ),
        experiment=Experiment(
            request_rate=rate,
            description=(
                f"{count} servers, {common or 'various'} slots, load {load:.2f}, speeds up to"
                f" {spread:g} off, {sizes.sizes} sizes, {balancers} balancers"
            ),
        ),
    )
