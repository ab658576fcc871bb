"""One fog that is stepped from outside, and a bounded number of them by id.

An action is checked as a whole before anything moves: either all of it is done, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend import fog_shapes as shapes
from backend.fog_shapes import Shape
from rl.fog.settings import FogSettings
from rl.fog.tasks import Task
from rl.fog.world import World

MOST_TICKS_PER_STEP = 10_000
MOST_PLACES = 100_000
"""In the agents' queues together; each place stands in the state, empty ones too."""


@dataclass(frozen=True, slots=True)
class Move:
    """What one controller is told.

    Attributes:
        slots: indexes into the node's neighbours; of a batch, one per task.
        count: tasks at the most, where there is one index.
        batch: the answer has the shape for lists.
    """

    controller: int
    slots: tuple[int, ...]
    count: int = 1
    batch: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """A federated-learning message on its way between two agents' nodes."""

    id: str
    source: int
    destination: int
    size_bytes: float


class Refused(Exception):
    """What was asked for cannot be done.

    Attributes:
        place: where in the request it stands, as keys and indexes.
    """

    def __init__(self, problem: str, place: Sequence[str | int] = ()) -> None:
        super().__init__(problem)
        self.place = tuple(place)


class Over(Exception):
    """The episode is over; it can be reset."""


class FogSimulation:
    """A fog between two decisions.

    Raises:
        Refused: a step would take too long, or a state be too large.
    """

    def __init__(self, settings: FogSettings) -> None:
        if settings.decision_ticks > MOST_TICKS_PER_STEP:
            raise Refused(
                f"there may be {MOST_TICKS_PER_STEP} ticks from one decision to the next, not "
                f"{settings.decision_ticks}",
                ("decision_ticks",),
            )
        places = sum(settings.all_queue_limits[agent] for agent in settings.agents)
        if places > MOST_PLACES:
            raise Refused(
                f"the agents' queues may have {MOST_PLACES} places together, not {places}",
                ("queue_limits",),
            )
        self.settings = settings
        self._agents = frozenset(settings.agents)
        self._seed = settings.seed
        self.reset()

    def reset(self, seed: int | None = None) -> None:
        """From the first tick on, with another seed or the same one again."""
        if seed is not None:
            self._seed = seed
        world = World(self.settings, self._seed)
        world.harvest()
        world.begin()
        self._world = world
        self._finished = False
        self._told: set[str] = set()

    @property
    def world(self) -> World:
        return self._world

    @property
    def over(self) -> bool:
        """The last tick is past."""
        return self._finished

    @property
    def done(self) -> bool:
        """The next action would be the last one, or has been."""
        return self._finished or self._next_stop >= self.settings.last_tick

    def information(self) -> Shape:
        """The answer to GET /state. Nothing changes by asking."""
        return shapes.information(self._world, self.done)

    def information_text(self) -> str:
        """The same as JSON, which is made faster."""
        return shapes.information_text(self._world, self.done)

    def neighbour_data(self) -> Shape:
        return shapes.neighbour_data(self._world)

    def act(self, moves: Sequence[Move]) -> list[Shape]:
        """Each controller's move, then on to the next decision. The answers tell what was so at
        this one.

        Raises:
            Refused: a controller is none, or has two moves; nothing has moved.
            Over: there is no next decision.
        """
        self._ready()
        seen = set()
        for index, move in enumerate(moves):
            if move.controller not in self._agents:
                raise Refused(
                    f"node {move.controller} is no controller; they are "
                    f"{', '.join(map(str, self.settings.agents))}",
                    (index, "controllerId"),
                )
            if move.controller in seen:
                raise Refused(
                    f"controller {move.controller} has two actions", (index, "controllerId")
                )
            seen.add(move.controller)
        harvest = self._harvested()
        results = [self._do(move, harvest.get(move.controller, [])) for move in moves]
        self._advance()
        return results

    def forward(self) -> list[Shape]:
        """On to the next decision, without an action.

        Raises:
            Over: there is none.
        """
        self._ready()
        self._harvested()
        self._advance()
        return []

    def send(self, updates: Sequence[Update]) -> bool:
        """Federated-learning messages between agents' nodes; False if one has no way.

        Raises:
            Refused: an end is no controller, or an id is not new; nothing was sent.
            Over: the episode is.
        """
        self._ready()
        known = set(self._world.transferred)
        for index, update in enumerate(updates):
            for name, node in (("src", update.source), ("dst", update.destination)):
                if node not in self._agents:
                    raise Refused(f"node {node} is no controller", (index, name))
            if update.id in known:
                raise Refused(f"there was an update {update.id!r} already", (index, "uuid"))
            known.add(update.id)
        try:
            sent = [
                self._world.transfer(each.id, each.source, each.destination, each.size_bytes)
                for each in updates
            ]
        except ValueError as error:
            raise Refused(str(error)) from None
        return all(sent)

    def arrived(self) -> list[str]:
        """Updates that have arrived since this was asked last."""
        ids = [
            id for id, there in self._world.transferred.items() if there and id not in self._told
        ]
        self._told.update(ids)
        return ids

    @property
    def _next_stop(self) -> int:
        return self._world.now + self.settings.decision_ticks

    def _ready(self) -> None:
        if self._finished:
            raise Over("the episode is over; POST /reset begins another")

    def _advance(self) -> None:
        if self.done:
            # There is no state after the last tick: the last one stays to be read.
            self._finished = True
            return
        self._world.tallies.begin_period()
        for _ in range(self.settings.decision_ticks):
            self._world.advance()

    def _harvested(self) -> dict[int, list[Task]]:
        """Tasks completed since the last action, by the node that took their application."""
        found: dict[int, list[Task]] = {}
        for task in self._world.harvest():
            found.setdefault(task.application.home, []).append(task)
        return found

    def _do(self, move: Move, completed: Sequence[Task]) -> Shape:
        world, node = self._world, move.controller
        neighbours = world.ground.neighbours[node]
        if any(not 0 <= slot < len(neighbours) for slot in move.slots):
            return shapes.failed_result(node)
        if not move.batch:
            (slot,) = move.slots
            # What it answers is what was so before the task left.
            result = shapes.basic_result(world, node, slot, True, completed)
            result["success"] = world.act(node, slot, move.count) > 0
            return result
        enough = 0 < len(move.slots) <= _undecided(world, node)
        done = enough and all([world.act(node, slot) > 0 for slot in move.slots])
        return shapes.batch_result(world, node, move.slots, done, completed)


class FogSimulations:
    """Simulations by id.

    Args:
        most: how many there may be, the first one, ``0``, included.
    """

    FIRST = "0"

    def __init__(self, settings: FogSettings, most: int = 16) -> None:
        self._settings = settings
        self._most = most
        self._by_id = {self.FIRST: FogSimulation(settings)}
        self._next = 1

    def __iter__(self) -> Iterator[tuple[str, FogSimulation]]:
        return iter(list(self._by_id.items()))

    def __getitem__(self, id: str) -> FogSimulation:
        """Raises KeyError."""
        return self._by_id[id]

    def create(self, settings: FogSettings | None = None) -> str:
        """Another one; its id.

        Args:
            settings: those of the first by default.

        Raises:
            Refused: there are enough.
        """
        if len(self._by_id) >= self._most:
            raise Refused(f"there may be {self._most} simulations; delete one first")
        id, self._next = str(self._next), self._next + 1
        self._by_id[id] = FogSimulation(settings or self._settings)
        return id

    def delete(self, id: str) -> None:
        """Raises:
        KeyError: there is none of that id.
        Refused: the first one stays.
        """
        if id == self.FIRST:
            raise Refused("the first simulation cannot be deleted")
        del self._by_id[id]


def _undecided(world: World, node: int) -> int:
    return sum(not task.local for task in world.nodes.queued(node))
