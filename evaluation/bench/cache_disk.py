"""What the cache's file costs: writing in its thread, looking for what is there and what is not.

    python -m evaluation.bench.cache_disk --responses 100000

A look is made on the event loop of a node, so it must be short. Prints microseconds of the middle
and of the slowest hundredth. The file is as fresh in the system's memory as it is in a busy node; a
look at one that has to come from the disk first takes as long as that disk does.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.caching import CacheSettings
from load_balancer.cache_file import CacheFile, cache_file
from load_balancer.caching.storing import build

LOOKS = 20_000
PAUSE_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds: of a response written, all in all; of looks, each."""

    written: float
    found: tuple[float, ...]
    missing: tuple[float, ...]

    def lines(self) -> list[str]:
        """For a person."""
        parts = [f"written: {self.written:.1f} µs a response"]
        for name, values in (("found", self.found), ("missing", self.missing)):
            ordered = sorted(values)
            middle, slow = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
            parts.append(f"{name}: {middle:.1f} µs, the slowest hundredth from {slow:.1f} µs on")
        return parts


def measured(folder: Path, responses: int, body_bytes: int, looks: int = LOOKS) -> Costs:
    """Through a file in this folder. Raises OSError."""
    settings = CacheSettings(
        enabled=True, disk=str(folder / "cache.db"), disk_bytes=1 << 36, disk_queue_bytes=1 << 36
    )
    file = cache_file(settings)
    assert file is not None
    file.open()
    try:
        body, now = os.urandom(body_bytes), time.time()
        fields = [(b"Cache-Control", b"max-age=3600"), (b"Content-Type", b"text/plain")]
        for number in range(responses):
            file.evicted(build(_key(number), (), now, now, 200, b"OK", fields, body, settings))
        began = time.perf_counter()
        file.flush()
        while file.written < responses:
            time.sleep(PAUSE_SECONDS)
        written = (time.perf_counter() - began) / responses
        file.flush()
        dice = random.Random(0)
        there = [_key(dice.randrange(responses)) for _ in range(looks)]
        found = _looked(file, there)
        return Costs(1e6 * written, found, _looked(file, [f"{key}/no" for key in there]))
    finally:
        file.close()


def _looked(file: CacheFile, keys: Sequence[str]) -> tuple[float, ...]:
    times = []
    for key in keys:
        began = time.perf_counter()
        file.find(key)
        times.append(1e6 * (time.perf_counter() - began))
    return tuple(times)


def _key(number: int) -> str:
    return f"http://domain{number % 97}.example/item/{number}"


def main(argv: Sequence[str] | None = None) -> int:
    it = argparse.ArgumentParser(prog="cache_disk", description="What the cache's file costs.")
    it.add_argument("--responses", type=int, default=100_000, help="(%(default)s)")
    it.add_argument("--bytes", type=int, default=1024, help="of each body (%(default)s)")
    options = it.parse_args(argv)
    if options.responses < 1 or options.bytes < 0:
        print("cache_disk: --responses must be above 0, --bytes not below it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        costs = measured(Path(folder), options.responses, options.bytes)
    print("\n".join(costs.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
