"""Certificates, keys and authorities from their files. Where one cannot be used, one line names the
setting and the file."""

from __future__ import annotations

import ssl
from pathlib import Path

from load_balancer.forwarding.certificates import dns_names

VERSIONS: dict[str, ssl.TLSVersion] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


def load(
    context: ssl.SSLContext, certificate: str, key: str, of_certificate: str, of_key: str
) -> None:
    """A certificate of ours with its key.

    Args:
        of_certificate, of_key: the settings that name the files, for messages.

    Raises:
        ValueError: they cannot be used.
    """
    _readable(certificate, of_certificate)
    _readable(key, of_key)

    def password() -> str:
        raise ValueError("it is encrypted")  # and nobody is there to be asked

    try:
        context.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError(f"{of_key}: {key} does not belong to {certificate}") from None
        raise ValueError(
            f"{of_certificate}: {certificate} and {key} cannot be used: "
            f"{error.reason or 'no certificate or no key in them'}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{of_key}: {key} cannot be used: {error}") from None


def trust(context: ssl.SSLContext, path: str, of: str) -> None:
    """The authorities that vouch for the other side.

    Raises:
        ValueError: the file cannot be used.
    """
    _readable(path, of)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        raise ValueError(
            f"{of}: {path} cannot be used: {error.reason or 'no certificate in it'}"
        ) from None


def names_in(path: str) -> list[str]:
    """The host names that the first certificate in a file is for.

    Raises:
        ValueError: there is none.
    """
    text = Path(path).read_text(encoding="ascii", errors="replace")
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    first = begin + text.partition(begin)[2].partition(end)[0] + end
    try:
        return dns_names(ssl.PEM_cert_to_DER_cert(first))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _readable(path: str, of: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise ValueError(f"{of}: {path} cannot be read: {error.strerror}") from None
