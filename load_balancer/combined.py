"""Several workers' answers about themselves as one, for who asks the supervisor.

Counts are summed, means weighted by what they are means of, and what every worker sees for itself
of the same thing (an endpoint's own report, a weight) is not added up. Pure: plain data in and out;
it knows the names of the few values that a rule for their kind would get wrong, and no more.
"""

from __future__ import annotations

from collections.abc import Sequence

from rl.vocabulary import JSON

SAME = {"port", "weight", "servers_count", "priority", "workers"}
"""Whole numbers that are no counts."""
SUMMED = {"limit"}
"""Counts that may be broken."""
LARGEST = {"uptime", "timestamp", "active", "report_age"}
SMALLEST = {"servers_healthy"}
WEIGHTED_BY = {
    "mean_latency": "answers",
    "latency": "completed",
    "latency_ms": "completed",
    "error_rate": "completed",
}
"""Means, and the count beside them that tells of how many."""
WORST_LAST = ("healthy", "degraded", "unhealthy")


def combined(parts: Sequence[JSON]) -> JSON:
    """One answer made of one or more of the same form."""
    return _combined("", parts, ())


def _combined(name: str, parts: Sequence[JSON], beside: Sequence[dict[str, JSON]]) -> JSON:
    if all(isinstance(part, dict) for part in parts):
        return _dicts([part for part in parts if isinstance(part, dict)])
    if all(isinstance(part, list) for part in parts):
        return _lists([part for part in parts if isinstance(part, list)])
    known = [part for part in parts if part is not None]
    if not known:
        return None
    numbers = [part for part in known if isinstance(part, int | float)]
    if len(numbers) == len(known) and not any(isinstance(part, bool) for part in known):
        if len(numbers) == len(parts):
            return _numbers(name, numbers, beside)
        return _numbers(name, numbers, ())
    return _words(known)


def _dicts(parts: Sequence[dict[str, JSON]]) -> dict[str, JSON]:
    keys = dict.fromkeys(key for part in parts for key in part)
    result: dict[str, JSON] = {}
    for key in keys:
        having = [part for part in parts if key in part]
        result[key] = _combined(key, [part[key] for part in having], having)
    return result


def _lists(parts: Sequence[list[JSON]]) -> list[JSON]:
    rows: dict[str, list[JSON]] = {}
    for part in parts:
        for row in part:
            if not isinstance(row, dict) or "id" not in row:
                return max(parts, key=len)
            rows.setdefault(str(row["id"]), []).append(row)
    return [_combined("", having, ()) for having in rows.values()]


def _numbers(
    name: str, numbers: Sequence[int | float], beside: Sequence[dict[str, JSON]]
) -> int | float:
    if name in LARGEST:
        return max(numbers)
    if name in SMALLEST:
        return min(numbers)
    if name in SAME:
        return numbers[0]
    whole = all(isinstance(number, int) for number in numbers)
    if name in SUMMED or (name not in WEIGHTED_BY and whole):
        return sum(numbers)
    counted_by = WEIGHTED_BY.get(name)
    if counted_by is not None and not any(counted_by in part for part in beside):
        # 0 is what nobody has seen yet.
        numbers = [number for number in numbers if number] or [0.0]
        beside = ()
    counts = [part.get(WEIGHTED_BY.get(name, ""), 1) for part in beside] or [1] * len(numbers)
    weights = [float(count) if isinstance(count, int | float) else 1.0 for count in counts]
    total = sum(weights)
    if not total:
        return numbers[0] if len(set(numbers)) == 1 else sum(numbers) / len(numbers)
    return sum(n * weight for n, weight in zip(numbers, weights, strict=True)) / total


def _words(known: Sequence[JSON]) -> JSON:
    different = [word for i, word in enumerate(known) if word != "" and word not in known[:i]]
    if len(different) <= 1:
        return different[0] if different else known[0]
    if all(word in WORST_LAST for word in different):
        return max((str(word) for word in different), key=WORST_LAST.index)
    return " | ".join(sorted(str(word) for word in different))
