"""What each client's agent is told of all other clients."""

from __future__ import annotations

from collections.abc import Mapping

from rl.shaping.reading import Reading, Targets


def tell_of_others(readings: Mapping[str, Reading], targets: Mapping[str, Targets]) -> None:
    """Fill in the figures of others, for every reading.

    Targets count by their clients' weights. A client of which nothing was there neither reaches nor
    misses any.

    Args:
        targets: of the clients that have told any.
    """
    completed = sum(reading.completed for reading in readings.values())
    missed: dict[str, float] = {}
    weights: dict[str, float] = {}
    ratios: list[tuple[float, str]] = []
    for name, wanted in targets.items():
        reading = readings.get(name)
        if reading is None or reading.idle or not wanted.count:
            continue
        weights[name] = wanted.weight
        missed[name] = wanted.weight * len(wanted.missed(reading)) / wanted.count
        ratios.append((wanted.p95_ratio(reading), name))
    ratios = sorted(ratios, reverse=True)[:2]
    all_missed, all_weights = sum(missed.values()), sum(weights.values())
    for name, reading in readings.items():
        reading.others_completed = completed - reading.completed
        weight = all_weights - weights.get(name, 0.0)
        share = (all_missed - missed.get(name, 0.0)) / weight if weight > 1e-9 else 0.0
        # What is left of a sum may be but rounding.
        others = len(weights) - (name in weights)
        reading.others_weight = max(0.0, weight) / others if others else 0.0
        reading.others_violations = min(1.0, share) if share > 1e-9 else 0.0
        reading.others_p95_ratio = next((ratio for ratio, who in ratios if who != name), 0.0)
