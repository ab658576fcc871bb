"""What federated learning sees of learned parameters: numbers, each with the experience behind it.

    tabular          values and visits of states and actions (``rl/shaping/tabular.py``)
    dqn, ppo         the weights of a network, all with the experience of the whole
    q_learning       the tables of ``rl/q_table.py``
    q_routing        the domains of ``rl/q_routing.py``

Read from another node and believed in nothing: everything is bounded and every number finite.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from rl import stored
from rl.federated.terms import LARGEST
from rl.vocabulary import JSON, Parameters

Floats: TypeAlias = npt.NDArray[np.float64]
Indexes: TypeAlias = npt.NDArray[np.int64]

MOST_EXPERIENCE = 10**12
"""Of one number; a learner that learns a thousand times a second has it after thirty years."""

MOST_NUMBERS = 2_000_000
"""Of one learner."""

MOST_ARRAYS = 100

NETWORKS = ("dqn", "ppo")
STRATEGIES = ("q_learning", "q_routing")
VISITED = "visits"
OF_STATE = -1
"""In the place of an action: the state's mean."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What must be the same for two to be merged.

    Attributes:
        version: of the encoder, or of a strategy's parameters.
        shapes: of a network's arrays, by name; of a table the number of actions.
    """

    kind: str
    version: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters as numbers.

    Attributes:
        keys: what each number is about; None where its place says it.
        values, counts: the numbers, and the experience behind each.
        rows: of a table whose untried actions are learned of along with the tried ones: which
            state each number is of.
        experience: of the whole.
        rest: everything else, as it was given.
    """

    signature: Signature
    keys: tuple[Hashable, ...] | None
    values: Floats
    counts: Floats
    experience: int
    rest: Parameters
    rows: Indexes | None = None


def known(parameters: Mapping[str, JSON]) -> bool:
    """Whether ``read`` knows this form."""
    return any(key in parameters for key in ("kind", "tables", "domains"))


def read(parameters: Mapping[str, JSON], largest: float = LARGEST) -> Form:
    """The numbers.

    Raises:
        ValueError: malformed, too large, or of no form that is known; the key is named.
    """
    form = _read(parameters, largest)
    check_numbers(form.rest, max(largest, MOST_EXPERIENCE))
    return form


def _read(parameters: Mapping[str, JSON], largest: float) -> Form:
    if "kind" in parameters:
        kind = stored.text(parameters["kind"], "kind")
        if kind in NETWORKS:
            return _network(parameters, kind, largest)
        if kind == "tabular":
            return _tabular(parameters, largest)
        raise ValueError(f"kind: {kind[:40]!r} has nothing to merge")
    if "tables" in parameters:
        return _q_learning(parameters, largest)
    if "domains" in parameters:
        return _q_routing(parameters, largest)
    raise ValueError("kind: is missing")


def check_numbers(data: JSON, largest: float) -> None:
    """Refuse a number that is not finite or beyond a bound, wherever it stands.

    Raises:
        ValueError: its place is named.
    """
    waiting: list[tuple[JSON, str]] = [(data, "")]
    seen = 0
    while waiting:
        value, at = waiting.pop()
        seen += 1
        if seen > MOST_NUMBERS:
            raise ValueError(f"{at}: there may be {MOST_NUMBERS} values in all")
        if isinstance(value, Mapping):
            waiting += [(each, f"{at}.{key}".lstrip(".")) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(each, f"{at}[{i}]") for i, each in enumerate(value)]
        elif isinstance(value, int | float) and not -largest <= value <= largest:
            raise ValueError(f"{at}: must be a number within {largest:g}")


def write(form: Form) -> Parameters:
    """What ``read`` would read as this."""
    kind = form.signature.kind
    if kind in NETWORKS:
        return {**form.rest, "experience": form.experience, "arrays": _arrays(form)}
    if kind == "tabular":
        return {**form.rest, "experience": form.experience, "states": _states(form)}
    if kind == "q_learning":
        return {**form.rest, "tables": _tables(form)}
    return {**form.rest, "steps": form.experience, "domains": _domains(form)}


class _Cells:
    """Collects numbers by key."""

    def __init__(self, largest: float) -> None:
        self._largest = largest
        self.found: dict[Hashable, tuple[float, int]] = {}

    def add(self, key: Hashable, value: JSON, visits: JSON, at: str) -> None:
        found = stored.number(value, f"{at}values")
        if abs(found) > self._largest:
            raise ValueError(f"{at}values: {found:g} is beyond {self._largest:g}")
        if len(self.found) == MOST_NUMBERS:
            raise ValueError(f"{at}values: there may be {MOST_NUMBERS} in all")
        self.found[key] = found, _experience(visits, f"{at}{VISITED}")

    def form(self, signature: Signature, experience: int, rest: Parameters) -> Form:
        pairs = self.found.values()
        return Form(
            signature,
            tuple(self.found),
            np.array([value for value, _ in pairs], dtype=np.float64),
            np.array([visits for _, visits in pairs], dtype=np.float64),
            experience,
            rest,
        )


def _experience(value: JSON, at: str) -> int:
    found = stored.count(value, at)
    if found > MOST_EXPERIENCE:
        raise ValueError(f"{at}: must be {MOST_EXPERIENCE:.0e} at the most")
    return found


def _head(parameters: Mapping[str, JSON]) -> tuple[int, int]:
    encoder = stored.count(stored.member(parameters, "encoder"), "encoder")
    return encoder, _experience(stored.member(parameters, "experience"), "experience")


def _rest(parameters: Mapping[str, JSON], *without: str) -> Parameters:
    return {key: value for key, value in parameters.items() if key not in without}


# A network's weights.


def _network(parameters: Mapping[str, JSON], kind: str, largest: float) -> Form:
    encoder, experience = _head(parameters)
    arrays = stored.member(parameters, "arrays")
    if not isinstance(arrays, Mapping) or not 1 <= len(arrays) <= MOST_ARRAYS:
        raise ValueError(f"arrays: must hold 1 to {MOST_ARRAYS} arrays by name")
    shapes: list[tuple[str, tuple[int, ...]]] = []
    parts: list[Floats] = []
    size = 0
    for name, given in sorted(arrays.items()):
        at = f"arrays.{name[:40]}"
        found = _array(given, at)
        size += found.size
        if size > MOST_NUMBERS:
            raise ValueError(f"{at}: there may be {MOST_NUMBERS} numbers in all")
        if not np.isfinite(found).all():
            raise ValueError(f"{at}: must hold finite numbers only")
        if found.size and (worst := float(np.abs(found).max())) > largest:
            raise ValueError(f"{at}: {worst:g} is beyond {largest:g}")
        shapes.append((name, found.shape))
        parts.append(found.ravel())
    return Form(
        Signature(kind, encoder, tuple(shapes)),
        None,
        np.concatenate(parts),
        np.full(size, float(experience)),
        experience,
        _rest(parameters, "arrays", "experience"),
    )


def _array(given: JSON, at: str) -> Floats:
    try:
        found = np.array(given)
        # Numbers as text would be read as numbers by a conversion, and truth values as well.
        if found.dtype.kind not in "if":
            raise ValueError
        return found.astype(np.float64)
    except (ValueError, OverflowError):
        raise ValueError(f"{at}: must be an array of numbers") from None


def _arrays(form: Form) -> JSON:
    found: dict[str, JSON] = {}
    at = 0
    for name, shape in form.signature.shapes:
        size = int(np.prod(shape, dtype=np.int64))
        found[name] = form.values[at : at + size].reshape(shape).tolist()
        at += size
    return found


# A table of states and actions.
#
# What a state is worth depends on what else goes on at a site, how much better one action is than
# another hardly does. Were values averaged one by one, an action that was tried at an easy site
# only would look better than all that were tried at a hard one. So a state's mean over the actions
# is one number, and what sets each action apart from it another (the parts of Z. Wang et al.,
# "Dueling network architectures", 2016).


def _tabular(parameters: Mapping[str, JSON], largest: float) -> Form:
    encoder, experience = _head(parameters)
    cells = _Cells(largest)
    width = 0
    rows = stored.items(stored.member(parameters, "states"), "states")
    for number, row in enumerate(rows):
        at = f"states[{number}]."
        levels = tuple(
            [
                stored.count(each, f"{at}levels")
                for each in stored.items(stored.member(row, "levels", at), f"{at}levels")
            ]
        )
        values = stored.items(stored.member(row, "values", at), f"{at}values", width or None)
        width = len(values)
        visits = stored.items(stored.member(row, VISITED, at), f"{at}{VISITED}", width)
        if not width:
            raise ValueError(f"{at}values: must hold one or more")
        if (levels, 0) in cells.found:
            raise ValueError(f"{at}levels: the same state stands twice")
        for place in range(width):
            cells.add((levels, place), values[place], visits[place], at)
    actions = tuple([("values", (width,))] if rows else ())
    signature = Signature("tabular", encoder, actions)
    form = cells.form(signature, experience, _rest(parameters, "states", "experience"))
    return _apart(form, len(rows), width) if rows else form


def _apart(form: Form, states: int, width: int) -> Form:
    """Every state's mean before what sets its actions apart."""
    values, counts = form.values.reshape(states, width), form.counts.reshape(states, width)
    means = values.mean(axis=1, keepdims=True)
    keys = form.keys or ()
    ordered: list[Hashable] = []
    for place in range(0, len(keys), width):
        levels, _ = cast(tuple[Hashable, int], keys[place])
        ordered += [(levels, OF_STATE), *keys[place : place + width]]
    return replace(
        form,
        keys=tuple(ordered),
        values=np.hstack([means, values - means]).ravel(),
        counts=np.hstack([counts.sum(axis=1, keepdims=True), counts]).ravel(),
        rows=np.repeat(np.arange(states), width + 1),
    )


def _states(form: Form) -> JSON:
    means = {key[0]: value for key, value, _ in _items(form) if key[1] == OF_STATE}
    rows: dict[tuple[JSON, ...], tuple[list[JSON], list[JSON]]] = {}
    for (levels, place), value, visits in _items(form):
        if place != OF_STATE:
            values, counts = rows.setdefault(levels, ([], []))
            values.append(means[levels] + value)
            counts.append(visits)
    return [
        {"levels": list(levels), "values": values, VISITED: counts}
        for levels, (values, counts) in rows.items()
    ]


# The tables of the live strategies.


def _q_learning(parameters: Mapping[str, JSON], largest: float) -> Form:
    version = stored.count(stored.member(parameters, "version"), "version")
    stored.share(stored.member(parameters, "epsilon"), "epsilon")
    cells = _Cells(largest)
    for number, table in enumerate(stored.items(stored.member(parameters, "tables"), "tables")):
        at = f"tables[{number}]."
        ids = _texts(table, "endpoints", at)
        states = stored.items(stored.member(table, "states", at), f"{at}states")
        for i, state in enumerate(states):
            within = f"{at}states[{i}]."
            levels = _texts(state, "levels", within, len(ids))
            _row(cells, (ids, levels), state, within, len(ids))
    visits = sum(count for _, count in cells.found.values())
    return cells.form(Signature("q_learning", version), visits, _rest(parameters, "tables"))


def _tables(form: Form) -> JSON:
    tables: dict[tuple[str, ...], dict[tuple[str, ...], tuple[list[JSON], list[JSON]]]] = {}
    for key, value, visits in _items(form):
        (ids, levels), _ = key
        values, counts = tables.setdefault(ids, {}).setdefault(levels, ([], []))
        values.append(value)
        counts.append(visits)
    return [
        {
            "endpoints": list[JSON](ids),
            "states": [
                {"levels": list[JSON](levels), "values": values, VISITED: counts}
                for levels, (values, counts) in states.items()
            ],
        }
        for ids, states in tables.items()
    ]


def _q_routing(parameters: Mapping[str, JSON], largest: float) -> Form:
    version = stored.count(stored.member(parameters, "version"), "version")
    steps = _experience(stored.member(parameters, "steps"), "steps")
    cells = _Cells(largest)
    for number, row in enumerate(stored.items(stored.member(parameters, "domains"), "domains")):
        at = f"domains[{number}]."
        domain = stored.text(stored.member(row, "domain", at), f"{at}domain")
        ids = _texts(row, "endpoints", at)
        values = stored.items(stored.member(row, "values", at), f"{at}values", len(ids))
        visits = stored.items(stored.member(row, VISITED, at), f"{at}{VISITED}", len(ids))
        for place, id in enumerate(ids):
            if (domain, id) in cells.found:
                raise ValueError(f"{at}domain: the same value stands twice")
            cells.add((domain, id), values[place], visits[place], at)
    return cells.form(Signature("q_routing", version), steps, _rest(parameters, "domains", "steps"))


def _domains(form: Form) -> JSON:
    domains: dict[str, tuple[list[JSON], list[JSON], list[JSON]]] = {}
    for key, value, visits in _items(form):
        domain, id = key
        for column, each in zip(
            domains.setdefault(domain, ([], [], [])), (id, value, visits), strict=True
        ):
            column.append(each)
    return [
        {"domain": domain, "endpoints": ids, "values": values, VISITED: counts}
        for domain, (ids, values, counts) in domains.items()
    ]


def _row(cells: _Cells, state: Hashable, row: JSON, at: str, size: int) -> None:
    if (state, 0) in cells.found:
        raise ValueError(f"{at}levels: the same state stands twice")
    values = stored.items(stored.member(row, "values", at), f"{at}values", size)
    visits = stored.items(stored.member(row, VISITED, at), f"{at}{VISITED}", size)
    for place in range(size):
        cells.add((state, place), values[place], visits[place], at)


def _items(form: Form) -> Iterator[tuple[Any, float, int]]:
    """Key, value and visits of each number."""
    for key, value, visits in zip(form.keys or (), form.values, form.counts, strict=True):
        yield key, float(value), int(visits)


def _texts(data: JSON, name: str, at: str, size: int | None = None) -> tuple[str, ...]:
    given: Sequence[JSON] = stored.items(stored.member(data, name, at), f"{at}{name}", size)
    return tuple([stored.text(each, f"{at}{name}") for each in given])
