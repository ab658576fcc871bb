"""The settings of shaping."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.balancer import LoadBalancer
from config.shaping import Rule, Shaping

pytestmark = pytest.mark.unit

DIGEST = "ab" * 32


def test_a_plain_balancer_shapes_nobody() -> None:
    shaping = LoadBalancer().shaping

    assert (False, ()) == (shaping.enabled, shaping.rules)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "two words"),
        ("requests_per_second", 0),
        ("requests_per_second", True),
        ("requests_per_second", float("nan")),
        ("upload_bytes_per_second", 99),
        ("download_bytes_per_second", float("inf")),
        ("in_flight", 0),
        ("delay_seconds", 601),
        ("waiting", -1),
        ("urgency", 8),
        ("urgency_range", (2, 8)),
        ("urgency_range", (4, 7)),
        ("dscp", 64),
        ("drop", {"probability": 1.1}),
        ("mode", "punish"),
        ("client_by", "api_key"),
        ("match", {"api_key_sha256": ["secret"]}),
        ("match", {"networks": ["10.0.0.1/8"]}),
        ("match", {"certificates": ["partner"]}),
        ("match", {"paths": ["report"]}),
        ("source_address", "localhost"),
        ("interface", "no such interface"),
        ("weight", 0),
        ("burst", 5),
        ("unheard_of", 1),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        Rule.model_validate({"name": "bulk", key: value})


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("api_key", {"api_key_sha256": [DIGEST.upper()]}),
        ("certificate", {"certificates": ["CN=partner"]}),
        ("network", {"networks": ["10.0.0.0/8"]}),
        ("path", {"paths": ["/report"]}),
        ("rule", {}),
    ],
)
def test_clients_may_be_told_apart_by_what_a_rule_matches(kind: str, match: Any) -> None:
    rule = Rule.model_validate({"name": "bulk", "client_by": kind, "match": match})

    assert kind == rule.client_by
    assert set(rule.match.api_key_sha256) <= {DIGEST}


def test_two_rules_have_two_names() -> None:
    with pytest.raises(ValidationError, match="two rules have the name 'bulk'"):
        Shaping.model_validate({"rules": [{"name": "bulk"}, {"name": "bulk"}]})


def test_several_workers_cannot_count_together() -> None:
    with pytest.raises(ValidationError, match=r"shaping\.enabled: needs workers: 1"):
        LoadBalancer.model_validate({"workers": 2, "shaping": {"enabled": True}})
