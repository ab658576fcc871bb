"""Certificates made for a test, and clients and origins that speak TLS by the loops' own means, so
that ours is held against others."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests.live.origin import Origin, Script, serve_ok
from tests.live.wire import Wire


@dataclass(frozen=True)
class Files:
    """A certificate with its key."""

    certificate: str
    key: str

    def served(self, *names: str) -> dict[str, Any]:
        """As an item of ``load_balancer.tls.certificates``."""
        return {"certificate": self.certificate, "key": self.key, "names": names}

    def context(self) -> ssl.SSLContext:
        """What a server shows it with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """Vouches for certificates.

    Attributes:
        file: its own certificate.
    """

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self._name = name
        self.file = str(folder / f"{name}.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, file: str = "") -> Files:
        """A certificate for these names."""
        made = self._ca.issue_cert(*names)
        stem = f"{self._name}-{file or names[0].replace('*', 'any')}"
        files = Files(str(self._folder / f"{stem}.crt"), str(self._folder / f"{stem}.key"))
        Path(files.certificate).write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
        made.private_key_pem.write_to_path(files.key)
        return files

    def client(self, shown: Files | None = None) -> ssl.SSLContext:
        """What a client trusts it with."""
        context = ssl.create_default_context(cafile=self.file)
        if shown is not None:
            context.load_cert_chain(shown.certificate, shown.key)
        return context

    def origin(self, script: Script = serve_ok, /, *names: str, **tls: object) -> Origin:
        """An origin with a certificate for these names, 127.0.0.1 by default."""
        files = self.issue(*(names or ("127.0.0.1",)), file=f"origin{len(names)}")
        return Origin(script, files.context(), {"enabled": True, "ca_file": self.file, **tls})


class SecuredWire(Wire):
    """A client's end. The loops' TLS cannot half close."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    @property
    def spoken(self) -> ssl.SSLObject:
        return self.transport.get_extra_info("ssl_object")  # type: ignore[no-any-return]

    def names(self) -> set[str]:
        """Those in the certificate that it was shown."""
        shown = self.spoken.getpeercert()
        assert shown is not None
        return {str(pair[1]) for pair in shown["subjectAltName"]}


async def connect(
    port: int, context: ssl.SSLContext, name: str | None = "front.test"
) -> SecuredWire:
    """A client that asks for a name, or for none."""
    _, wire = await asyncio.get_running_loop().create_connection(
        SecuredWire, "127.0.0.1", port, ssl=context, server_hostname=name or ""
    )
    return wire
