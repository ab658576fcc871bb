"""Several workers on one port: started, watched, started again, reloaded together, ended.

The kernel deals connections out among them (SO_REUSEPORT). The supervisor takes none itself: it
keeps the port reserved, answers the admin port for all, and carries what each has learned to the
others. If it is killed, its workers see their standard input end, and drain.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from config.balancer import Supervision
from config.schema import Settings
from load_balancer import live_settings, workers
from load_balancer.admin import AdminServer
from load_balancer.fleet import Fleet
from load_balancer.fleet_admin import FleetAdmin
from load_balancer.guard import Guard, admin_token
from load_balancer.hand_over import HandOver
from load_balancer.ports import port_problem, reserve
from load_balancer.reloading import Applied, Reloader, kept
from load_balancer.repertoire import Repertoire
from load_balancer.serving import FAULT, Operation, StartError, say, url
from load_balancer.state_file import StateFile
from load_balancer.workers import Worker, WorkerError
from rl.vocabulary import Learner

MERGES_APART = 50.0
LONGEST_PAUSE_SECONDS = 60.0
"""Merging stops each worker for as long as its table is large. The pause after it is so many times
as long as it took, up to this bound, whatever interval is configured."""

SPARE_SECONDS = 5.0
"""How much longer than its drain may take a worker may live."""

YOUNG_DEATHS = 5
"""Starts in a row that fail, with no other worker left, until there is no hope."""


class Supervisor:
    """The service of several workers.

    Attributes:
        fleet: the workers that serve.
        ready: requests are wanted.
    """

    def __init__(
        self, settings: Settings, operation: Operation, given: Sequence[socket.socket] = ()
    ) -> None:
        balancer = settings.load_balancer
        self._operation = operation
        self._given = given
        self._reserved: list[socket.socket] = []
        self._port = 0
        self._directory = Path()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = False
        state_file = balancer.learning.state_file
        self._state_file = None if state_file is None else StateFile(Path(state_file))
        self._repertoire = Repertoire(
            settings,
            random.Random(balancer.seed),
            self._restore,
        )
        self.fleet = Fleet(self._repertoire, balancer.supervision.kept_changes)
        self._guard = Guard(
            FleetAdmin(self.fleet, operation, lambda: self.ready, self._switched),
            None,
            balancer.admin_body_bytes,
        )
        self._admin = AdminServer(self._guard, balancer.admin_host, balancer.admin_port)
        self._own = Reloader(settings, [live_settings.guard_step(self._guard)])

    @property
    def settings(self) -> Settings:
        """In force."""
        return self._own.settings

    async def start(self) -> str:
        balancer = self.settings.load_balancer
        try:
            self._guard.token = admin_token(balancer)
        except ValueError as error:
            raise StartError(str(error)) from None
        try:
            self._remember()
            self._take_port()
            admin_port = await self._start_admin()
            self._make_directory()
            await self._start_all(balancer.workers)
        except BaseException:
            self._stopping = True
            await self._end_workers(signal.SIGKILL)
            await self._admin.stop()
            self._release()
            raise
        self._operation.counts.workers = len(self.fleet.workers)
        learning = balancer.learning
        self._tasks.append(asyncio.create_task(self._keep_merging(learning.merge_interval_seconds)))
        if self._state_file is not None:
            self._tasks.append(asyncio.create_task(self._keep_saving()))
        self.ready = True
        secured = bool(balancer.tls.certificates)
        return (
            f"ready {balancer.node_name} {url(balancer.host, self._port, secured)} "
            f"admin {url(balancer.admin_host, admin_port)}"
        )

    async def stop(self) -> int:
        self.ready = False
        self._stopping = True
        await self.fleet.merge(judge=False)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end_workers(signal.SIGTERM)
        await self._save()
        await self._admin.stop()
        self._release()
        return 0  # each worker has said how many it had to cut

    def hurry(self) -> None:
        self.fleet.signal(signal.SIGTERM)

    def reopen_logs(self) -> None:
        self.fleet.signal(signal.SIGUSR1)

    async def apply(self, settings: Settings) -> Applied:
        before = self.settings
        # What is ours is tried first: it is taken back more easily than what the workers took.
        asked = self._guard.token, self._guard.body_bytes
        self._own.apply(settings)
        try:
            rebuild = self._repertoire.rebuilt(settings)
            applied = await self.fleet.apply(self._for_workers(before), self._for_workers(settings))
        except BaseException:
            self._guard.token, self._guard.body_bytes = asked
            self._own.settings = before
            raise
        rebuild()
        self._own.settings = kept(before, settings, applied.restart)
        return applied

    def _switched(self, strategy: str) -> None:
        self._own.settings = live_settings.with_strategy(self.settings, strategy)

    def _restore(self, name: str, learner: Learner) -> None:
        if self._state_file is not None:
            self._state_file.restore(name, learner)

    def _for_workers(self, settings: Settings) -> Settings:
        balancer = settings.load_balancer
        port = balancer.port or self._port
        return settings.model_copy(
            update={"load_balancer": balancer.model_copy(update={"port": port})}
        )

    def _take_port(self) -> None:
        balancer = self.settings.load_balancer
        if self._given:
            self._port = self._given[0].getsockname()[1]
            return
        try:
            self._reserved = reserve(balancer.host, balancer.port)
        except (OSError, UnicodeError) as error:
            raise StartError(port_problem("port", balancer.host, balancer.port, error)) from None
        self._port = self._reserved[0].getsockname()[1]

    def _remember(self) -> None:
        if self._state_file is not None:
            try:
                self._state_file.prepare()
            except OSError as error:
                raise StartError(self._state_file.problem(error)) from None
        names = [] if self._state_file is None else self._state_file.names()
        self.fleet.remember([*names, self.settings.load_balancer.strategy])

    def _make_directory(self) -> None:
        try:
            # Only its owner may enter it (mode 0700).
            self._directory = Path(tempfile.mkdtemp(prefix="slb-"))
        except OSError as error:
            raise StartError(f"no directory for the workers' sockets: {error}") from None
        if not workers.reachable(self._directory / "999.sock"):
            raise StartError(f"TMPDIR: {self._directory.parent} is too long for a unix socket")

    async def _start_all(self, count: int) -> None:
        try:
            # One before the others: what is wrong with the settings is said once.
            started = [await self._start_one(1)]
            rest = await asyncio.gather(
                *(self._start_one(number) for number in range(2, count + 1)),
                return_exceptions=True,  # none is left behind in the middle of its start
            )
            for each in rest:
                if isinstance(each, BaseException):
                    raise each
                started.append(each)
        except WorkerError as error:
            if error.exit_code == StartError("").exit_code:
                raise StartError("") from None  # it has said why
            raise StartError(str(error), FAULT) from None
        self._tasks += [asyncio.create_task(self._keep(each)) for each in started]

    async def _start_one(self, number: int) -> Worker:
        began = self._for_workers(self.settings)
        place = HandOver(
            number,
            self._directory / f"{number}.sock",
            began,
            tuple(each.fileno() for each in self._given),
            dict(self.fleet.known),
        )
        worker = await workers.start(place, self.settings.load_balancer.supervision.start_seconds)
        await self.fleet.join(worker, began, lambda: self._for_workers(self.settings))
        return worker

    async def _keep(self, worker: Worker) -> None:
        """See to it that there is a worker in this one's place."""
        clock = asyncio.get_running_loop().time
        supervision = self.settings.load_balancer.supervision
        counts = self._operation.counts
        young = 0
        while True:
            began = clock()
            code = await worker.ended()
            self.fleet.leave(worker)
            counts.workers = len(self.fleet.workers)
            if self._stopping:
                return
            say(f"worker {worker.number} {workers.ending(code)}; another one is started")
            young = young + 1 if clock() - began < supervision.max_backoff_seconds else 0
            while True:
                await asyncio.sleep(backoff_seconds(supervision, young))
                try:
                    worker = await self._start_one(worker.number)
                    break
                except (WorkerError, OSError) as error:
                    young += 1
                    say(str(error))
                    if young >= YOUNG_DEATHS and not self.fleet.workers:
                        self._operation.fail("no worker can be started any more")
                        return
            counts.restarts += 1
            counts.workers = len(self.fleet.workers)

    async def _end_workers(self, number: signal.Signals) -> None:
        balancer = self.settings.load_balancer
        ending = list(self.fleet.workers)
        self.fleet.signal(number)
        patience = balancer.drain.delay_seconds + balancer.deadlines.drain_seconds + SPARE_SECONDS
        try:
            async with asyncio.timeout(patience):
                await asyncio.gather(*(worker.ended() for worker in ending))
        except TimeoutError:
            say("workers did not end and are killed")
            for worker in ending:
                worker.signal(signal.SIGKILL)
            await asyncio.gather(*(worker.ended() for worker in ending))

    async def _start_admin(self) -> int:
        balancer = self.settings.load_balancer
        try:
            return await self._admin.start()
        except (OSError, UnicodeError) as error:
            raise StartError(
                port_problem("admin_port", balancer.admin_host, balancer.admin_port, error)
            ) from None

    def _release(self) -> None:
        for each in self._reserved:
            each.close()
        if self._directory.name:
            shutil.rmtree(self._directory, ignore_errors=True)

    async def _keep_merging(self, interval: float) -> None:
        clock = asyncio.get_running_loop().time
        pause = interval
        while True:
            await asyncio.sleep(pause)
            began = clock()
            await _once(self.fleet.merge)
            pause = max(interval, min(MERGES_APART * (clock() - began), LONGEST_PAUSE_SECONDS))

    async def _keep_saving(self) -> None:
        while True:
            await asyncio.sleep(self.settings.load_balancer.learning.save_interval_seconds)
            await _once(self._save)

    async def _save(self) -> None:
        learned = self._repertoire.learned()
        if self._state_file is not None and learned:
            await asyncio.to_thread(self._state_file.save, learned)


async def _once(work: Callable[[], Awaitable[None]]) -> None:
    """Do it; a failure is reported and is not the end of what comes next."""
    try:
        await work()
    except Exception as error:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"{work.__name__} failed", "exception": error}
        )


def backoff_seconds(supervision: Supervision, young: int) -> float:
    """How long the next start waits after so many workers in a row that died young."""
    if not young:
        return 0.0
    doubled = supervision.backoff_seconds * 2.0 ** min(young - 1, 30)
    return min(doubled, supervision.max_backoff_seconds)
