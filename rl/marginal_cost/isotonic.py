"""Isotonic regression: the nearest sequence that never falls."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf


def nondecreasing(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nondecreasing sequence of least weighted squared distance (pool adjacent violators:
    Ayer, Brunk, Ewing, Reid and Silverman 1955). O(n).

    Args:
        weights: 0 or more each; where neighbours with weight 0 meet, their plain mean is taken.
    """
    means: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    last = -inf
    for value, weight in zip(values, weights, strict=True):
        size = 1
        while last > value:
            mean, mass, before = means.pop(), masses.pop(), sizes.pop()
            total = mass + weight
            if total > 0.0:
                value = (mean * mass + value * weight) / total
            else:
                value = (mean * before + value * size) / (before + size)
            weight = total
            size += before
            last = means[-1] if means else -inf
        last = value
        means.append(value)
        masses.append(weight)
        sizes.append(size)
    if len(means) == len(values):
        return means
    found: list[float] = []
    for mean, size in zip(means, sizes, strict=True):
        found += [mean] * size
    return found
