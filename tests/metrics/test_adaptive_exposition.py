"""What agents do, in Prometheus's words."""

import pytest

from metrics.adaptive_exposition import AdaptiveSeen, AgentSeen, adaptive_families

pytestmark = pytest.mark.unit


def test_every_client_is_a_series_of_its_own() -> None:
    seen = AdaptiveSeen(
        {
            "a/1": AgentSeen("a", reward=0.5, violated=3, held=True, levers={"burst": 7}),
            "b/1": AgentSeen("b"),
        },
        0.002,
    )
    found = {
        (sample.name, sample.labels.get("client"), sample.labels.get("lever")): sample.value
        for family in adaptive_families(seen)
        for sample in family.samples
    }

    assert (2, 0.002) == (
        found["slb_adaptive_clients", None, None],
        found["slb_adaptive_step_seconds", None, None],
    )
    assert (0.5, 0.0) == tuple(found["slb_adaptive_reward", name, None] for name in ("a/1", "b/1"))
    assert 3 == found["slb_adaptive_violated_intervals_total", "a/1", None]
    assert (1, 7) == (
        found["slb_adaptive_held", "a/1", None],
        found["slb_adaptive_lever", "a/1", "burst"],
    )
    assert ("slb_adaptive_lever", "b/1", "burst") not in found


def test_without_clients_there_are_two_numbers() -> None:
    found = [sample for family in adaptive_families(AdaptiveSeen()) for sample in family.samples]
    assert {"slb_adaptive_clients", "slb_adaptive_step_seconds"} == {each.name for each in found}
