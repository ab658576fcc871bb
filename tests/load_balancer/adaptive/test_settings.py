"""Adaptive shaping as configured, and as agents use it."""

from __future__ import annotations

import pytest

from config.adaptive import AdaptiveShaping, EnvelopeBounds
from load_balancer.adaptive.settings import envelope_of, section_of, settings_of

pytestmark = pytest.mark.unit

BOUNDS = {
    "requests_per_second": {"least": 1, "most": 10, "step": 2, "per_minute": 8},
    "drop_probability": {"least": 0, "most": 0.5, "step": 0.1},
    "paths": [{"pool": "spare"}, {"source_address": "127.0.0.2", "interface": "lo"}],
}


def test_bounds_there_and_back() -> None:
    section = EnvelopeBounds.model_validate(BOUNDS)
    envelope = envelope_of(section)

    assert (3, False) == (envelope.envelope.paths, envelope.envelope.frozen)
    assert ("spare", None) == (envelope.paths[0].pool, envelope.paths[0].source_address)
    assert ("127.0.0.2", "lo") == (envelope.paths[1].source_address, envelope.paths[1].interface)
    assert section == section_of(envelope)


def test_every_setting_arrives() -> None:
    section = AdaptiveShaping.model_validate(
        {
            "agent": "aimd",
            "share": "rule",
            "explore_most": 0.5,
            "explore_least": 0.25,
            "explore_decay": 0.75,
            "discount": 0.5,
            "prior": 2,
            "cooperative": False,
            "weights": {"others": 9},
            "guard": {"margin": 0.5},
            "clients": 7,
            "history": 8,
            "envelopes": [{"rule": "a", **BOUNDS}],
        }
    )
    found = settings_of(section)

    assert ("aimd", "rule", False, 7, 8) == (
        found.agent,
        found.share,
        found.cooperative,
        found.clients,
        found.history,
    )
    conduct = found.conduct
    assert (0.5, 0.25, 0.75, 0.5, 2) == (
        conduct.explore_most,
        conduct.explore_least,
        conduct.explore_decay,
        conduct.discount,
        conduct.prior,
    )
    assert (9, 0.5, ["a"]) == (found.weights.others, found.guard.margin, list(found.envelopes))
