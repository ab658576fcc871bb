"""From the evidence on one endpoint to the tables that choices are made from.

Each fit takes bounded time: classes in use, bins of the load, servers.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from math import inf

from rl.marginal_cost.bend import Row, bend_of, level
from rl.marginal_cost.endpoint_model import MOST_KNOWN, EndpointModel
from rl.marginal_cost.isotonic import nondecreasing
from rl.marginal_cost.load_bins import BINS, LOADS, ROUNDED, SINGLE, STAYING
from rl.queueing import externality

MIX_KEPT = 0.95
"""Of the past in the mix of classes, per fit."""

WAIT_PRIOR = 8.0
"""Samples that the formula for the wait counts for beside the measured wait at a load."""

USUAL_NOISE = 0.25
"""Variance of a sample, relative, up to which evidence counts for as long as the rates say. Above
it counts for longer in proportion, so that a mean is as sure as it is there: what has changed is
for the speed scale, which is the slower to notice the more samples vary."""

MOST_PATIENCE = 8.0
"""Times as long at most."""

WAIT_KEPT = 0.98
"""Of the samples of a wait, per fit, at the usual noise. Who is taken to be slow at a load is not
given it again; a mistake that nothing can correct must fade."""

WAIT_LEAST = 2.0
"""Samples that do not fade."""

QUIET_LEAST = 60.0
"""The same where nobody was taken to wait. Before a queue that never empties it is all that tells a
few fast servers from many slow ones, and who takes them for the latter keeps the queue."""

SERVICE_PRIOR = 20.0
"""Samples that the service as it was taken for counts for, beside stays at all loads."""

LASTING = 0.1
"""Of the speed, in its logarithm, that becomes usual at each fit."""

FREE = 0.25
"""While no bend is seen: share of the requests, those that found the lowest loads, that are taken
not to wait. They tell what the service is."""

FEW = 3.0
"""Samples without which a bin proves nothing."""

SHORTEST = 0.1
"""Of the mean service: no mean stay is taken to be shorter."""

MOST_SAMPLES = 200.0
"""That one load counts for, times ``patience``: the others shall be heard too."""

PROVEN_KEPT = 0.999
"""Per fit: a machine may lose what it once had."""

MOST_SERVERS = 62.0
"""From there on nobody waits, and nobody costs anybody anything."""

HIGHEST_LOAD = 0.8
"""Of the queue in the value function: beyond it the differences grow without limit, out of an
estimate that is not as sure as that."""


def fit_service(
    model: EndpointModel, means: Sequence[float], doubts: Sequence[float], unseen: float, used: int
) -> None:
    """Draw what is known little towards what is known of all (empirical Bayes: Efron and
    Morris 1973).

    Args:
        means: service by class over the fleet, at speed 1; 0 where nobody knows.
        doubts: by class, samples that the fleet's mean counts for: variance of one sample over
            the variance between endpoints.
        unseen: share of the fleet's mean that is expected of a class never tried here.
        used: classes in use, at least.
    """
    speed = _settle(model, used)
    patience = model.drift.noise / USUAL_NOISE
    model.be_patient(min(max(patience, 1.0), MOST_PATIENCE))
    most_known = MOST_KNOWN * model.patience
    counts, raw, service, mix = model.count, model.raw, model.service, model.mix
    total = weight = 0.0
    for number in range(used):
        mean = means[number]
        count = counts[number]
        if count:
            found = raw[number]
            if mean:
                doubt = doubts[number]
                known = count if count < most_known else most_known
                found = (found * known + mean / speed * doubt) / (known + doubt)
            service[number] = found
            share = mix[number]
            mix[number] = share * MIX_KEPT
            total += share * found
            weight += share
        elif mean:
            service[number] = unseen * mean / speed
    if weight:
        model.mean = total / weight
    mean = model.mean
    relative = model.relative
    for number in range(used):
        if not counts[number] and not means[number]:
            service[number] = mean
        relative[number] = service[number] / mean


def _settle(model: EndpointModel, used: int) -> float:
    """A part of the speed becomes usual, so that it is near 1 unless something has just changed.
    What is expected stays as it is. The speed now."""
    factor = model.speed**LASTING
    if factor != 1.0:
        _lengthen(model, factor, used)
        model.waited[:] = [seconds * factor for seconds in model.waited]
        model.drift.renormalise(factor)
        model.speed = model.drift.scale
    return model.speed


def _lengthen(model: EndpointModel, factor: float, used: int) -> None:
    for number in range(used):
        model.raw[number] *= factor
        model.service[number] *= factor
    model.mean *= factor


def fit_wait(model: EndpointModel, pooled: float, alike: float, used: int) -> None:
    """The number of servers, and the wait by load.

    Args:
        pooled: servers that endpoints of this fleet have on average; 0 if not known.
        alike: samples that this counts for.
        used: classes in use, at least.
    """
    counts, waited = model.wait_count, model.waited
    for seen in range(BINS, 0, -1):
        if counts[seen - 1] >= 1.0:
            break
    rows = _rows(model, seen)
    bend = bend_of(rows, model.drift.noise, pooled, alike)
    highest = LOADS[seen - 1]
    if bend is not None:
        model.servers = servers = bend.servers
        model.measured = bend.alone
        model.saturated = bend.evidence
        longer = level(rows, servers, SERVICE_PRIOR)
        moved = (1.0 - longer) * model.mean
        for bin in range(seen):
            if counts[bin]:
                waited[bin] += moved
        _lengthen(model, longer, used)
        free = 0
        while free < BINS - 1 and LOADS[free + 1] + 0.75 <= servers:
            free += 1
    else:
        model.saturated = 0.0
        model.servers = max(pooled, model.proven) if pooled else inf
        servers = model.servers if pooled else model.proven
        quiet = FREE * sum(counts)
        free = 0
        while free < seen - 1:
            quiet -= counts[free]
            if quiet < counts[free + 1]:
                break
            free += 1
    model.free = free
    idle = min(free + 1, seen)
    measured = nondecreasing([0.0] * idle + waited[idle:seen], counts[:seen])
    mean = model.mean
    sure = model.servers < inf
    share = mean / servers
    floor = 0.0
    table = [0.0]
    for bin in range(1, seen):
        formula = share * (STAYING[bin] - servers) if sure else 0.0
        if formula < 0.0:
            formula = 0.0
        count = counts[bin]
        seconds = (formula * WAIT_PRIOR + measured[bin] * count) / (WAIT_PRIOR + count)
        if seconds > floor:
            floor = seconds
        table.append(floor)
    # Beyond what was seen it never falls by itself.
    unseen = [share * (staying - servers) for staying in STAYING[seen:]]
    if not sure:
        # What nobody has seen may be the limit: as if one more had to wait for all.
        limits = [mean * (load - highest) / (highest + 1.0) for load in LOADS[seen:]]
        unseen = list(map(max, unseen, limits))
    table += [seconds if seconds > floor else floor for seconds in unseen]
    model.wait[:] = array("d", table)


def _rows(model: EndpointModel, seen: int) -> list[Row]:
    """What is known of the stay by load; the rest fades."""
    mean, counts, waited = model.mean, model.wait_count, model.waited
    proven = max(model.proven * PROVEN_KEPT, 1.0)
    rows: list[Row] = []
    kept = 1.0 - (1.0 - WAIT_KEPT) / model.patience
    most = MOST_SAMPLES * model.patience
    for bin in range(seen):
        count = counts[bin]
        if count > (QUIET_LEAST if bin <= model.free else WAIT_LEAST):
            counts[bin] = count = count * kept
        if count < 1.0:
            continue
        load = STAYING[bin]
        stay = waited[bin] / mean + 1.0
        if stay < SHORTEST:
            stay = SHORTEST
        if count >= FEW:
            together = load / stay if stay > 1.0 else load
            if together > proven:
                proven = together
        rows.append((load, count if count < most else most, stay))
    model.proven = proven
    return rows


def fit_extra(model: EndpointModel, rate: float) -> None:
    """What one more job costs later ones.

    Args:
        rate: jobs per second that come here under the policy to improve upon.
    """
    extra = model.extra
    servers = model.servers
    if servers >= MOST_SERVERS:
        if extra[BINS - 1]:
            extra[:] = array("d", [0.0] * BINS)
        return
    service = model.mean * model.speed
    rate = min(rate, HIGHEST_LOAD * servers / service)
    # From the number of servers on they lie on a straight line.
    last = max(SINGLE, int(servers) + 2)
    values = externality(servers, service, rate, last + 1)
    most = values[last]
    slope = most - values[last - 1]
    beyond = bisect_right(LOADS, last)
    table = [values[load] for load in ROUNDED[:beyond]]
    table += [most + slope * (load - last) for load in LOADS[beyond:]]
    extra[:] = array("d", table)


def fit_newcomer(
    model: EndpointModel,
    known: Sequence[EndpointModel],
    means: Sequence[float],
    pooled: float,
    unseen: float,
) -> None:
    """Be what a newcomer to these endpoints is expected to be, in place."""
    size = len(known)
    model.mean = mean = sum([model.mean * model.speed for model in known]) / size
    model.rate = sum([model.rate for model in known]) / size
    for number, service in enumerate(means):
        found = unseen * service if service else mean
        model.service[number] = found
        model.relative[number] = found / mean
    fit_wait(model, pooled, 0.0, 0)
    if model.servers < inf:
        rate = (
            model.servers
            * sum([model.rate * model.mean * model.speed / model.servers for model in known])
            / size
            / mean
        )
        fit_extra(model, rate)
