"""What the agent of document 003 has learned: a value for each endpoint in each joint load state.

Bounded, stored as JSON, shown to a person. Knows nothing of how values come about.

A joint state belongs to its membership: the candidates in their order. When another membership
comes up, because an endpoint joined, left or is out, and one of its endpoints was learned of in an
earlier one, what was learned is projected onto it: a state of it begins, endpoint by endpoint, at
the mean of what was learned of that endpoint at that load level, whoever the others were, each
state by its visits (and over all its levels, where that one was never seen). An endpoint that
nothing was learned of begins at the mean of the others. The states of the membership that came
first all begin at the initial value, as the document has it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import inf, isfinite
from typing import TypeAlias

from rl import stored
from rl.encoding import LEVELS
from rl.merging import merge_value
from rl.vocabulary import JSON

Ids: TypeAlias = tuple[str, ...]
Key: TypeAlias = tuple[Ids, tuple[int, ...]]
"""A joint state: the ids of the candidates in their order, and the load level of each."""

INITIAL_VALUE = 0.0


class Row:
    """One state: by the candidates' order, what each is worth and how often that was learned.

    Attributes:
        key: the state, as long as the table holds it; None from then on.
    """

    __slots__ = ("key", "values", "visits")

    def __init__(self, values: list[float], visits: list[int]) -> None:
        self.key: Key | None = None
        self.values = values
        self.visits = visits


class _Sum:
    """Of the values of one endpoint at one level over all states, each as often as visited."""

    __slots__ = ("total", "visits")

    def __init__(self) -> None:
        self.total = 0.0
        self.visits = 0


class QTable:
    """The states that were seen. Above ``max_values`` the least recently used ones are dropped.

    The bound counts values and not states, because a state is as large as the number of servers.
    The newest state stays even if it is larger than the bound.
    """

    def __init__(self, max_values: int) -> None:
        self._max_values = max_values
        self._clear()

    def _clear(self) -> None:
        self._rows: OrderedDict[Key, Row] = OrderedDict()
        self._held = 0
        # States held of each membership, and which of these were begun by projection.
        self._memberships: dict[Ids, int] = {}
        self._projected: set[Ids] = set()
        self._sums: dict[tuple[str, int], _Sum] = {}

    def row(self, key: Key) -> Row:
        """The row of this state, made if it is new; now the most recently used one."""
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return row
        ids = key[0]
        if self._projects(ids):
            self._projected.add(ids)
        row = Row(self._first_values(key), [0] * len(ids))
        self._hold(key, row)
        self._drop_oldest()
        return row

    def learn(self, row: Row, index: int, value: float) -> None:
        """One visit to the endpoint at ``index`` of a state has led to ``value``. A row that is no
        longer held takes it and teaches no other one."""
        key = row.key
        if key is not None:
            ids, levels = key
            place = ids[index], levels[index]
            learned = self._sums.get(place)
            if learned is None:
                learned = self._sums[place] = _Sum()
            visits = row.visits[index]
            learned.total += value * (visits + 1) - row.values[index] * visits
            learned.visits += 1
        row.values[index] = value
        row.visits[index] += 1

    def best_value(self, key: Key) -> float:
        """The highest value in this state, or what that would begin at. Makes no row and does not
        count as a use."""
        row = self._rows.get(key)
        if row is not None:
            return max(row.values)
        return max(self._first_values(key), default=INITIAL_VALUE)

    def as_json(self) -> list[JSON]:
        """All of it as plain data: per membership its states, least recently used first."""
        tables: dict[Ids, list[JSON]] = {}
        for (ids, levels), row in self._rows.items():
            tables.setdefault(ids, []).append(
                {
                    "levels": [LEVELS[level] for level in levels],
                    "values": list[JSON](row.values),
                    "visits": list[JSON](row.visits),
                }
            )
        return [
            {
                "endpoints": list[JSON](ids),
                "states": states,
                **({"projected": True} if ids in self._projected else {}),
            }
            for ids, states in tables.items()
        ]

    def load(self, tables: JSON) -> None:
        """Take up what ``as_json`` gave, instead of what is there. The endpoints need not be those
        of now: what was learned of others stays until it is dropped as the least recently used.

        Raises:
            ValueError: malformed; the message names the place and nothing was changed.
        """
        self._take(_read(tables), _read_projected(tables))

    def merge(self, base: JSON, learned: Sequence[JSON]) -> None:
        """Hold what all of ``learned`` know together, each begun at ``base``, instead of what is
        there. A state that none of them still has is forgotten.

        Raises:
            ValueError: malformed, as at ``load``.
        """
        before = _read(base)
        tables = [_read(each) for each in learned]
        rows: OrderedDict[Key, Row] = OrderedDict()
        for table in tables:
            for key in table:
                rows[key] = rows.get(key) or _merged_row(key, before, tables)
                rows.move_to_end(key)
        self._take(rows, set[Ids]().union(*map(_read_projected, learned)))

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

    def _take(self, rows: OrderedDict[Key, Row], projected: set[Ids]) -> None:
        for row in self._rows.values():
            row.key = None
        self._clear()
        for key, row in rows.items():
            self._hold(key, row)
            self._count(row, key, 1)
        self._projected = projected & self._memberships.keys()
        self._drop_oldest()

    def _hold(self, key: Key, row: Row) -> None:
        ids = key[0]
        row.key = key
        self._rows[key] = row
        self._held += len(ids)
        self._memberships[ids] = self._memberships.get(ids, 0) + 1

    def _count(self, row: Row, key: Key, sign: int) -> None:
        """Add what a row has learned to the sums, or take it away."""
        for id, level, value, visits in zip(*key, row.values, row.visits, strict=True):
            if visits:
                place = id, level
                learned = self._sums.get(place)
                if learned is None:
                    learned = self._sums[place] = _Sum()
                learned.total += sign * value * visits
                learned.visits += sign * visits
                if not learned.visits:
                    del self._sums[place]  # and with it what rounding left over

    def _drop_oldest(self) -> None:
        while self._held > self._max_values and len(self._rows) > 1:
            key, dropped = self._rows.popitem(last=False)
            dropped.key = None
            ids = key[0]
            self._held -= len(ids)
            self._count(dropped, key, -1)
            self._memberships[ids] -= 1
            if not self._memberships[ids]:
                del self._memberships[ids]
                self._projected.discard(ids)

    # The projection of what other memberships have taught.

    def _projects(self, ids: Ids) -> bool:
        if ids in self._memberships:
            return ids in self._projected
        return any((id, level) in self._sums for id in ids for level in range(len(LEVELS)))

    def _first_values(self, key: Key) -> list[float]:
        ids, levels = key
        if not self._projects(ids):
            return [INITIAL_VALUE] * len(ids)
        expected = [self._expected(id, level) for id, level in zip(ids, levels, strict=True)]
        known = [value for value in expected if value is not None]
        mean = sum(known) / len(known) if known else INITIAL_VALUE
        return [mean if value is None else value for value in expected]

    def _expected(self, id: str, level: int) -> float | None:
        learned = self._sums.get((id, level))
        if learned is None:
            learned = _Sum()
            for other in range(len(LEVELS)):
                each = self._sums.get((id, other))
                if each is not None:
                    learned.total += each.total
                    learned.visits += each.visits
        mean = learned.total / learned.visits if learned.visits else inf
        # Stored values may be so large that their sum is no number.
        return mean if isfinite(mean) else None


def _merged_row(
    key: Key, before: OrderedDict[Key, Row], tables: Sequence[OrderedDict[Key, Row]]
) -> Row:
    fresh = Row([INITIAL_VALUE] * len(key[0]), [0] * len(key[0]))
    began = before.get(key, fresh)
    having = [table[key] for table in tables if key in table]
    merged = [
        merge_value(
            (began.values[index], began.visits[index]),
            [(row.values[index], row.visits[index]) for row in having],
        )
        for index in range(len(key[0]))
    ]
    return Row([value for value, _ in merged], [visits for _, visits in merged])


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


def _read_projected(tables: JSON) -> set[Ids]:
    """The memberships that were begun by projection, of tables that can be read."""
    return {
        tuple([str(id) for id in stored.items(stored.member(table, "endpoints"), "endpoints")])
        for table in stored.items(tables, "tables")
        if isinstance(table, dict) and table.get("projected") is True
    }


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
