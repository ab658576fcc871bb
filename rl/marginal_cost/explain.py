"""Why marginal_cost chooses what it chooses, and what it knows, in rows for a person.

Draws no dice and changes nothing.
"""

from __future__ import annotations

from rl.marginal_cost.affinity import HOME, Keys, cell, home_of, seed_of
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.knowledge import LARGEST_SIZE, Knowledge
from rl.marginal_cost.load_bins import BIN, LOADS, TOP
from rl.vocabulary import JSON, EndpointStats, Observation


def explain(
    knowledge: Knowledge, keys: Keys, observation: Observation, scan: int
) -> list[dict[str, JSON]]:
    """One row per candidate, in their order; seconds, and their sum as ``cost``.

    ``affinity`` is the factor in ``service``, ``bonus`` what being the key's home takes off. The
    lowest cost is ``chosen``, the first of several; a probe, or a window of many candidates, may
    have it otherwise.
    """
    request, candidates, now = observation.request, observation.candidates, observation.now
    number = knowledge.classes.number(request)
    label = knowledge.classes.label(number)
    factors = knowledge.factors[number]
    placement = keys.find(request.affinity_key)
    home = ""
    if factors.pays and 1 < len(candidates) <= scan:
        seeds = [seed_of(each.id) for each in candidates]
        home = home_of(request.affinity_key, candidates, seeds)
    rows: list[dict[str, JSON]] = []
    for stats in candidates:
        model = knowledge.models.get(stats.id, knowledge.newcomer)
        place = 0
        if factors.pays:
            if placement is not None and placement.last == stats.id:
                place = cell(now, placement.at)
            elif placement is not None and placement.before == stats.id:
                place = cell(now, placement.before_at)
            place += HOME if home == stats.id else 0
        factor = factors.chosen[place]
        bin = _bin(model, stats)
        service = model.speed * model.service[number] * factor
        waiting = model.speed * model.wait[bin]
        extra = model.extra[bin] * min(model.relative[number] * factor, LARGEST_SIZE)
        cost = service + waiting + extra + model.failing
        bonus = factors.home * cost if place >= HOME else 0.0
        rows.append(
            {
                "endpoint": stats.id,
                "class": label,
                "in_flight": stats.in_flight,
                "service": service,
                "affinity": factor,
                "wait": waiting,
                "externality": extra,
                "failing": model.failing,
                "bonus": -bonus,
                "cost": cost - bonus,
                "known": model.completions > 0,
            }
        )
    best = min(range(len(rows)), key=lambda index: _cost(rows[index]))
    for index, row in enumerate(rows):
        row["chosen"] = index == best
    return rows


def table(knowledge: Knowledge) -> list[dict[str, JSON]]:
    """One row per endpoint and class, most used first; seconds."""
    rows: list[dict[str, JSON]] = []
    for model in knowledge.models.values():
        for number in knowledge.classes.numbers():
            if not model.completions or not model.count[number]:
                continue
            rows.append(
                {
                    "endpoint": model.id,
                    "class": knowledge.classes.label(number),
                    "requests": int(model.count[number]),
                    "service": model.speed * model.service[number],
                    "speed": model.speed,
                    "servers": model.servers if model.saturated else None,
                    "failing": model.failing,
                    "wait": {
                        f"{LOADS[bin]:g}": model.speed * model.wait[bin] for bin in (1, 2, 4, 8, 13)
                    },
                    "externality": {
                        f"{LOADS[bin]:g}": model.extra[bin] for bin in (1, 2, 4, 8, 13)
                    },
                }
            )
    rows.sort(key=_requests, reverse=True)
    return rows


def _cost(row: dict[str, JSON]) -> float:
    cost = row["cost"]
    assert isinstance(cost, float)
    return cost


def _requests(row: dict[str, JSON]) -> int:
    requests = row["requests"]
    assert isinstance(requests, int)
    return requests


def _bin(model: EndpointModel, stats: EndpointStats) -> int:
    """Of the load that the request would find; as in ``reconcile``, which would write it down."""
    in_flight, before = stats.in_flight, model.open
    work = model.work
    if in_flight > before:
        work += in_flight - before
    elif in_flight < before:
        work *= in_flight / before
    load = int(work + 0.5)
    return BIN[load if load < TOP else TOP]
