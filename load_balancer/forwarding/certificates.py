"""The names that a certificate says it is for, read from its bytes.

The standard library shows them only of certificates that it has just verified. Reads as much of
DER (ITU-T X.690) as that takes: RFC 5280 sections 4.1 and 4.2.1.6. Vouches for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE, _OCTETS, _EXTENSIONS, _DNS_NAME = 0x30, 0x04, 0xA3, 0x82
_ALTERNATIVE_NAMES = b"\x06\x03\x55\x1d\x11"
"""The object identifier 2.5.29.17 of the extension, as an element."""


def dns_names(certificate: bytes) -> list[str]:
    """The host names that a certificate is for, lower case, in its order; wildcards begin with
    ``*.``. Without that extension it has none: the subject's common name does not count (RFC 9525
    section 2).

    Args:
        certificate: in DER.

    Raises:
        ValueError: it is no certificate.
    """
    try:
        _, whole = next(_elements(certificate))
        _, signed = next(_elements(whole))
        for tag, content in _elements(signed):
            if tag == _EXTENSIONS:
                return _names(content)
    except (IndexError, StopIteration, UnicodeDecodeError):
        raise ValueError("is not a certificate") from None
    return []


def _names(extensions: bytes) -> list[str]:
    _, all_of_them = next(_elements(extensions))
    for _, extension in _elements(all_of_them):
        if not extension.startswith(_ALTERNATIVE_NAMES):
            continue
        for tag, value in _elements(extension):
            if tag == _OCTETS:
                _, names = next(_elements(value))
                return [
                    content.decode("ascii").lower()
                    for kind, content in _elements(names)
                    if kind == _DNS_NAME
                ]
    return []


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element in a row."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > len(data):
            raise IndexError
        yield tag, data[at : at + length]
        at += length
