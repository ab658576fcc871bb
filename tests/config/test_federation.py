"""The settings of federated learning."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.balancer import LoadBalancer
from config.federation import Federation

pytestmark = pytest.mark.unit


def test_it_is_off_unless_it_is_wanted() -> None:
    found = Federation()

    assert not found.enabled
    assert found.terms().method == "mean"


def test_a_coordinator_has_no_address_of_another_and_a_site_has() -> None:
    site = Federation(enabled=True, token_file="f", coordinator="https://far:8081/")

    assert "https://far:8081" == site.coordinator
    assert Federation(enabled=True, token_file="f").coordinator is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enabled": True}, "token_file: sites must be told"),
        ({"coordinator": "far:81"}, "coordinator"),
        ({"coordinator": "http://user@far:81"}, "coordinator"),
        ({"coordinator": "http://far:81/path"}, "coordinator"),
        ({"seconds": 0.01}, "seconds"),
        ({"method": "mode"}, "method"),
        ({"share": ["secrets"]}, "share"),
        ({"share": []}, "share"),
        ({"noise": 0.1}, "noise: needs clip_norm"),
        ({"clip_norm": float("nan")}, "clip_norm"),
        ({"most_share": 0.2}, "most_share"),
        ({"body_bytes": 10}, "body_bytes"),
        ({"peers": []}, "peers"),
    ],
)
def test_what_is_wrong_is_refused_by_its_key(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Federation.model_validate(given)


def test_sites_learn_as_one() -> None:
    federation = {"enabled": True, "token_file": "f"}
    wanted = {"workers": 2, "shaping": {"adaptive": {"federation": federation}}}

    with pytest.raises(ValidationError, match=r"federation\.enabled: needs workers: 1"):
        LoadBalancer.model_validate(wanted)
