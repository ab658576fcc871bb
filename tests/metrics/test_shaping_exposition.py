"""Rules for clients in Prometheus's words."""

import pytest

from metrics.shaping_exposition import RuleSeen, ShapingSeen, shaping_families

pytestmark = pytest.mark.unit


def test_every_rule_and_result_is_a_series_of_its_own() -> None:
    seen = ShapingSeen({"a": RuleSeen(3, refused={"shed": 2}), "b": RuleSeen()})
    (requests,) = [
        family for family in shaping_families(seen) if family.name == "slb_shaping_requests"
    ]
    found = {
        (sample.labels["rule"], sample.labels["result"]): sample.value
        for sample in requests.samples
    }

    assert {("a", "passed"): 3, ("a", "shed"): 2, ("b", "passed"): 0} == found


def test_without_rules_only_the_clients_are_counted() -> None:
    found = {sample.name for family in shaping_families(ShapingSeen()) for sample in family.samples}

    assert {"slb_shaping_clients", "slb_shaping_clients_forgotten_total"} == found
