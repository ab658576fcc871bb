"""What federated learning does, in Prometheus's words: by site, for they are named in the
configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric


@dataclass(frozen=True, slots=True)
class SiteSeen:
    """One site, as the coordinator sees it.

    Attributes:
        offers: that came; of so many at least a part was ``refused``.
        merged, missed: rounds with it, and closed without it.
        clipped: changes of it that were scaled down.
    """

    offers: int = 0
    refused: int = 0
    merged: int = 0
    missed: int = 0
    clipped: int = 0


@dataclass(frozen=True, slots=True)
class FederationSeen:
    """This node's part.

    Attributes:
        round: the open one, or the one gone on from.
        rounds: models that this node went on from.
        failures: attempts that failed.
        unmerged: rounds that were not closed, for too few were there.
        sites: by name; none but at the coordinator.
    """

    round: int = 0
    rounds: int = 0
    failures: int = 0
    unmerged: int = 0
    sites: Mapping[str, SiteSeen] = field(default_factory=dict)


def federation_families(seen: FederationSeen) -> Iterator[Metric]:
    """All of it."""
    yield GaugeMetricFamily(
        "slb_federation_round", "The open round, or the one gone on from.", value=seen.round
    )
    for name, text, value in (
        ("slb_federation_rounds", "Models that this node went on from.", seen.rounds),
        ("slb_federation_failures", "Attempts that failed.", seen.failures),
        ("slb_federation_rounds_unmerged", "Times that too few were there.", seen.unmerged),
    ):
        yield CounterMetricFamily(name, text, value=value)
    if not seen.sites:
        return
    for name, text, attribute in (
        ("slb_federation_offers", "That came from a site.", "offers"),
        ("slb_federation_offers_refused", "Of which a part was not taken.", "refused"),
        ("slb_federation_site_merged", "Rounds with a site.", "merged"),
        ("slb_federation_site_missed", "Rounds closed without a site.", "missed"),
        ("slb_federation_site_clipped", "Changes that were scaled down.", "clipped"),
    ):
        counter = CounterMetricFamily(name, text, labels=["site"])
        for site, each in seen.sites.items():
            counter.add_metric([site], float(getattr(each, attribute)))
        yield counter
