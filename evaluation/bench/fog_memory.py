"""Plays a fog and prints by how many MB the process has grown since it had numpy.

python -m evaluation.bench.fog_memory single 10
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import psutil

STEPS = 300


def main(argv: Sequence[str] | None = None) -> int:
    """What is measured is imported here, so that it counts."""
    kind, nodes = (sys.argv[1:] if argv is None else argv)[:2]
    process = psutil.Process()
    before = process.memory_info().rss
    from evaluation.bench.fog import ENVIRONMENTS, fog
    from rl.fog.env import FogEnv
    from rl.fog.vector import VectorFogEnv

    settings = fog(int(nodes))
    if kind == "single":
        env = FogEnv(settings)
        env.reset(seed=1)
        for _ in range(STEPS):
            env.step(dict.fromkeys(env.agents, 1))
    else:
        many = VectorFogEnv(settings, ENVIRONMENTS, seed=1)
        many.reset()
        for _ in range(STEPS):
            many.step(np.ones((ENVIRONMENTS, len(many.agents)), dtype=np.int64))
    print((process.memory_info().rss - before) / 1e6)
    return 0


if __name__ == "__main__":
    sys.exit(main())
