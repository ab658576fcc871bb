"""The endpoints of a running node: who wants them, who looks for them, and who is told.

Puts the membership and the discovery between the parts of one node that keep something by endpoint.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from config.schema import Settings
from load_balancer.discovery import SERVERS, Discovery, source_names
from load_balancer.forwarding.endpoint_tls import EndpointContexts
from load_balancer.forwarding.pool import Pool
from load_balancer.membership import Membership, Watcher
from load_balancer.node import Node
from load_balancer.reloading import Step, Swap, Undo
from load_balancer.repertoire import Repertoire
from metrics.collector import Collector
from rl.vocabulary import Endpoint

SETTLE_SECONDS = 0.25
"""How late an endpoint may leave after its last request."""


def say(text: str) -> None:
    """One line for the operator."""
    print(text, file=sys.stderr, flush=True)


class LiveEndpoints:
    """See the module's text.

    Attributes:
        membership: which endpoints there are.
        discovery: who looks for them.
    """

    def __init__(
        self,
        settings: Settings,
        node: Node,
        collector: Collector,
        pool: Pool,
        repertoire: Repertoire,
        say: Callable[[str], None] = say,
    ) -> None:
        """
        Raises:
            ValueError: a source cannot be looked at here; the message names it.
        """

        def forget(id: str) -> None:
            node.counters.forget(id)
            repertoire.forget(id)

        self.membership = Membership(
            node.table,
            (
                Watcher(
                    joined=lambda stats: node.joined(stats, time.monotonic()),
                    left=node.left,
                    forgotten=forget,
                ),
                Watcher(joined=collector.add, left=lambda stats: collector.remove(stats.id)),
                Watcher(left=pool.forget, emptied=pool.forget),
            ),
            node.refresh,
            say,
            settings.discovery.max_endpoints,
            source_names(settings.discovery),
            node.counters.endpoint_changes,
            pool.contexts.check,
        )
        self.membership.apply(SERVERS, (server.endpoint() for server in settings.servers))
        self.discovery = Discovery(settings.discovery, self.membership, say, node.counters.looked)

    def step(self) -> Step:
        """The reload's: another list of servers."""
        membership = self.membership

        def prepare(before: Settings, after: Settings) -> Swap:
            wanted = [server.endpoint() for server in after.servers]
            membership.check(SERVERS, wanted)

            def swap() -> Undo:
                membership.apply(SERVERS, wanted)
                old = [server.endpoint() for server in before.servers]
                return lambda: _apply(membership, old)

            return swap

        return Step(("servers",), prepare)

    def files_step(self, contexts: EndpointContexts) -> Step:
        """The reload's: what stands in the files behind TLS with endpoints."""
        table = self.membership.table

        def prepare(before: Settings, after: Settings) -> Swap:
            present = [stats.endpoint for stats in (*table.all, *table.draining.values())]
            return contexts.renewed([*present, *(server.endpoint() for server in after.servers)])

        return Step((), prepare, always=True)


def _apply(membership: Membership, servers: list[Endpoint]) -> None:
    membership.apply(SERVERS, servers)
