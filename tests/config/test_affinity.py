"""What of a request names its kin."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.affinity import AffinityKey, RequestClassSettings
from config.balancer import LoadBalancer

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "query"}, "kind"),
        ({"header": "a b"}, "header"),
        ({"fields": ()}, "fields"),
        ({"fields": ("",)}, "fields"),
        ({"prefix_characters": 0}, "prefix_characters"),
        ({"read_bytes": 1 << 21}, "read_bytes"),
        ({"wait_seconds": 0}, "wait_seconds"),
        ({"field": "prompt"}, "field"),
    ],
)
def test_a_key_that_cannot_be_read_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AffinityKey(**values)


@pytest.mark.parametrize("headers", [("A", "a"), ("a b",), ("a", "b", "c", "d", "e")])
def test_fields_that_tell_classes_are_few_and_distinct(headers: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="headers"):
        RequestClassSettings(headers=headers)


def test_a_request_has_one_key() -> None:
    """Stickiness by a cookie or field holds it already."""
    affinity: Any = {"kind": "body_field"}
    for kind in ("cookie", "header"):
        sticky: Any = {"kind": kind}
        with pytest.raises(ValidationError, match=r"affinity\.kind: body_field does not go with"):
            LoadBalancer(affinity=affinity, stickiness=sticky)
    by_hash: Any = {"kind": "client"}
    assert "body_field" == LoadBalancer(affinity=affinity, stickiness=by_hash).affinity.kind


def test_no_more_of_a_body_is_waited_for_than_may_be_held() -> None:
    affinity: Any = {"kind": "body_field", "read_bytes": 8192}
    limits: Any = {"buffer_bytes": 4096}
    with pytest.raises(ValidationError, match=r"affinity\.read_bytes 8192 is above"):
        LoadBalancer(affinity=affinity, limits=limits)
