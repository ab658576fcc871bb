"""A fog in virtual time: clients ask, nodes process and pass on, results come back.

Time goes in ticks. In each, in this order: nodes walk, fail and come back, messages arrive, clients
ask, the agents act, nodes process, nodes tell their neighbours how busy they are. ``advance`` runs
from between the agents' actions of one tick to just before those of the next, so that what can be
seen between two calls is what the agents decide from. All dice come from the seed, a stream per
purpose: what the agents do changes neither who asks nor for what.
"""

from __future__ import annotations

import random
from collections import Counter

from rl.fog.arrivals import clocks, targets
from rl.fog.clouds import Cloud, CloudSize
from rl.fog.disturbances import Failures, Walk
from rl.fog.ground import Ground
from rl.fog.lives import Lives
from rl.fog.nodes import Nodes
from rl.fog.post import Carriage, Message, Post, Report, Transfer
from rl.fog.settings import FogSettings
from rl.fog.streams import dice
from rl.fog.tallies import Census, Tallies
from rl.fog.tasks import Application, Place, Task
from rl.fog.views import HeardViews, SharedViews, Views
from rl.fog.workload import Workload

MOST_TRANSFERS = 100_000
"""Federated-learning messages of one run."""


class World:
    """One fog, from its first tick on.

    Args:
        episode: another one gives another run of the same seed.
        before: a world of the same settings, whose delays need not be worked out again.

    Attributes:
        now: the tick.
        ground, nodes, clouds, post, views, tallies: its parts, to be read.
        speeds: of nodes, and of one machine of each cloud, in instructions per second.
        watched: see ``Lives``.
        rearranged: neighbours or delays have changed since somebody set this to False.
        transferred: by id of a transfer, whether it has arrived.
    """

    def __init__(
        self,
        settings: FogSettings,
        seed: int,
        episode: int = 0,
        before: World | None = None,
    ) -> None:
        self.settings = settings
        self.now = 0
        self.rearranged = False
        self.transferred: dict[str, bool] = {}
        self._run = seed, episode
        self.ground = Ground(settings, self._dice("ground"))
        self.nodes = Nodes(self.ground.power, settings.all_queue_limits, settings.compat)
        self.clouds = _clouds(settings)
        self.speeds = [
            *(float(power * settings.ticks_per_second) for power in self.nodes.power),
            *[settings.cloud_instructions_per_second] * settings.clouds,
        ]
        self.tallies = Tallies(settings.nodes)
        carriage = Carriage(
            0.0 if settings.compat else settings.drop_probability,
            settings.least_jitter_ticks,
            settings.most_jitter_ticks,
            settings.link_contention,
        )
        self.post = Post(self.ground.delay, carriage, self._dice("post"), self.ground.alike)
        if before and not before.ground.clients and before.ground.same_links(self.ground):
            self.post.remember(before.post)
        self.views = self._views(carriage)
        self._lives = Lives(settings, self.ground, self.nodes, self.clouds, self.post, self.tallies)
        self.watched = self._lives.watched
        self._workload = Workload(
            settings.task_types,
            settings.dags if settings.application == "dag" else (),
            settings.trace if settings.application == "trace" else (),
            settings.least_deadline_seconds * settings.ticks_per_second,
            self._dice("workload"),
            settings.compat,
        )
        self._walk = self._walkers(settings.node_meters_per_second, settings.nodes, "walk")
        clients = settings.client_meters_per_second
        self._client_walk = self._walkers(clients, settings.nodes, "client walk")
        if self._client_walk:
            self.ground.clients = self.ground.positions[: settings.nodes]
            self.ground.move(self.ground.clients)
        scale = settings.ticks_per_second
        self._failures = (
            Failures(
                settings.nodes,
                settings.failures_per_second / scale,
                settings.repair_seconds * scale,
                self._dice("failures"),
            )
            if settings.failures_per_second
            else None
        )
        self._asked = targets(settings, self.ground)
        self._arrivals = clocks(settings, self._asked, self._dice("arrivals"))
        self._clients = self._reaching()
        # Applications by the tick in which their client gives them up, and in which their tasks do.
        self._late: dict[int, list[Application]] = {}
        self._expiring: dict[int, list[Application]] = {}
        self._again: dict[int, list[tuple[Transfer, int]]] = {}

    def begin(self) -> None:
        """The first tick, up to the agents' actions."""
        self._ask()

    def act(self, node: int, slot: int, count: int = 1) -> int:
        """An agent decides about the next undecided tasks of its node, at most ``count``.

        Args:
            slot: into the node's neighbours; 0 is itself, where the tasks are kept.

        Returns:
            How many tasks that were; 0 if there was none, or no such neighbour.
        """
        neighbours = self.ground.neighbours[node]
        if not self.nodes.up[node] or not 0 <= slot < len(neighbours) or count < 1:
            return 0
        if slot == 0:
            return self.nodes.keep(node, count)
        target = neighbours[slot]
        taken = self.nodes.take(node, count)
        for task in taken:
            self._lives.offload(task, node, target)
        return len(taken)

    def advance(self) -> None:
        """The rest of this tick, and the next one up to the agents' actions."""
        self._process()
        self.views.announce(self.nodes.load, self.nodes.up, self.now)
        self.now += 1
        self._lives.now = self.now
        if self._walk or self._client_walk:
            self._move()
        if self._failures:
            for node in self._failures.due(self.now, self.nodes.up):
                if self.nodes.up[node]:
                    self._lives.fail(node)
                else:
                    self.nodes.up[node] = True
        self._give_up()
        for transfer, node in self._again.pop(self.now, ()):
            self._forward(transfer, node)
        for message, receiver in self.post.arriving(self.now):
            self._deliver(message, receiver)
        self._ask()

    def transfer(self, id: str, source: int, destination: int, size_bytes: float) -> bool:
        """Send a federated-learning message over the fewest links; False if there is no way.

        Raises:
            ValueError: one of that id was sent before, or there were too many.
        """
        if id in self.transferred:
            raise ValueError(f"there is a transfer {id!r} already")
        if len(self.transferred) >= MOST_TRANSFERS:
            raise ValueError(f"there may be {MOST_TRANSFERS} transfers in one run")
        way = self.ground.way(source, destination)
        if way is None:
            return False
        self.transferred[id] = False
        self._forward(Transfer(id, size_bytes, way[1:]), source)
        return True

    def clients_of(self, node: int) -> int:
        """How many clients reach it, its own included; 0 where clients' tasks are not taken."""
        return self._clients[node] if node < len(self._clients) else 0

    def harvest(self) -> list[Task]:
        """Tasks completed since this was asked last; before the first time none is kept."""
        return self._lives.harvest()

    def census(self) -> Census:
        """Where all tasks are: see Census. Looks everywhere."""
        places: Counter[Place] = Counter()
        for message in self.post.on_the_way():
            if isinstance(message, Task):
                places[message.place] += 1
            elif isinstance(message, Application) and message.open:
                places[Place.COMING] += len(message.tasks)
        for node in range(len(self.nodes)):
            places.update(task.place for task in self.nodes.held(node))
        for cloud in self.clouds:
            places.update(task.place for task in cloud.held())
        tallies = self.tallies
        return Census(
            tallies.created,
            tallies.completed,
            tallies.dropped,
            tallies.expired,
            places[Place.COMING],
            places[Place.WAITING],
            places[Place.QUEUED],
            places[Place.RUNNING],
            places[Place.SENT],
            places[Place.RETURNING],
        )

    def _move(self) -> None:
        ground = self.ground
        if self._client_walk:
            ground.clients = tuple(self._client_walk.step())
        nodes = self._walk.step() if self._walk else ground.positions[: len(self.nodes)]
        changed = ground.move(nodes)
        self.post.moved()
        self.rearranged = True
        if changed or self._client_walk:
            self._asked = targets(self.settings, ground)
            self._arrivals.arrange(self._asked, self.now)
            self._clients = self._reaching()
        if changed and isinstance(self.views, HeardViews):
            self.views.arrange(ground.neighbours)

    def _give_up(self) -> None:
        for application in self._late.pop(self.now, ()):
            if not application.finished:
                application.late = True
                self.tallies.late[application.client] += 1
                self.tallies.late_lately[application.client] += 1
        for application in self._expiring.pop(self.now, ()):
            if application.open:
                self._lives.expire(application)

    def _deliver(self, message: Message, receiver: int) -> None:
        if isinstance(message, Task):
            if message.place is Place.SENT:
                self._lives.receive(message, receiver)
            else:
                self._lives.take_result(message, receiver)
        elif isinstance(message, Application):
            if message.open:
                self._lives.accept(message)
            else:
                self._lives.finish(message)
        elif isinstance(message, Report):
            if self.nodes.up[receiver]:
                self.views.receive(message, receiver)
        else:
            self._forward(message, receiver)

    def _ask(self) -> None:
        tallies, settings = self.tallies, self.settings
        for client, home in self._arrivals.due(self.now):
            application = self._workload.application(client, home, self.now)
            tallies.created += len(application.tasks)
            tallies.asked[client] += 1
            if application.deadline:
                # The original counts from the moment of asking to the *time* of the deadline.
                counted_twice = application.created if settings.compat else 0
                gone = application.deadline + 1 + counted_twice
                self._late.setdefault(gone, []).append(application)
                expires = application.deadline + settings.expiry_ticks
                self._expiring.setdefault(expires, []).append(application)
            place = self.ground.client_place(client)
            size = application.tasks[0].size_bytes
            if not self.post.send(application, place, home, size, self.now):
                self._lives.refuse(application, client)

    def _process(self) -> None:
        nodes, tallies, lives = self.nodes, self.tallies, self._lives
        settings = self.settings
        cost = settings.energy_per_megabyte if settings.compat else settings.energy_per_instruction
        loads, limits, spent = nodes.load, nodes.limits, nodes.instructions
        for node in range(len(loads)):
            load = loads[node]
            if not load:
                continue
            if load >= limits[node]:
                tallies.overloaded[node] += 1
            before = spent[node]
            for task in nodes.process(node, self.now):
                tallies.processed[node] += 1
                lives.processed(task, node)
            tallies.energy[node] += (spent[node] - before) * cost
        for cloud in self.clouds:
            for task in cloud.process():
                lives.processed(task, cloud.node)

    def _forward(self, transfer: Transfer, node: int) -> None:
        if not transfer.way:
            self.transferred[transfer.id] = True
            return
        if self.post.send(transfer, node, transfer.way[0], transfer.size_bytes, self.now):
            transfer.way.pop(0)
        else:
            again = self.now + self.settings.retransmission_ticks
            self._again.setdefault(again, []).append((transfer, node))

    def _dice(self, purpose: str) -> random.Random:
        return dice(*self._run, purpose)

    def _reaching(self) -> list[int]:
        found = [0] * len(self.nodes)
        for asked in self._asked.values():
            for node in asked:
                found[node] += 1
        return found

    def _views(self, carriage: Carriage) -> Views:
        settings = self.settings
        size = settings.nodes + settings.clouds + 1
        if not carriage.drop and not carriage.most_jitter:
            return SharedViews(settings.nodes, size)
        return HeardViews(
            size,
            self.ground.neighbours,
            self.post,
            settings.retransmission_ticks,
            settings.most_transmissions,
        )

    def _walkers(self, meters_per_second: float, count: int, purpose: str) -> Walk | None:
        if not meters_per_second:
            return None
        settings = self.settings
        return Walk(
            self.ground.positions[:count],
            settings.area_meters,
            meters_per_second / settings.ticks_per_second,
            self._dice(purpose),
        )


def _clouds(settings: FogSettings) -> list[Cloud]:
    power = max(1, int(settings.cloud_instructions_per_second / settings.ticks_per_second))
    size = CloudSize(settings.cloud_machines, power)
    return [
        Cloud(settings.nodes + number, size, settings.compat) for number in range(settings.clouds)
    ]
