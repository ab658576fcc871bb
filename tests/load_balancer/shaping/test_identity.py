"""Who sends a request."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.shaping import Rule
from load_balancer.forwarding.fields import Fields
from load_balancer.shaping.identity import (
    REMEMBERED,
    Recogniser,
    asked_urgency,
    client_address,
    subject_of,
)

pytestmark = pytest.mark.unit

KEY = b"opensesame"
DIGEST = hashlib.sha256(KEY).hexdigest()


def recogniser(*rules: dict[str, Any]) -> Recogniser:
    return Recogniser([Rule.model_validate(rule) for rule in rules], "X-API-Key")


def name(
    asked: Recogniser,
    address: str = "10.0.0.1",
    path: str = "/",
    fields: Fields | None = None,
    subject: str = "",
) -> str | None:
    found = asked.find(address, path, fields or [], subject)
    return None if found is None else found[1]


def test_by_default_a_client_is_its_address() -> None:
    everybody = recogniser({"name": "all"})

    assert ["all/10.0.0.1", "all/2001:db8::/64"] == [
        name(everybody, "10.0.0.1"),
        name(everybody, "2001:db8::77"),
    ]
    assert not everybody.reads_fields and not everybody.reads_subject


def test_the_first_rule_that_fits_counts_and_others_pass_untouched() -> None:
    asked = recogniser(
        {"name": "office", "match": {"networks": ["10.1.0.0/16"]}, "client_by": "network"},
        {"name": "rest", "match": {"networks": ["10.0.0.0/8", "2001:db8::/32"]}},
    )

    assert "office/10.1.0.0/16" == name(asked, "10.1.2.3")
    assert "rest/10.2.2.3" == name(asked, "10.2.2.3")
    assert name(asked, "192.0.2.1") is None
    assert name(asked, "not an address") is None


def test_a_key_counts_only_if_a_rule_names_it() -> None:
    """Else everybody could be somebody new with each request."""
    asked = recogniser(
        {"name": "paid", "match": {"api_key_sha256": [DIGEST]}, "client_by": "api_key"},
        {"name": "rest"},
    )

    assert asked.reads_fields
    assert f"paid/key:{DIGEST[:16]}" == name(asked, fields=[(b"x-api-key", b" " + KEY)])
    for fields in (
        [],
        [(b"X-API-Key", b"invented")],
        [(b"X-API-Key", KEY), (b"X-API-Key", KEY)],
        [(b"X-API-Key", b"k" * 9999)],
    ):
        assert "rest/10.0.0.1" == name(asked, fields=fields)


def test_a_path_stands_for_all_below_it() -> None:
    asked = recogniser(
        {
            "name": "r",
            "match": {"paths": ["/report", "/report/large/"]},
            "client_by": "path",
        }
    )

    assert "r//report" == name(asked, path="/report?x=/report/large")
    assert "r//report" == name(asked, path="/report/1")
    assert "r//report/large" == name(asked, path="/report/large/2")
    assert name(asked, path="/reports") is None
    assert "all//" == name(
        recogniser({"name": "all", "match": {"paths": ["/"]}, "client_by": "path"}), path="/x"
    )


def test_a_certificate_is_known_by_an_attribute_of_its_subject() -> None:
    asked = recogniser(
        {"name": "p", "match": {"certificates": ["O=Example"]}, "client_by": "certificate"}
    )
    certificate = {"subject": ((("organizationName", "Example"),), (("commonName", "partner"),))}

    assert asked.reads_subject
    assert "O=Example,CN=partner" == subject_of(certificate)
    assert "p/O=Example,CN=partner" == name(asked, subject=subject_of(certificate))
    assert name(asked) is None
    assert "" == subject_of(None) == subject_of({})


def test_an_attribute_cannot_pass_for_two() -> None:
    certificate = {"subject": ((("commonName", "x,O=Example"),),)}

    assert "" == subject_of(certificate)


def test_all_kinds_that_are_given_must_fit() -> None:
    asked = recogniser(
        {
            "name": "both",
            "match": {"networks": ["10.0.0.0/8"], "paths": ["/api"]},
            "client_by": "rule",
        }
    )

    assert "both" == name(asked, path="/api")
    assert name(asked, path="/") is None
    assert name(asked, "192.0.2.1", "/api") is None


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    asked = recogniser({"name": "all"})
    for number in range(REMEMBERED + 10):
        name(asked, f"10.0.{number // 256}.{number % 256}")
    assert len(asked._by_address) <= REMEMBERED


def test_of_an_ipv6_address_the_network_counts() -> None:
    assert "fe80::/64" == client_address("fe80::1%eth0")
    assert "192.0.2.1" == client_address("::ffff:192.0.2.1")
    assert "unknown" == client_address("unknown")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([b"u=0"], 0),
        ([b"i, u=7"], 7),
        ([b"u=5;x=1, i"], 5),
        ([b"u=1, u=2"], 2),
        ([b"u=1", b"u=6"], 6),
        ([b"u=8"], None),
        ([b"u=-1"], None),
        ([b"u=10"], None),
        ([b"xu=1"], None),
        ([b"u"], None),
        ([b""], None),
    ],
)
def test_the_urgency_that_a_client_asks_for(values: list[bytes], expected: int | None) -> None:
    assert expected == asked_urgency([(b"Priority", value) for value in values])


@given(st.binary(max_size=40))
@settings(max_examples=50)
def test_no_priority_field_is_a_fault(value: bytes) -> None:
    assert asked_urgency([(b"priority", value)]) in {None, *range(8)}
