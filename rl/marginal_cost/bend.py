"""From which load on a stay grows longer: service and servers of an endpoint, from one curve.

A job that finds ``load - 1`` others where c are served at once stays

    a max(1, load / c)

seconds on average: flat up to c, then a straight line through the origin. Latency tells a and c as
a product only where no load below c was seen, and a alone where none above it was; so both are
fitted to all loads at once, by least squares with the bend between each two of them (a segmented
regression with one unknown break, Hudson 1966). Knows no endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, log
from typing import NamedTuple, TypeAlias

CLEAR = 6.0
"""By so many squared standard deviations a bend must fit better than none: one that chance makes
in one of a hundred flat curves."""

LEAST_NOISE = 0.02
"""Relative variance: of servers that never vary the formula itself is further off than that."""


Row: TypeAlias = tuple[float, float, float]
"""What was seen at one load: jobs there, the new one included; samples; their mean stay. A dozen of
them are made at every fit, and a plain tuple is made in an eighth of a named one's time."""


class Bend(NamedTuple):
    """Where it is.

    Attributes:
        servers: with what is expected taken into account.
        alone: by this curve alone; 0 if it does not tell.
        evidence: samples that ``alone`` is worth.
    """

    servers: float
    alone: float
    evidence: float


def bend_of(rows: Sequence[Row], noise: float, expected: float, weight: float) -> Bend | None:
    """The bend in a curve, if there is one.

    Args:
        rows: by rising load; stays over the service as it was thought to be.
        noise: variance of one sample, relative.
        expected: servers of endpoints like this; 0 if nobody knows.
        weight: samples that this counts for.
    """
    if len(rows) < 2:
        return None
    noise = max(noise, LEAST_NOISE)
    squares = moment = square = 0.0
    for load, samples, stay in rows:
        stayed = samples * stay
        squares += stayed * stay
        moment += stayed * load
        square += samples * load * load
    usual = log(expected) if expected else 0.0
    # Without a load below the bend it can be anywhere there; it is where it is with others.
    line = (squares - moment * moment / square) / noise
    best, found, evidence = inf, 0.0, 0.0
    if 0.0 < expected <= rows[0][0]:
        best, found = line, expected
    plain, alone, clear = line, 0.0, 0.0
    low = lows = 0.0
    for (load, samples, stay), (after, _, _) in pairwise(rows):
        stayed = samples * stay
        low += samples
        lows += stayed
        moment -= stayed * load
        square -= samples * load * load
        servers = lows / low * square / moment
        if servers < load:
            servers = load
        elif servers > after:
            servers = after
        high = square / (servers * servers)
        total = low + high
        fit = lows + moment / servers
        misfit = (squares - fit * fit / total) / noise
        if misfit < plain:
            plain, alone, clear = misfit, servers, low * high / total
        # What is expected only makes it worse: most need no logarithm.
        if misfit < best:
            if expected:
                misfit += weight * (log(servers) - usual) ** 2
            if misfit < best:
                best, found, evidence = misfit, servers, low * high / total
    load, samples, stay = rows[-1]
    low += samples
    lows += samples * stay
    flat = (squares - lows * lows / low) / noise
    if expected and load > expected:
        flat += weight * (log(load) - usual) ** 2
    if best + CLEAR >= flat:
        return None
    if expected:
        found = exp((log(found) * evidence + usual * weight) / (evidence + weight + 1e-9))
    return Bend(found, alone, clear)


def level(rows: Sequence[Row], servers: float, weight: float) -> float:
    """The stay where nobody waits that fits best with so many servers, ``weight`` samples being
    for 1."""
    total = fit = weight
    for load, samples, stay in rows:
        stretch = load / servers if load > servers else 1.0
        total += samples * stretch * stretch
        fit += samples * stay * stretch
    return fit / total
