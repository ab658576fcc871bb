"""Files that cannot be used, and how that is told."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from config.tls import Tls
from load_balancer.forwarding.key_files import load, names_in, trust
from load_balancer.forwarding.tls import (
    server_contexts,
)
from tests.live.authority import Authority, Files

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def front(authority: Authority) -> Files:
    return authority.issue("front.test")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"certificate": "/missing"}, r"certificates\[1\].certificate: /missing cannot be read"),
        ({"key": "/missing"}, r"certificates\[1\].key: /missing cannot be read"),
        ({"key": "other"}, r"certificates\[1\].key: .* does not belong to"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    authority: Authority, front: Files, change: dict[str, str], problem: str
) -> None:
    if change.get("key") == "other":
        change = {"key": authority.issue("other.test").key}
    tls = Tls.model_validate({"certificates": [front.served(), {**front.served(), **change}]})
    with pytest.raises(ValueError, match=problem):
        server_contexts(tls)


def test_nobody_is_asked_for_a_password(front: Files, tmp_path: Path) -> None:
    """Nobody would be there."""
    key = load_pem_private_key(Path(front.key).read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password"))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ValueError, match=r"^k: .*locked\.key cannot be used: it is encrypted$"):
        load(context, front.certificate, str(locked), "c", "k")


def test_what_is_no_certificate_is_told(front: Files, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ValueError, match=r"^c: .*nonsense\.pem and .* cannot be used: \w+"):
        load(context, str(nonsense), front.key, "c", "k")
    with pytest.raises(ValueError, match=r"^c: .*nonsense\.pem cannot be used: \w+"):
        trust(context, str(nonsense), "c")


def test_the_first_certificate_of_a_chain_is_the_servers_own(
    authority: Authority, front: Files, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.crt"
    chain.write_bytes(
        b"Subject: front\n"
        + Path(front.certificate).read_bytes()
        + Path(authority.file).read_bytes()
    )
    assert ["front.test"] == names_in(str(chain))


def test_a_file_without_a_first_certificate_is_named(tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    other.write_text("-----BEGIN TRUSTED CERTIFICATE-----\n-----END TRUSTED CERTIFICATE-----\n")
    with pytest.raises(ValueError, match=r"other\.crt: is not a certificate"):
        names_in(str(other))
