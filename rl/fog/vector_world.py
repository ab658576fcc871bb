"""Many runs of one fog side by side, as arrays: each the same as ``World`` with its seed.

A tick has the order of ``World``. Runs do not touch each other, and within a run order matters
where messages of one tick come to one queue, and where tasks of one tick share a processor; there
it is kept. A queue is two here: what is decided to stay, and behind it what is undecided.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rl.fog.lives import MEGABYTE
from rl.fog.settings import FogSettings
from rl.fog.streams import Booleans, Floats, Integers, dice
from rl.fog.vector_arrivals import VectorArrivals
from rl.fog.vector_clouds import VectorClouds
from rl.fog.vector_ground import Grounds
from rl.fog.vector_tallies import VectorTallies
from rl.fog.vector_tasks import NO_DEADLINE, Calendar, Rings, Table, ranks


class VectorWorld:
    """E runs, from their first tick on.

    Args:
        seeds: by run.
        episode: of all of them; see ``World``.

    Attributes:
        now: the tick of all of them.
        load, shown: by flat place, tasks held, and what the neighbours believe of that.
        tallies: what has happened so far.
    """

    def __init__(
        self,
        settings: FogSettings,
        grounds: Grounds,
        seeds: Sequence[int],
        episode: int,
    ) -> None:
        self.settings = settings
        self.grounds = grounds
        self.now = 0
        size, width, nodes = grounds.E * grounds.W, grounds.W, grounds.N
        self._size = size
        self._arrivals = VectorArrivals(
            settings,
            grounds,
            [dice(seed, episode, "arrivals") for seed in seeds],
            [dice(seed, episode, "workload") for seed in seeds],
        )
        self._delays = grounds.delays.ravel()
        # Of a delay's index: + place, - the run's first place, * the row.
        places: Integers = np.arange(size, dtype=np.int64)
        self._rows: Integers = places * width - places // width * width
        self._per_kind = size * width
        types = settings.task_types
        self._work: Floats = np.array([each.work for each in types])
        self._carrying: Floats = np.array(
            [each.size_bytes / MEGABYTE * settings.energy_per_megabyte for each in types]
        )
        self._several = len(types) > 1
        limits: Integers = np.full((grounds.E, width), NO_DEADLINE, dtype=np.int64)
        limits[:, :nodes] = settings.all_queue_limits
        self._limits = limits.ravel()
        self._power = grounds.power.ravel()
        self._cost = settings.energy_per_instruction
        self.load: Integers = np.zeros(size, dtype=np.int64)
        self.shown = self.load.copy()
        self._rings = Rings(2 * size, max(settings.all_queue_limits))
        self._running: Integers = np.full(size, -1, dtype=np.int64)
        self._left: Floats = np.zeros(size)
        self._tasks = Table(8 * size)
        self._post = Calendar()
        # Tasks that came home in this tick, whose clients are still to be answered.
        self._answered: list[Integers] = []
        self._grace = settings.expiry_ticks
        self._deadlines = settings.least_deadline_seconds > 0
        arrivals = self._arrivals
        asking = self._rows.take(arrivals.clients) + arrivals.homes
        answering = self._rows.take(arrivals.homes) + arrivals.clients
        self._asking: Integers = self._delays.reshape(len(types), -1)[:, asking]
        self._answering: Integers = self._delays.reshape(len(types), -1)[:, answering]
        self.tallies = VectorTallies(settings, size, int(self._answering.max()))
        self._clouds = VectorClouds(settings, grounds, self._tasks, self._work)

    def begin(self) -> None:
        """The first tick, up to the agents' actions."""
        self._ask()

    def act(self, places: Integers, targets: Integers, local: Booleans) -> None:
        """Agents decide about the next undecided tasks of their nodes, each of which has one.

        Args:
            places, targets: flat, in the order of the agents.
            local: whether they keep it.
        """
        ids = self._rings.pop(places + self._size)
        kept = local.nonzero()[0]
        if len(kept):
            self._rings.push(places.take(kept), ids.take(kept))
            sent = (~local).nonzero()[0]
            places, targets, ids = places.take(sent), targets.take(sent), ids.take(sent)
        if not len(ids):
            return
        self.load[places] -= 1
        self.tallies.sent[places] += 1
        self._send(ids, ids, places, targets)

    def advance(self) -> None:
        """The rest of this tick, and the next one up to the agents' actions."""
        self._process()
        self._post.dispatch(self.now)
        self.shown[:] = self.load
        self.now += 1
        self.tallies.tick(self.now)
        if self._deadlines:
            self._expire()
        codes = self._post.arriving(self.now)
        if codes is not None:
            self._deliver(codes)
        self._ask()

    @property
    def tasks(self) -> int:
        """How many have not come to an end, in all runs."""
        return len(self._tasks) - sum(len(each) for each in self._answered)

    def undecided(self, places: Integers) -> Integers:
        """Flat places -> whether each has a task to decide about."""
        return self._rings.count.take(places + self._size)

    def next_kinds(self, places: Integers) -> Integers:
        """The types of these tasks; anything where there is none."""
        return self._tasks.kind.take(self._rings.heads(places + self._size))

    def cloud_loads(self) -> Integers:
        """(E, clouds)."""
        return self._clouds.loads()

    def _send(self, ids: Integers, codes: Integers, places: Integers, targets: Integers) -> None:
        """Tasks or results leave; places may come twice."""
        ways = self._rows.take(places)
        ways += targets
        if self._several:
            kinds = self._tasks.kind.take(ids)
            ways += kinds * self._per_kind
            np.add.at(self.tallies.energy, places, self._carrying.take(kinds))
        else:
            np.add.at(self.tallies.energy, places, self._carrying[0])
        self._tasks.to[ids] = targets
        self._post.send(codes, self._delays.take(ways))

    def _ask(self) -> None:
        asking, kinds, deadlines = self._arrivals.due(self.now)
        if not len(asking):
            return
        tasks, arrivals = self._tasks, self._arrivals
        ids = tasks.new(len(asking))
        clients = arrivals.clients.take(asking)
        if self._several:
            tasks.kind[ids] = kinds
            ticks = self._asking[kinds, asking]
        else:
            ticks = self._asking[0].take(asking)
        tasks.created[ids] = self.now
        tasks.pair[ids] = asking
        tasks.to[ids] = arrivals.homes.take(asking)
        tasks.length[ids] = 0
        self.tallies.ask(clients)
        if self._deadlines:
            tasks.deadline[ids] = deadlines
            self.tallies.await_result(clients, deadlines)
        self._post.send(ids, ticks)

    def _process(self) -> None:
        load, rings, tallies = self.load, self._rings, self.tallies
        tallies.overloaded += load >= self._limits
        busy = load.nonzero()[0]
        finished: list[tuple[Integers, Integers]] = []
        if len(busy):
            power = self._power.take(busy)
            budget = power.copy()
            left, running = self._left.take(busy), self._running.take(busy)
            fetch = (running < 0).nonzero()[0]
            while True:
                if len(fetch):
                    queues = busy.take(fetch)
                    queues += self._size * (rings.count.take(queues) == 0)
                    ids = rings.pop(queues)
                    running[fetch] = ids
                    left[fetch] = (
                        self._work.take(self._tasks.kind.take(ids))
                        if self._several
                        else self._work[0]
                    )
                # Whichever is less ends: the task or the tick.
                spent = np.minimum(left, budget)
                left -= spent
                budget -= spent
                over = ((left == 0) & (running >= 0)).nonzero()[0]
                if not len(over):
                    break
                places = busy.take(over)
                finished.append((running.take(over), places))
                running[over] = -1
                load[places] -= 1
                tallies.processed[places] += 1
                fetch = over[(budget.take(over) > 0) & (load.take(places) > 0)]
                if not len(fetch):
                    break
            self._running[busy] = running
            self._left[busy] = left
            power -= budget
        finished += self._clouds.process()
        if finished:
            if len(finished) == 1:
                self._settle(*finished[0])
            else:
                ended, wheres = zip(*finished, strict=True)
                self._settle(np.concatenate(ended), np.concatenate(wheres))
        if len(busy):
            tallies.work(busy, power, self._cost)
        self._answer()

    def _settle(self, ids: Integers, places: Integers) -> None:
        """Results at the places where they were made or passed by, each its path's last."""
        tasks = self._tasks
        length = tasks.length.take(ids)
        back = length > 1
        if not back.any():
            self._complete(ids, places)
            return
        ways = back.nonzero()[0]
        if len(ways) < len(ids):
            home = (~back).nonzero()[0]
            self._complete(ids.take(home), places.take(home))
            ids, places, length = ids.take(ways), places.take(ways), length.take(ways)
        length -= 1
        tasks.length[ids] = length
        length -= 1
        depth = tasks.path.shape[1]
        targets = tasks.path.ravel().take(ids * depth + length)
        self._send(ids, ~ids, places, targets)

    def _complete(self, ids: Integers, homes: Integers) -> None:
        np.add.at(self.tallies.completed, homes, 1)
        self._answered.append(ids)

    def _answer(self) -> None:
        """The results that came home in this tick go to the clients; nothing shows before."""
        if not self._answered:
            return
        tasks, tallies = self._tasks, self.tallies
        ids = np.concatenate(self._answered)
        self._answered.clear()
        pairs = tasks.pair.take(ids)
        answering = self._answering
        ticks = (
            answering[tasks.kind.take(ids), pairs] if self._several else answering[0].take(pairs)
        )
        ticks += self.now
        tallies.finish(
            self._arrivals.clients.take(pairs),
            ticks,
            tasks.created.take(ids),
            tasks.deadline.take(ids) if self._deadlines else None,
        )
        tasks.release(ids)

    def _expire(self) -> None:
        tasks = self._tasks
        due = (tasks.deadline == self.now - self._grace).nonzero()[0]
        if not len(due):
            return
        # Whatever of it is in a queue is in one of the two where it was going to.
        places = tasks.to.take(due)
        queues, gone = self._rings.remove(due, np.concatenate((places, places + self._size)))
        if len(gone):
            places = queues % self._size
            np.subtract.at(self.load, places, 1)
            np.add.at(self.tallies.expired, places, 1)
            tasks.release(gone)

    def _deliver(self, codes: Integers) -> None:
        tasks = self._tasks
        returning = codes < 0
        results = returning.nonzero()[0]
        if len(results):
            ids = ~codes.take(results)
            self._settle(ids, tasks.to.take(ids))
            codes = codes.take((~returning).nonzero()[0])
        if not len(codes):
            return
        ids, places = codes, tasks.to.take(codes)
        if self._clouds.count:
            ids, places = self._to_clouds(ids, places)
        tallies = self.tallies
        tallies.received += np.bincount(places, minlength=self._size)
        if self._deadlines:
            late = tasks.deadline.take(ids) <= self.now - self._grace
            if late.any():
                late &= tasks.length.take(ids) > 0  # those from clients are not looked at
                np.add.at(tallies.expired, places[late], 1)
                tasks.release(ids[late])
                ids, places = ids[~late], places[~late]
        if not len(ids):
            return
        order, rank = ranks(places, self._size)
        ids, places = ids.take(order), places.take(order)
        room = self._limits - self.load
        fits = rank < room.take(places)
        if not fits.all():
            refused = (~fits).nonzero()[0]
            np.add.at(tallies.refused, places.take(refused), 1)
            tasks.release(ids.take(refused))
            inside = fits.nonzero()[0]
            ids, places, rank = ids.take(inside), places.take(inside), rank.take(inside)
        self._rings.push(places + self._size, ids, rank)
        more = np.bincount(places, minlength=self._size)
        self._rings.count[self._size :] += more
        self.load += more
        self._step(ids, places)

    def _step(self, ids: Integers, places: Integers) -> None:
        """Their paths lead to these places now; a place that was passed before is gone back to."""
        tasks = self._tasks
        length = tasks.length.take(ids)
        sent = length.nonzero()[0]
        if len(sent):
            were = places.take(sent)
            np.add.at(self.tallies.taken, were, 1)
            before = length.take(sent)
            if int(before.max()) >= tasks.path.shape[1]:
                tasks.lengthen()
            depth = tasks.path.shape[1]
            known = tasks.path.take(ids.take(sent), axis=0) == were[:, None]
            # What stands behind its end is of no account: the first one counts.
            known.ravel()[np.arange(len(sent)) * depth + before] = True
            length[sent] = known.argmax(axis=1)
        tasks.path.ravel()[ids * tasks.path.shape[1] + length] = places
        length += 1
        tasks.length[ids] = length

    def _to_clouds(self, ids: Integers, places: Integers) -> tuple[Integers, Integers]:
        """Put what goes to clouds there; the rest."""
        in_cloud = places % self.grounds.W >= self.grounds.N
        if not in_cloud.any():
            return ids, places
        there, elsewhere = in_cloud.nonzero()[0], (~in_cloud).nonzero()[0]
        gone, clouds = ids.take(there), places.take(there)
        length = self._tasks.length.take(gone)
        if int(length.max()) >= self._tasks.path.shape[1]:
            self._tasks.lengthen()
        self._tasks.path[gone, length] = clouds
        self._tasks.length[gone] = length + 1
        self._clouds.accept(gone, clouds)
        return ids.take(elsewhere), places.take(elsewhere)
