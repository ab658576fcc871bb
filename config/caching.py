"""The settings of a node's HTTP cache."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.section import Count, Flag, Number, Seconds, Section, Share

Bytes = Annotated[int, Number, Field(ge=0, le=1 << 40)]


class CacheSettings(Section):
    """A shared HTTP cache (RFC 9111); off unless ``enabled``.

    At most ``entries`` responses and ``memory_bytes`` are held, their fields and what it costs to
    hold them included; the one that was not used for the longest time goes first. A URL has
    ``variants`` of them at the most, and none with a body over ``largest_body_bytes``.
    """

    enabled: Flag = False
    memory_bytes: Bytes = 64 << 20
    entries: Count = 10_000
    largest_body_bytes: Bytes = 1 << 20
    variants: Annotated[int, Number, Field(ge=1, le=1000)] = 16
    # A response without freshness of its own counts as fresh for a share of the time since it was
    # last modified, up to a bound; without it, it is validated at every use.
    heuristic: Flag = False
    heuristic_share: Share = 0.1
    heuristic_max_seconds: Seconds = 86_400.0
    # If no endpoint answers, what has been stale for no longer stands in, unless its origin forbids
    # that; 0 is never. With an error answered, only the origin or the client can allow it.
    stale_if_unreachable_seconds: Annotated[float, Number, Field(ge=0, le=1e9)] = 3600.0
    # Requests for what is just being fetched wait for it, for so long at the most.
    collapse: Flag = True
    collapse_seconds: Seconds = 5.0
    # Requests at the same time that no client waits for: validations of what was served stale.
    background: Count = 64
    # What does not fit into memory goes to this file, up to so many bytes, and survives a restart.
    disk: str | None = None
    disk_bytes: Annotated[int, Number, Field(ge=1 << 20, le=1 << 40)] = 1 << 30
    # Of responses that wait for the disk; beyond that they are dropped, and counted.
    disk_queue_bytes: Bytes = 16 << 20
    # Cache-Status tells clients what the cache did (RFC 9211).
    expose_status: Flag = True
