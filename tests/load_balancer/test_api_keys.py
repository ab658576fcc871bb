"""Clients at the admin port, by their API keys."""

from __future__ import annotations

import hashlib
import random

import pytest

from config.shaping import Shaping
from load_balancer.api_keys import ApiKeys, named_by, own_names, owns
from load_balancer.shaping.shaper import Shaper

pytestmark = pytest.mark.unit

KEYS = ["one", "two", "three"]
ONE, TWO, THREE = (hashlib.sha256(key.encode()).hexdigest() for key in KEYS)
AGENT = "/shaping/adaptive/clients/self/agent"

SHAPING = Shaping.model_validate(
    {
        "enabled": True,
        "rules": [
            {"name": "each", "match": {"api_key_sha256": [ONE, TWO]}, "client_by": "api_key"},
            {"name": "both", "match": {"api_key_sha256": [ONE, TWO]}, "client_by": "rule"},
            {"name": "alone", "match": {"api_key_sha256": [THREE]}},
            {"name": "shared", "match": {"api_key_sha256": [ONE, THREE]}},
            {"name": "all", "client_by": "rule"},
        ],
    }
)
RULES = SHAPING.rules


def test_who_somebody_is_by_a_key() -> None:
    assert [f"each/key:{ONE[:16]}", "both"] == own_names(ONE, RULES)
    assert [] == own_names(THREE, RULES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"each/key:{ONE[:16]}", True),
        (f"each/key:{TWO[:16]}", True),
        (f"each/key:{THREE[:16]}", False),
        (f"each/key:{ONE[:15]}", False),
        (f"each/key:{ONE}", False),
        (f"each/{ONE[:16]}", False),
        (f"shared/key:{ONE[:16]}", False),
        ("each/key:", False),
        ("both", True),
        ("both/", False),
        ("all", True),
        ("alone", False),
        ("nobody", False),
        ("", False),
    ],
)
def test_some_names_are_known_before_their_clients_come(name: str, expected: bool) -> None:
    assert expected == named_by(name, RULES)


@pytest.mark.parametrize(
    ("digest", "name", "expected"),
    [
        (ONE, f"each/key:{ONE[:16]}", True),
        (ONE, f"each/key:{TWO[:16]}", False),
        (TWO, "both", True),
        (THREE, "both", False),
        (THREE, "alone/10.0.0.1", True),
        (ONE, "alone/10.0.0.1", False),
        (THREE, "shared/10.0.0.1", False),  # it may be the other key's
        (ONE, "all", False),
        (ONE, "", False),
    ],
)
def test_a_key_proves_no_more_than_it_does(digest: str, name: str, expected: bool) -> None:
    assert expected == owns(digest, name, RULES)


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        (AGENT, {"x-api-key": ["one"]}, ONE),
        (AGENT, {"x-api-key": [" one\t"]}, ONE),
        (AGENT, {"x-api-key": ["four"]}, ""),
        (AGENT, {"x-api-key": [""]}, ""),
        (AGENT, {"x-api-key": ["one", "one"]}, ""),
        (AGENT, {"x-api-key": ["x" * 300]}, ""),
        (AGENT, {}, None),
        ("/shaping/adaptive", {"x-api-key": ["one"]}, None),
        ("/shaping/adaptive/clients/self/export", {"x-api-key": ["one"]}, None),
        ("/shaping/adaptive/clients/a\nb/targets", {"x-api-key": ["one"]}, ONE),
        ("/stats", {"x-api-key": ["one"]}, None),
    ],
)
def test_a_key_counts_for_a_clients_own_paths(
    path: str, fields: dict[str, list[str]], expected: str | None
) -> None:
    shaper = Shaper(SHAPING, random.Random(0))
    assert expected == ApiKeys(lambda: shaper).shown(path, fields)


def test_without_rules_there_are_no_keys() -> None:
    keys = ApiKeys(lambda: None)
    assert keys.shown(AGENT, {"x-api-key": ["one"]}) is None
    assert "" == keys.header
