"""What several workers' marginal_cost have learned apart from each other, made one.

As ``rl/merging.py`` has it, what counts is what each has added to the base: values are averaged
with the samples that are new as weights, and samples add up. Where request classes were found
apart, ``merge_classes`` says which are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from rl.marginal_cost.knowledge import Knowledge
from rl.marginal_cost.state import (
    BY_BIN,
    BY_CLASS,
    DRIFT,
    FAILURES,
    NUMBERS,
    VERSION,
    read,
    written,
)
from rl.request_classes.state import merge_classes
from rl.vocabulary import Parameters

Row: TypeAlias = dict[str, Any]
"""One endpoint as it is stored, checked."""


def merged(
    base: Parameters | None,
    learned: Sequence[Parameters],
    unknown: Callable[[], Knowledge],
    most_endpoints: int,
) -> Parameters:
    """What all know together.

    Args:
        unknown: makes knowledge of nothing, within the bounds that there are.

    Raises:
        ValueError: one of them is malformed.
    """
    for each in (*learned, *([base] if base else [])):
        read(each, unknown(), most_endpoints)
    most_classes = len(unknown().factors)
    began = _completions(base) if base else {}
    new = [each for each in learned if _news(each, began)]
    if not new:
        return base or learned[0]
    if len(new) == 1:
        return new[0]
    states: list[Any] = [each["classes"] for each in (*new, *([base] if base else []))]
    classes, mappings = merge_classes(states, most_classes)
    parts = [_moved(each, mapping) for each, mapping in zip(new, mappings, strict=False)]
    start = _moved(base, mappings[-1]) if base else None
    first = max(parts, key=lambda part: sum(_news(part, began).values()))
    found: Row = dict(first)
    found["version"] = VERSION
    found["classes"] = classes
    found["used"] = max(part["used"] for part in parts)
    before = _by_id(start)
    rows = [_by_id(part) for part in parts]
    ids = dict.fromkeys(id for each in (before, *rows) for id in each)
    found["endpoints"] = [
        _merged_row(before.get(id), [each[id] for each in rows if id in each] or [before[id]])
        for id in ids
    ]
    found["factors"] = [
        _merged_tables(
            None if start is None else start["factors"][number],
            [part["factors"][number] for part in parts],
            {"factor": "count", "spread": "count"},
        )
        for number in range(most_classes)
    ]
    return written(read(found, unknown(), most_endpoints))


def _completions(parameters: Mapping[str, Any]) -> dict[str, int]:
    return {row["id"]: row["completions"] for row in parameters["endpoints"]}


def _news(parameters: Mapping[str, Any], began: Mapping[str, int]) -> dict[str, int]:
    """Completions by endpoint that the base does not have."""
    return {
        id: count - began.get(id, 0)
        for id, count in _completions(parameters).items()
        if count > began.get(id, 0)
    }


def _by_id(parameters: Mapping[str, Any] | None) -> dict[str, Row]:
    return {} if parameters is None else {row["id"]: row for row in parameters["endpoints"]}


def _moved(parameters: Mapping[str, Any], mapping: Mapping[int, int]) -> Row:
    """With the merged classes' numbers; where two classes became one, the more seen one is kept."""
    found = dict(parameters)
    size = len(parameters["factors"])
    found["used"] = max([parameters["used"], *(to + 1 for to in mapping.values())])
    found["endpoints"] = [_moved_row(row, mapping, size) for row in parameters["endpoints"]]
    factors = [*parameters["factors"]]
    for number, to in mapping.items():
        factors[to] = parameters["factors"][number]
    found["factors"] = factors
    return found


def _moved_row(row: Row, mapping: Mapping[int, int], size: int) -> Row:
    found = dict(row)
    for name in BY_CLASS:
        found[name] = [0.0 if name != "service" else row["mean"]] * size
    for number, to in sorted(mapping.items(), key=lambda item: row["count"][item[0]]):
        for name in BY_CLASS:
            found[name][to] = row[name][number]
    return found


def _merged_row(base: Row | None, rows: Sequence[Row]) -> Row:
    began = base["completions"] if base else 0
    weights: list[float] = [max(0.0, row["completions"] - began) for row in rows]
    if not any(weights):
        return base or rows[0]
    found: Row = dict(rows[weights.index(max(weights))])
    found["completions"] = began + int(sum(weights))
    for name in NUMBERS:
        found[name] = _mean([row[name] for row in rows], weights)
    for part, names in (("drift", DRIFT), ("failures", FAILURES)):
        found[part] = [
            _mean([row[part][place] for row in rows], weights) for place in range(len(names))
        ]
    sure = [(row["servers"], each) for row, each in zip(rows, weights, strict=True)]
    sure = [(servers, each) for servers, each in sure if servers is not None and each]
    found["servers"] = _mean(*map(list, zip(*sure, strict=True))) if sure else None
    tables = _merged_tables(
        base,
        rows,
        {"raw": "count", "service": "count", "waited": "wait_count", "wait": "wait_count"},
    )
    for name in (*BY_CLASS, *BY_BIN):
        if name in tables:
            found[name] = tables[name]
    found["extra"] = [
        _mean([row["extra"][bin] for row in rows], weights) for bin in range(len(found["extra"]))
    ]
    return found


def _merged_tables(base: Row | None, rows: Sequence[Row], counted: Mapping[str, str]) -> Row:
    """Lists of values, each with its list of samples, item by item."""
    found: Row = {}
    for name, count in counted.items():
        values: list[float] = []
        counts: list[float] = []
        for place in range(len(rows[0][name])):
            began = base[count][place] if base else 0.0
            weights = [max(0.0, row[count][place] - began) for row in rows]
            total = sum(weights)
            if total:
                values.append(_mean([row[name][place] for row in rows], weights))
            else:
                values.append((base or rows[0])[name][place])
            counts.append(began + total)
        found[name] = values
        found[count] = counts
    return found


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(weights)
    return sum(value * (weight / total) for value, weight in zip(values, weights, strict=True))
