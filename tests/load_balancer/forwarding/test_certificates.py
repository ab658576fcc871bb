"""The names in a certificate, against those that the library which made it has written."""

import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding.certificates import dns_names

pytestmark = pytest.mark.unit


def der(*names: str, common_name: str | None = None) -> bytes:
    made = trustme.CA().issue_cert(*names, common_name=common_name)
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


@pytest.mark.parametrize(
    "names", [["a.test"], ["*.a.test", "b.test"], [f"host-{each}.example" for each in range(40)]]
)
def test_all_names_in_their_order(names: list[str]) -> None:
    assert names == dns_names(der(*names))


def test_addresses_are_no_host_names_and_capitals_do_not_count() -> None:
    assert ["b.test"] == dns_names(der("10.0.0.1", "::1", "B.test"))


def test_a_common_name_does_not_count() -> None:
    """RFC 9525 section 2."""
    assert [] == dns_names(der("10.0.0.1", common_name="a.test"))


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x03\x02", b"\x30\x82\xff\xff\x00", b"\x30\x00"]
)
def test_what_is_no_certificate_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a certificate"):
        dns_names(data)


GOOD = der("a.test", "*.b.test")


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
def test_whatever_it_is_given_it_answers(at: int, other: bytes) -> None:
    """Names, or that it is no certificate."""
    try:
        found = dns_names(GOOD[:at] + other + GOOD[at + len(other) :])
    except ValueError:
        return
    assert all(isinstance(each, str) for each in found)
