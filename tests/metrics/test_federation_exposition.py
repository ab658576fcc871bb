"""Federated learning in Prometheus's words."""

from __future__ import annotations

import pytest

from metrics.federation_exposition import FederationSeen, SiteSeen, federation_families

pytestmark = pytest.mark.unit


def samples(seen: FederationSeen) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("site", "")): sample.value
        for family in federation_families(seen)
        for sample in family.samples
    }


def test_a_site_tells_of_its_own_part() -> None:
    found = samples(FederationSeen(round=7, rounds=5, failures=2))

    assert {
        ("slb_federation_round", ""): 7.0,
        ("slb_federation_rounds_total", ""): 5.0,
        ("slb_federation_failures_total", ""): 2.0,
        ("slb_federation_rounds_unmerged_total", ""): 0.0,
    } == found


def test_a_coordinator_tells_of_every_site() -> None:
    sites = {"north": SiteSeen(9, 1, 8, 2, 3), "gone": SiteSeen(missed=10)}

    found = samples(FederationSeen(sites=sites))

    assert (9, 1, 8, 2, 3) == tuple(
        found[f"slb_federation_{name}_total", "north"]
        for name in ("offers", "offers_refused", "site_merged", "site_missed", "site_clipped")
    )
    assert 10 == found["slb_federation_site_missed_total", "gone"]
