"""Looks again and again for who is there, in the DNS and in a file, and tells the membership.

Each source has a task of its own. Whatever goes wrong with one look, the endpoints of the last good
one stay, one line says so when it begins and one when it is over, and the next look is made. A name
without an answer and an answer without an address are failures too: a fleet is never emptied by a
resolver's bad moment. A file may say that there are none, in so many words: ``[]``.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeAlias

import yaml

from config.endpoints import Discovery as DiscoverySettings
from config.endpoints import DnsSource, FileSource, read_entries
from load_balancer.lookup import Addresses, Down, Found, LookupFailed
from load_balancer.membership import Membership
from rl.vocabulary import Endpoint

SERVERS = "servers"
FILE = "file"

Signature: TypeAlias = tuple[int, int, int]
"""What tells one content of a path from another: modification time, inode and size."""


class Source(Protocol):
    """Something that can be asked who is there."""

    async def look(self) -> Found | None:
        """Who is there; None if nothing has changed since the last look.

        Raises:
            LookupFailed: that cannot be told.
        """
        ...

    def close(self) -> None:
        """No further look."""
        ...


class Discovery:
    """All sources that are configured.

    Attributes:
        problems: why the last look failed, by the source's name; "" if it did not.
    """

    def __init__(
        self,
        settings: DiscoverySettings,
        membership: Membership,
        say: Callable[[str], None],
        looked: Callable[[str, bool], None],
    ) -> None:
        """
        Args:
            looked: is told each look's source, and whether it succeeded.

        Raises:
            ValueError: a source needs a package that is not installed.
        """
        self._membership = membership
        self._say = say
        self._looked = looked
        self._tasks: list[asyncio.Task[None]] = []
        self._refused: dict[str, Found] = {}
        self._watched: list[tuple[str, Source, DnsSource | FileSource]] = []
        if settings.file is not None:
            self._watched.append((FILE, EndpointFile(settings.file), settings.file))
        for each in settings.dns:
            source = dns_source(each, self._is_down)
            self._watched.append((f"dns:{each.id}", source, each))
        self.problems = {name: "" for name, *_ in self._watched}

    async def start(self) -> None:
        """Look at every source once, and from then on again and again on the running loop."""
        waits = await asyncio.gather(*(self._look(*each) for each in self._watched))
        self._tasks = [
            asyncio.create_task(self._keep_looking(wait, *each), name=f"look {each[0]}")
            for wait, each in zip(waits, self._watched, strict=True)
        ]

    async def stop(self) -> None:
        """End every look."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, source, _ in self._watched:
            source.close()

    async def _keep_looking(
        self, wait: float, name: str, source: Source, settings: DnsSource | FileSource
    ) -> None:
        while True:
            await asyncio.sleep(wait)
            wait = await self._look(name, source, settings)

    async def _look(self, name: str, source: Source, settings: DnsSource | FileSource) -> float:
        """One look; the seconds until the next one."""
        found = None
        try:
            found = await source.look()
            if found is not None and isinstance(settings, DnsSource):
                found = replace(found, endpoints=tuple(map(settings.reached, found.endpoints)))
            # What was refused then may fit by now.
            wanted = found or self._refused.pop(name, None)
            if wanted is not None:
                self._apply(name, wanted)
        except Exception as error:  # whatever it was, the next look is made
            text = str(error) or type(error).__name__
            self._looked(name, False)
            if text != self.problems[name]:
                self._say(f"endpoints from {name}: {text}; the last good ones stay")
                self.problems[name] = text
        else:
            self._looked(name, True)
            if self.problems[name]:
                self._say(f"endpoints from {name}: known again")
                self.problems[name] = ""
        ttl = None if found is None else found.ttl
        if ttl is None or isinstance(settings, FileSource):
            return settings.interval_seconds
        return min(max(ttl, settings.minimum_ttl_seconds), settings.maximum_ttl_seconds)

    def _apply(self, name: str, found: Found) -> None:
        try:
            self._membership.apply(name, found.endpoints)
        except ValueError:
            self._refused[name] = found
            raise

    def _is_down(self, id: str) -> bool:
        table = self._membership.table
        return id in table and not table[id].healthy


def source_names(settings: DiscoverySettings) -> list[str]:
    """Every source there can be, in the order in which they count."""
    return [SERVERS, FILE, *(f"dns:{each.id}" for each in settings.dns)]


def dns_source(settings: DnsSource, down: Down) -> Source:
    """The looker for a name.

    Raises:
        ValueError: the extra ``dns`` is needed and not installed.
    """
    if settings.type == "address":
        return Addresses(settings)
    try:
        from load_balancer.services import Services
    except ImportError:
        raise ValueError(
            f"discovery.dns: {settings.id}: type srv needs the package dnspython: install the "
            "extra dns"
        ) from None
    return Services(settings, down)


class EndpointFile:
    """A file that lists endpoints. Read when it has become another one, by modification time,
    inode or size, and has stayed the same for one look: what is still being written is not read."""

    def __init__(self, settings: FileSource) -> None:
        self._path = Path(settings.path)
        self._most_bytes = settings.max_bytes
        self._read: Signature | None = None
        self._settling: Signature | None = None
        self._begun = False
        self._problem = ""

    async def look(self) -> Found | None:
        """Read it if it has changed.

        Raises:
            LookupFailed: it cannot be read, or does not list endpoints; so too at every further
                look, until it has changed.
        """
        signature, content = await asyncio.to_thread(self._read_changed)
        if content is not None:
            self._read = signature
            self._problem = ""
            try:
                if len(content) > self._most_bytes:
                    raise ValueError(f"has more than {self._most_bytes} bytes")
                return Found(tuple(parsed(content, self._path.suffix)))
            except ValueError as error:
                self._problem = f"{self._path}: {error}"
        if self._problem:
            raise LookupFailed(self._problem)
        return None

    def close(self) -> None:
        """Nothing is left open between two looks."""

    def _read_changed(self) -> tuple[Signature | None, bytes | None]:
        """In a thread: the content, if it is to be read now, and what tells it from others."""
        try:
            signature = _signature(os.stat(self._path))
            settled = signature == self._settling or not self._begun
            self._settling = signature
            self._begun = True
            if signature == self._read or not settled:
                return self._read, None
            with self._path.open("rb") as file:
                content = file.read(self._most_bytes + 1)
                signature = _signature(os.fstat(file.fileno()))
        except OSError as error:
            self._begun = True
            raise LookupFailed(f"{self._path}: cannot be read: {error.strerror}") from None
        if signature != self._settling:
            return self._read, None
        return signature, content


def parsed(content: bytes, suffix: str) -> list[Endpoint]:
    """The endpoints that a file lists, in JSON for the suffix ``.json``, else in YAML.

    Raises:
        ValueError: it cannot be read; one line that says why.
    """
    try:
        text = content.decode("utf-8")
        data = json.loads(text) if suffix == ".json" else yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())[:200]}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return read_entries(data)


def _signature(status: os.stat_result) -> Signature:
    return status.st_mtime_ns, status.st_ino, status.st_size
