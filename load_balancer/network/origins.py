"""The process of the origins that are started with a network."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.layout import Address
from load_balancer.serving import FAULT, StartError, say
from load_balancer.workers import ending

SCRIPT = Path(__file__).resolve().parents[2] / "backend" / "origin.py"

READY = re.compile(rb"ready (\S+) http://(\S+)\n\Z")
END_SECONDS = 5.0


class Origins:
    """See the module's text. It ends with this process, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stopping = False
        self._watch = asyncio.create_task(self._tell())

    async def stop(self) -> None:
        """End it."""
        self._stopping = True
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        await self._watch

    async def _tell(self) -> None:
        code = await self._process.wait()
        if not self._stopping:
            say(f"the process of the origins {ending(code)}; no page can be fetched any more")


async def start(
    origins: Mapping[str, Address], arguments: Sequence[str], seconds: float
) -> tuple[Origins, dict[str, Address]]:
    """Start them; the process, and where each of them listens.

    Args:
        origins: by domain; port 0 lets the system choose. All of one host.
        arguments: of the script, besides.

    Raises:
        StartError: they did not start; nothing of them is left.
    """
    host = next(iter(origins.values())).host
    words = [f"{domain}:{address.port}" for domain, address in origins.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        *words,
        *("--host", host, "--until-stdin-closes", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # A terminal's Ctrl-C is for this process, which passes it on.
        start_new_session=True,
    )
    assert process.stdout is not None
    found: dict[str, Address] = {}
    try:
        async with asyncio.timeout(seconds):
            while len(found) < len(origins):
                ready = READY.match(await process.stdout.readline())
                if ready is None:
                    break
                found[ready[1].decode()] = Address.read(ready[2].decode())
    except TimeoutError:
        pass
    if len(found) < len(origins):
        late = process.returncode is None and not process.stdout.at_eof()
        if late:
            process.kill()
        code = await process.wait()
        if late:
            raise StartError(f"the origins were not ready in {seconds:g} s", FAULT)
        if code == StartError("").exit_code:
            raise StartError("")  # they have said why
        raise StartError(f"the process of the origins {ending(code)} before it was ready", FAULT)
    return Origins(process), found
