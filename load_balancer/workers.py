"""One worker of a supervisor: its process, and what can be asked of it.

It is started with a standard input that ends when the supervisor does, however that ends, and
serves its admin interface on a unix socket in the supervisor's private directory.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import httpx

from load_balancer.hand_over import GroupHandOver, HandOver

MAIN = Path(__file__).resolve().parent / "main.py"

ASK_SECONDS = 10.0
"""What does not answer for so long hangs. Answers take milliseconds."""

LINE_BYTES = 1 << 16


class WorkerError(Exception):
    """A worker did not start.

    Attributes:
        exit_code: what it ended with; None if it was late and has been killed.
    """

    def __init__(self, problem: str, exit_code: int | None = None) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


class NoAnswer(Exception):
    """A worker ended or hangs."""


class Worker:
    """A running worker. Made by ``start``.

    Attributes:
        number: its place.
    """

    def __init__(
        self, place: HandOver | GroupHandOver, process: asyncio.subprocess.Process
    ) -> None:
        self.number = place.number
        self._process = process
        transport = httpx.AsyncHTTPTransport(uds=str(place.admin))
        self._client = httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=ASK_SECONDS, trust_env=False
        )

    async def ask(
        self,
        method: str,
        target: str,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
        seconds: float = ASK_SECONDS,
    ) -> httpx.Response:
        """Its answer.

        Raises:
            NoAnswer: there is none.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._client.request(method, target, content=content, headers=headers)
        except (httpx.HTTPError, TimeoutError, RuntimeError) as error:
            raise NoAnswer(f"worker {self.number}: {str(error) or 'does not answer'}") from None

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on, if it still runs."""
        if self._process.returncode is None:
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                pass

    async def ended(self) -> int:
        """Once it has: its exit code, minus a signal's number."""
        code = await self._process.wait()
        await self._client.aclose()
        return code

    def close(self) -> None:
        """Let go of its standard input: it drains, as if the supervisor had ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()


async def start(place: HandOver | GroupHandOver, seconds: float, command: str = "worker") -> Worker:
    """Start one and wait until it serves.

    Args:
        command: of ``main.py``, which reads its place from standard input.

    Raises:
        WorkerError: it ended or was late; nothing of it is left.
    """
    place.admin.unlink(missing_ok=True)  # of the one before it
    output = os.dup(1)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(MAIN),
            command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(*place.sockets, output),
            # A terminal's Ctrl-C is for the supervisor, which passes it on.
            start_new_session=True,
            limit=LINE_BYTES,
        )
    finally:
        os.close(output)
    assert process.stdin is not None and process.stdout is not None
    try:
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(replace(place, output=output).line())
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            raise WorkerError(f"{command} {place.number} was not ready in {seconds} s") from None
        except ConnectionError:
            line = b""
        if not line.startswith(b"ready "):
            code = await process.wait()
            raise WorkerError(f"{command} {place.number} {ending(code)} before it was ready", code)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    return Worker(place, process)


def ending(code: int) -> str:
    """``ended with exit code 2``, or ``was ended by SIGKILL``."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def reachable(path: Path) -> bool:
    """Whether the system takes a unix socket's path of this length (sun_path has 108 bytes)."""
    return len(os.fsencode(path)) < 100
