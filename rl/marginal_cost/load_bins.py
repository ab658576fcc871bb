"""Loads in bins: one for each job while they are few, wider and wider ones above."""

from __future__ import annotations

SINGLE = 12
"""Loads below that have a bin each."""

WIDER = 1.25
"""Above them each bin is that much wider."""


def _loads() -> list[float]:
    loads = [float(n) for n in range(SINGLE)]
    edge = float(SINGLE)
    while edge < 400.0:
        loads.append(edge * (1.0 + WIDER) / 2.0 - 0.5 if edge > SINGLE else edge + 1.0)
        edge *= WIDER
    return loads


LOADS = _loads()
"""The load in the middle of each bin."""

STAYING = [load + 1.0 for load in LOADS]
"""Jobs that are there once one more has come."""

ROUNDED = [int(load + 0.5) for load in LOADS]

BINS = len(LOADS)


def _bins() -> list[int]:
    found = []
    edges = [(LOADS[b] + LOADS[b + 1]) / 2.0 for b in range(BINS - 1)]
    b = 0
    for load in range(513):
        while b < BINS - 1 and load > edges[b]:
            b += 1
        found.append(b)
    return found


BIN = _bins()
"""By the rounded load."""

TOP = len(BIN) - 1
"""Loads above that count as that."""
