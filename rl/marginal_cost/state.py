"""What marginal_cost knows, stored as plain data and read back.

{"version": 1, "unit": 100.0, "used": 2, "classes": {...}, "fleet": {...},
 "factors": [{"factor": [...], "count": [...], "spread": [...]}],
 "newcomer": {...}, "endpoints": [{"id": "a", "speed": 1.02, "service": [...], "wait": [...]}]}

What is in flight is not stored, nor when anything was: another process has another clock.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from math import inf

from rl import stored
from rl.marginal_cost.affinity import CELLS, Factors
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.fleet import Fleet
from rl.marginal_cost.knowledge import Knowledge
from rl.marginal_cost.load_bins import BINS
from rl.vocabulary import JSON, Parameters

VERSION = 1

BY_CLASS = ("raw", "count", "mix", "service")
BY_BIN = ("waited", "wait_count", "wait", "extra")
ARRAYS = ("wait", "extra")
NUMBERS = ("mean", "speed", "proven", "saturated", "rate", "failing")
DRIFT = ("scale", "noise", "variance", "up", "down")
FAILURES = ("cost", "trials", "recent", "proof", "against")
POSITIVE = ("mean", "speed", "scale", "noise", "proven")


def written(knowledge: Knowledge) -> Parameters:
    """All of it."""
    fleet = knowledge.fleet
    return {
        "version": VERSION,
        "unit": knowledge.unit,
        "used": knowledge.used,
        "classes": knowledge.classes.parameters(),
        "fleet": {
            "means": list[JSON](fleet.means),
            "doubts": list[JSON](fleet.doubts),
            "pooled": fleet.pooled,
            "failing": fleet.failing,
        },
        "factors": [
            {
                "factor": list[JSON](each.factor),
                "count": list[JSON](each.count),
                "spread": list[JSON](each.spread),
            }
            for each in knowledge.factors
        ],
        "newcomer": _row(knowledge.newcomer),
        "endpoints": [_row(model) for model in knowledge.models.values() if model.completions],
    }


def read(parameters: Mapping[str, JSON], knowledge: Knowledge, most_endpoints: int) -> Knowledge:
    """What was stored; of too many endpoints the last ones.

    Args:
        knowledge: none yet; it is filled and returned.

    Raises:
        ValueError: the data are of another version, of another number of classes, or malformed.
    """
    stored.version(parameters, VERSION)
    most_classes = len(knowledge.factors)
    knowledge.unit = _number(parameters, "unit", "", positive=True)
    used = stored.count(stored.member(parameters, "used"), "used")
    if not 1 <= used <= most_classes:
        raise ValueError(f"used: must lie between 1 and {most_classes}, not at {used}")
    classes = stored.member(parameters, "classes")
    if not isinstance(classes, Mapping):
        raise ValueError("classes: must hold keys and values")
    try:
        knowledge.classes.load(classes)
    except ValueError as error:
        raise ValueError(f"classes.{error}") from error
    knowledge.used = max(used, *(number + 1 for number in knowledge.classes.numbers()))
    _read_fleet(stored.member(parameters, "fleet"), knowledge.fleet, most_classes)
    factors = stored.items(stored.member(parameters, "factors"), "factors", most_classes)
    knowledge.factors = [_read_factors(each, f"factors[{i}].") for i, each in enumerate(factors)]
    _read_row(stored.member(parameters, "newcomer"), "newcomer.", knowledge.newcomer)
    rows = stored.items(stored.member(parameters, "endpoints"), "endpoints")
    for number, row in enumerate(rows):
        at = f"endpoints[{number}]."
        id = stored.text(stored.member(row, "id", at), f"{at}id")
        if id in knowledge.models:
            raise ValueError(f"{at}id: {id!r} stands twice")
        model = EndpointModel(id, most_classes, -inf, 0.0, knowledge.used)
        _read_row(row, at, model)
        if not model.completions:
            raise ValueError(f"{at}completions: must be 1 or more")
        knowledge.models[id] = model
    for id in list(knowledge.models)[: max(0, len(knowledge.models) - most_endpoints)]:
        del knowledge.models[id]
    return knowledge


def _row(model: EndpointModel) -> dict[str, JSON]:
    row: dict[str, JSON] = {"id": model.id, "completions": model.completions}
    for name in NUMBERS:
        row[name] = getattr(model, name)
    row["servers"] = None if model.servers == inf else model.servers
    row["drift"] = [getattr(model.drift, name) for name in DRIFT]
    row["failures"] = [getattr(model.failures, name) for name in FAILURES]
    for name in (*BY_CLASS, *BY_BIN):
        row[name] = list(getattr(model, name))
    return row


def _read_row(row: JSON, at: str, model: EndpointModel) -> None:
    model.completions = stored.count(stored.member(row, "completions", at), f"{at}completions")
    for name in NUMBERS:
        setattr(model, name, _number(row, name, at))
    servers = stored.member(row, "servers", at)
    model.servers = inf if servers is None else _checked(servers, "scale", f"{at}servers")
    model.measured = 0.0 if model.servers == inf else model.servers
    for part, fields in (("drift", DRIFT), ("failures", FAILURES)):
        values = stored.items(stored.member(row, part, at), f"{at}{part}", len(fields))
        for name, value in zip(fields, values, strict=True):
            setattr(getattr(model, part), name, _checked(value, name, f"{at}{part}"))
    classes = len(model.raw)
    for tables, size in ((BY_CLASS, classes), (BY_BIN, BINS)):
        for name in tables:
            numbers = _numbers(row, name, at, size)
            setattr(model, name, numbers if name in ARRAYS else list(numbers))
    for number, service in enumerate(model.service):
        model.relative[number] = service / model.mean


def _read_fleet(data: JSON, fleet: Fleet, classes: int) -> None:
    fleet.means = list(_numbers(data, "means", "fleet.", classes))
    fleet.doubts = list(_numbers(data, "doubts", "fleet.", classes))
    fleet.pooled = _number(data, "pooled", "fleet.")
    fleet.failing = _number(data, "failing", "fleet.")


def _read_factors(data: JSON, at: str) -> Factors:
    factors = Factors()
    factors.factor = list(_numbers(data, "factor", at, CELLS))
    factors.count = list(_numbers(data, "count", at, CELLS))
    factors.spread = list(_numbers(data, "spread", at, CELLS))
    factors.judge()
    return factors


def _numbers(data: JSON, name: str, at: str, size: int) -> array[float]:
    items = stored.items(stored.member(data, name, at), f"{at}{name}", size)
    return array(
        "d", [_checked(each, name, f"{at}{name}[{number}]") for number, each in enumerate(items)]
    )


def _number(data: JSON | Mapping[str, JSON], name: str, at: str, positive: bool = False) -> float:
    return _checked(stored.member(data, name, at), "scale" if positive else name, f"{at}{name}")


def _checked(value: JSON, name: str, at: str) -> float:
    found = stored.number(value, at)
    if found < 0.0 and name not in ("waited", "up", "down"):
        raise ValueError(f"{at}: must be 0 or more, not {found}")
    if found <= 0.0 and name in POSITIVE:
        raise ValueError(f"{at}: must be more than 0, not {found}")
    return found
