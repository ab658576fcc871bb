"""The parts of a node that take up new settings while it runs, one step each.

``app.py`` puts them together; a part that comes later brings its own step. Each builds before it
touches, and undoes by putting back the very objects that were there.
"""

from __future__ import annotations

import time

from config.adaptive import AdaptiveShaping
from config.caching import CacheSettings
from config.schema import Settings
from config.shaping import Shaping
from load_balancer.caching.vocabulary import Overflow
from load_balancer.forwarding.admitting import take_up
from load_balancer.forwarding.listener import Listener
from load_balancer.forwarding.live_cache import cache_for, refilled
from load_balancer.forwarding.tls import server_contexts
from load_balancer.guard import Guard, admin_token
from load_balancer.node import Node
from load_balancer.reloading import Step, Swap, Undo
from load_balancer.repertoire import Repertoire, parameter_keys
from metrics.collector import Collector

LISTENER_KEYS = (
    "load_balancer.deadlines",
    "load_balancer.limits",
    "load_balancer.retries",
    "load_balancer.hedging",
    "load_balancer.trusted_proxies",
    "load_balancer.client_header",
    "load_balancer.forwarded_header",
    "load_balancer.upgrades",
    "load_balancer.request_classes",
    "load_balancer.q_headers",
    "load_balancer.decline_load",
    "load_balancer.no_service_status",
    "load_balancer.admission.queue_length",
    "load_balancer.admission.queue_seconds",
)


def node_step(node: Node, repertoire: Repertoire) -> Step:
    """Which strategy decides, and by which parameters. Learners keep what they know."""

    def prepare(before: Settings, after: Settings) -> Swap:
        rebuild = repertoire.rebuilt(after)
        name = after.load_balancer.strategy

        def swap() -> Undo:
            strategy = node.strategy
            forget = rebuild()

            def undo() -> None:
                forget()
                node.strategy = strategy

            node.strategy = repertoire[name]
            return undo

        return swap

    return Step(("load_balancer.strategy", *parameter_keys()), prepare)


HEALTH_KEYS = (
    "load_balancer.ejection",
    "load_balancer.probation",
    "load_balancer.slow_start",
    "load_balancer.panic_share",
    "load_balancer.decline_load",
    "load_balancer.capacity",
    "load_balancer.admission.requests_per_endpoint",
    "load_balancer.admission.adaptive",
)


def health_step(node: Node) -> Step:
    """Who is kept out and how it returns, and requests in flight per endpoint."""

    def prepare(before: Settings, after: Settings) -> Swap:
        def swap() -> Undo:
            node.apply(after.load_balancer)
            return lambda: node.apply(before.load_balancer)

        return swap

    return Step(HEALTH_KEYS, prepare)


def polling_step(collector: Collector) -> Step:
    """How endpoints are asked for their health."""

    def prepare(before: Settings, after: Settings) -> Swap:
        def swap() -> Undo:
            collector.apply(after.metrics)
            return lambda: collector.apply(before.metrics)

        return swap

    return Step(("metrics",), prepare)


def listener_step(listener: Listener) -> Step:
    """What the data path reads for each request or connection: for whatever begins after it."""

    def prepare(before: Settings, after: Settings) -> Swap:
        def swap() -> Undo:
            listener.apply(after.load_balancer)
            return lambda: listener.apply(before.load_balancer)

        return swap

    return Step(LISTENER_KEYS, prepare)


_ELSEWHERE = ("interval_seconds", "checkpoint", "save_interval_seconds", "federation", "log")
"""What other parts take up, or nobody before a restart."""

SHAPING_KEYS = (
    *(f"load_balancer.shaping.{name}" for name in Shaping.model_fields if name != "adaptive"),
    *(
        f"load_balancer.shaping.adaptive.{name}"
        for name in AdaptiveShaping.model_fields
        if name not in _ELSEWHERE
    ),
)


def shaping_step(listener: Listener) -> Step:
    """By which rules clients are held, and how far agents may move these. Rules and envelopes that
    came by the admin port go with the old ones."""

    def prepare(before: Settings, after: Settings) -> Swap:
        return lambda: take_up(listener, after.load_balancer)

    return Step(SHAPING_KEYS, prepare)


CACHE_KEYS = tuple(
    f"load_balancer.cache.{name}"
    for name in CacheSettings.model_fields
    if name not in ("disk", "disk_bytes", "disk_queue_bytes")
)


def cache_step(listener: Listener, overflow: Overflow | None = None) -> Step:
    """What is kept of answers. What is held and fits stays; a file behind it is not changed.

    Args:
        overflow: where responses go that the store has no room for.
    """

    def prepare(before: Settings, after: Settings) -> Swap:
        settings = after.load_balancer

        def swap() -> Undo:
            live, wanted = listener.cache, settings.cache
            if overflow is not None and not wanted.enabled:
                # Without a cache nobody sees what changes from now on.
                overflow.drop_prefix("")
            if live is None or not wanted.enabled:
                listener.keep(cache_for(settings, time.time, overflow))
                return lambda: listener.keep(live)
            old, before = live.cache, live.settings

            def undo() -> None:
                live.take_up(before, old)

            live.take_up(wanted, refilled(wanted, old, overflow))
            return undo

        return swap

    return Step(CACHE_KEYS, prepare)


def tls_step(listener: Listener) -> Step:
    """What clients are shown from their next connection on. The files are read each time."""

    def prepare(before: Settings, after: Settings) -> Swap:
        tls = after.load_balancer.tls
        new = server_contexts(tls), tls.handshake_seconds

        def swap() -> Undo:
            port, settings = listener.tls, listener.settings
            old = port.contexts, port.handshake_seconds

            def undo() -> None:
                port.contexts, port.handshake_seconds = old
                listener.settings = settings

            port.contexts, port.handshake_seconds = new
            listener.settings = settings.model_copy(update={"tls": tls})
            return undo

        return swap

    return Step(("load_balancer.tls",), prepare, always=True)


def guard_step(guard: Guard) -> Step:
    """Who may ask the admin port. The token's file is read each time."""

    def prepare(before: Settings, after: Settings) -> Swap:
        new = admin_token(after.load_balancer), after.load_balancer.admin_body_bytes

        def swap() -> Undo:
            old = guard.token, guard.body_bytes

            def undo() -> None:
                guard.token, guard.body_bytes = old

            guard.token, guard.body_bytes = new
            return undo

        return swap

    keys = ("admin_token", "admin_token_file", "admin_body_bytes")
    return Step(tuple(f"load_balancer.{key}" for key in keys), prepare, always=True)


def _nothing(before: Settings, after: Settings) -> Swap:
    return lambda: lambda: None


READ_WHEN_NEEDED = Step(("load_balancer.drain",), _nothing)
"""Settings that are looked up in what is in force when their time comes."""


def with_strategy(settings: Settings, name: str) -> Settings:
    """The same settings with another strategy."""
    balancer = settings.load_balancer.model_copy(update={"strategy": name})
    return settings.model_copy(update={"load_balancer": balancer})
