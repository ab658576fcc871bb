"""The clients that rules hold, as those see them who look at numbers."""

from __future__ import annotations

from load_balancer.shaping.clients import Client
from load_balancer.shaping.shaper import Shaper
from metrics.shaping_exposition import RuleSeen, ShapingSeen


def seen_of(shaper: Shaper | None) -> ShapingSeen | None:
    """What is counted and held now; None without rules."""
    if shaper is None:
        return None
    in_flight: dict[str, int] = {}
    waiting: dict[str, int] = {}
    for client in shaper.clients:
        name = client.rule.name
        in_flight[name] = in_flight.get(name, 0) + client.in_flight
        waiting[name] = waiting.get(name, 0) + waits(client)
    return ShapingSeen(
        {
            rule.name: RuleSeen(
                tally.passed,
                tally.delayed,
                tally.delay,
                dict(tally.refused),
                tally.received,
                tally.sent,
                in_flight.get(rule.name, 0),
                waiting.get(rule.name, 0),
            )
            for rule, tally in shaper.tallies()
        },
        len(shaper.clients),
        shaper.clients.forgotten,
    )


def waits(client: Client) -> int:
    """Requests of a client that have not passed yet."""
    return client.delayed + len(client.line)
