"""The processes of an experiment: servers that live through it, fresh balancers for every run.

Everything listens on loopback ports that the system chooses. Knows nothing of strategies' merits
or of statistics.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from backend.processes import Process, ProcessError, Processes, ending
from backend.run_servers import server_command
from config.loading import effective_yaml
from config.open_files import allow_open_files
from config.schema import Server, Settings
from evaluation.strain import StrainGauge

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
IDLE_POLL_SECONDS = 0.05
MOST_FILES = 8192
DIFFERENT_SEED = 1_000_003
"""Between the seeds of two balancers of one run."""


class ExperimentError(Exception):
    """The experiment cannot be run or go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What the balancer's log says of one request: its last attempt."""

    endpoint: str
    attempts: int
    explored: bool
    propensity: float


class Bed:
    """A testbed: starts servers and balancers, and brings the servers back to their beginning.

    Use ``open_testbed``, which leaves no process behind.
    """

    def __init__(self, settings: Settings, folder: Path, processes: Processes) -> None:
        self._settings = settings
        self._folder = folder
        self._config = folder / "config.yaml"
        self._processes = processes
        self._servers: list[tuple[Server, Process]] = []

    def start_servers(self) -> None:
        """Raises ExperimentError if one does not come up."""
        servers = [
            server.model_copy(update={"host": HOST, "port": 0}) for server in self._settings.servers
        ]
        # The balancers read it too, who must not know of servers that join later.
        simulation = self._settings.simulation.model_copy(update={"joins": {}})
        written = {"servers": tuple(servers), "simulation": simulation}
        self._config.write_text(
            effective_yaml(self._settings.model_copy(update=written)), encoding="utf-8"
        )
        try:
            started = self._processes.start_all(
                [server_command(server, self._config) for server in servers]
            )
        except ProcessError as error:
            raise ExperimentError(f"a server {_why(error)}") from None
        self._servers = list(zip(servers, started, strict=True))

    @contextmanager
    def balancers(self, strategy: str, seed: int) -> Iterator[list[Process]]:
        """As many balancers as ``simulation.balancers`` says, which know nothing yet, neither of
        each other nor of servers that join later. When the block ends their logs are on disk.

        Raises:
            ExperimentError: one does not come up.
        """
        logs = self.logs_of(strategy, seed)
        commands = [
            self._command(strategy, seed + DIFFERENT_SEED * number, log)
            for number, log in enumerate(logs)
        ]
        with Processes() as own:
            try:
                processes = own.start_all(commands)
            except ProcessError as error:
                raise ExperimentError(f"the balancer with {strategy} {_why(error)}") from None
            yield processes
            self.check(processes)

    def _command(self, strategy: str, seed: int, log: Path) -> list[str]:
        joining = self._settings.simulation.joins
        servers = [
            {**server.model_dump(mode="json"), "port": urlsplit(process.url).port}
            for server, process in self._servers
            if server.id not in joining
        ]
        # As arguments, since the environment may override what stands in a file.
        overrides = {
            "servers": servers,
            "load_balancer.seed": seed,
            "load_balancer.admin_host": HOST,
            "load_balancer.request_log.path": str(log),
            "load_balancer.learning.state_file": None,
        }
        command = [sys.executable, str(ROOT / "load_balancer" / "main.py"), "run"]
        command += ["--config", str(self._config), "--strategy", strategy, "--host", HOST]
        command += ["--port", "0", "--admin-port", "0", "--until-stdin-closes"]
        for key, value in overrides.items():
            command += ["--set", f"{key}={json.dumps(value)}"]
        return command

    def logs_of(self, strategy: str, seed: int) -> list[Path]:
        """Where that run's request logs are, one for each balancer."""
        return [
            self._folder / f"{strategy}-{seed}-{number}.jsonl"
            for number in range(self._settings.simulation.balancers)
        ]

    def gauge(self, balancers: Sequence[Process]) -> StrainGauge:
        """Measures from now on how hard the machine works."""
        return StrainGauge(
            [process.pid for _, process in self._servers], [each.pid for each in balancers]
        )

    @property
    def joining(self) -> dict[str, float]:
        """Who joins later, and how many seconds after the load begins."""
        return dict(self._settings.simulation.joins)

    async def join(self, id: str, seconds: float, balancers: Sequence[Process]) -> None:
        """After so many seconds, tells all balancers of that server.

        Raises:
            ExperimentError: one of them does not want it.
        """
        await asyncio.sleep(seconds)
        server, process = next(each for each in self._servers if each[0].id == id)
        entry = {
            "id": id,
            "host": HOST,
            "port": urlsplit(process.url).port,
            "weight": server.weight,
            "tags": server.tags,
            "domains": server.domains,
        }
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            for balancer in balancers:
                try:
                    response = await client.post(f"{balancer.admin_url}/endpoints", json=entry)
                    response.raise_for_status()
                except httpx.HTTPError as error:
                    self.check()
                    raise ExperimentError(f"{id}: cannot join: {error}") from None

    async def reset(self, seed: int) -> None:
        """Every server as on its first second: schedule, dice and counters.

        Raises:
            ExperimentError: one of them does not answer, or refuses.
        """
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            await asyncio.gather(
                *(self._reset(client, server, process, seed) for server, process in self._servers)
            )

    async def _reset(
        self, client: httpx.AsyncClient, server: Server, process: Process, seed: int
    ) -> None:
        behaviour = {
            "base_delay_ms": server.base_delay_ms,
            "service": asdict(server.service),
            "seed": seed,
            "paired_sizes": True,
            "reset": True,
        }
        try:
            response = await client.post(f"{process.url}/behaviour", json=behaviour)
            response.raise_for_status()
        except httpx.HTTPError as error:
            self.check()
            raise ExperimentError(f"{server.id}: cannot be reset: {error}") from None

    async def until_idle(self, seconds: float) -> None:
        """Waits until no server works on a request any more.

        Raises:
            ExperimentError: one still does after ``seconds``.
        """
        deadline = time.monotonic() + seconds
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            for server, process in self._servers:
                while active := await self._active(client, server, process):
                    if time.monotonic() > deadline:
                        raise ExperimentError(
                            f"{server.id}: still works on {active} requests {seconds:g} s after"
                            " the load ended"
                        )
                    await asyncio.sleep(IDLE_POLL_SECONDS)

    async def _active(self, client: httpx.AsyncClient, server: Server, process: Process) -> int:
        try:
            response = await client.get(f"{process.url}/health")
            return int(response.raise_for_status().json()["active_requests"])
        except httpx.HTTPError as error:
            self.check()
            raise ExperimentError(f"{server.id}: does not tell its health: {error}") from None

    def check(self, more: Sequence[Process] | None = None) -> None:
        """Raises ExperimentError if a server, or one of ``more``, has ended."""
        for process in [*(process for _, process in self._servers), *(more or ())]:
            if process.exit_code is not None:
                lines = "\n".join(process.last_lines[-5:])
                raise ExperimentError(
                    f"{process.name} ended with {ending(process.exit_code)} during the experiment"
                    + (f":\n{lines}" if lines else "")
                )


@contextmanager
def open_testbed(settings: Settings, folder: Path) -> Iterator[Bed]:
    """A testbed whose servers run; all its processes end with the block, however it ends.

    Args:
        folder: for configuration and logs.
    """
    # For us and the processes that we start: where a strategy lets queues grow, hundreds of
    # requests are under way at once.
    allow_open_files(MOST_FILES)
    with Processes() as processes:
        bed = Bed(settings, folder, processes)
        bed.start_servers()
        yield bed


def _why(error: ProcessError) -> str:
    code = error.exit_code
    how = "was not ready in time" if code is None else f"could not start, {ending(code)}"
    return "\n".join([how, *error.last_lines[-5:]]) if error.last_lines else how


def read_placements(*logs: Path) -> dict[str, Placement]:
    """The balancers' request logs by request id. A line cut off at its end is left out."""
    found: dict[str, Placement] = {}
    for log in logs:
        if not log.exists():
            continue
        for line in log.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            id, attempt = entry["request_id"], entry["attempt"]
            if id not in found or attempt >= found[id].attempts:
                found[id] = Placement(
                    entry["endpoint"], attempt, entry["explored"], entry["propensity"]
                )
    return found
