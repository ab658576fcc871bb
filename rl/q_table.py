"""What the agent of document 003 has learned: a value for each endpoint in each joint load state.

Bounded, stored as JSON, shown to a person. Knows nothing of how values come about.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeAlias

from rl import stored
from rl.encoding import LEVELS
from rl.vocabulary import JSON

Key: TypeAlias = tuple[tuple[str, ...], tuple[int, ...]]
"""A joint state: the ids of the candidates in their order, and the load level of each."""

INITIAL_VALUE = 0.0


class Row:
    """One state: by the candidates' order, what each is worth and how often that was learned."""

    __slots__ = ("values", "visits")

    def __init__(self, values: list[float], visits: list[int]) -> None:
        self.values = values
        self.visits = visits


class QTable:
    """The states that were seen. Above ``max_values`` the least recently used ones are dropped.

    The bound counts values and not states, because a state is as large as the number of servers.
    The newest state stays even if it is larger than the bound.
    """

    def __init__(self, max_values: int) -> None:
        self._max_values = max_values
        self._rows: OrderedDict[Key, Row] = OrderedDict()
        self._held = 0

    def row(self, key: Key) -> Row:
        """The row of this state, made if it is new; now the most recently used one."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return row
        size = len(key[0])
        row = self._rows[key] = Row([INITIAL_VALUE] * size, [0] * size)
        self._held += size
        self._drop_oldest()
        return row

    def best_value(self, key: Key) -> float:
        """The highest value in this state. Makes no row and does not count as a use."""
        row = self._rows.get(key)
        return INITIAL_VALUE if row is None else max(row.values)

    def as_json(self) -> list[JSON]:
        """All of it as plain data: per membership its states, least recently used first."""
        tables: dict[tuple[str, ...], list[JSON]] = {}
        for (ids, levels), row in self._rows.items():
            tables.setdefault(ids, []).append(
                {
                    "levels": [LEVELS[level] for level in levels],
                    "values": list[JSON](row.values),
                    "visits": list[JSON](row.visits),
                }
            )
        return [{"endpoints": list[JSON](ids), "states": states} for ids, states in tables.items()]

    def load(self, tables: JSON) -> None:
        """Take up what ``as_json`` gave, instead of what is there.

        Raises:
            ValueError: malformed; the message names the place and nothing was changed.
        """
        self._rows = _read(tables)
        self._held = sum(len(row.values) for row in self._rows.values())
        self._drop_oldest()

    def shown(self) -> list[dict[str, JSON]]:
        """One row per state, the most learned first; ``best`` is the first of equal ones."""
        ranked = sorted(self._rows.items(), key=lambda item: -sum(item[1].visits))
        return [
            {
                "state": {id: LEVELS[level] for id, level in zip(ids, levels, strict=True)},
                "values": dict[str, JSON](zip(ids, row.values, strict=True)),
                "visits": dict[str, JSON](zip(ids, row.visits, strict=True)),
                "best": ids[row.values.index(max(row.values))],
            }
            for (ids, levels), row in ranked
        ]

    def _drop_oldest(self) -> None:
        while self._held > self._max_values and len(self._rows) > 1:
            _, dropped = self._rows.popitem(last=False)
            self._held -= len(dropped.values)


def _read(tables: JSON) -> OrderedDict[Key, Row]:
    rows: OrderedDict[Key, Row] = OrderedDict()
    for number, table in enumerate(stored.items(tables, "tables")):
        at = f"tables[{number}]."
        endpoints = stored.items(stored.member(table, "endpoints", at), f"{at}endpoints")
        ids = tuple([stored.text(each, f"{at}endpoints[{i}]") for i, each in enumerate(endpoints)])
        if not ids or len(set(ids)) != len(ids):
            raise ValueError(f"{at}endpoints: must be one or more names, each once")
        states = stored.items(stored.member(table, "states", at), f"{at}states")
        for i, state in enumerate(states):
            levels, row = _read_state(state, len(ids), f"{at}states[{i}].")
            if (ids, levels) in rows:
                raise ValueError(f"{at}states[{i}].levels: the same state stands twice")
            rows[ids, levels] = row
    return rows


def _read_state(state: JSON, size: int, at: str) -> tuple[tuple[int, ...], Row]:
    def column(name: str) -> list[tuple[JSON, str]]:
        found = stored.items(stored.member(state, name, at), f"{at}{name}", size)
        return [(each, f"{at}{name}[{i}]") for i, each in enumerate(found)]

    levels = []
    for each, place in column("levels"):
        name = stored.text(each, place)
        if name not in LEVELS:
            raise ValueError(f"{place}: must be one of {', '.join(LEVELS)}, not {name!r}")
        levels.append(LEVELS.index(name))
    values = [stored.number(each, place) for each, place in column("values")]
    visits = [stored.count(each, place) for each, place in column("visits")]
    return tuple(levels), Row(values, visits)
