"""TLS towards endpoints: how each is reached, and the connecting.

Contexts are built from files once per distinct settings, and anew at each reload.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from config.tls import EndpointTls, SecuredEndpoint
from load_balancer.forwarding.key_files import VERSIONS, load, trust
from load_balancer.forwarding.tls_stream import TlsStream
from rl.vocabulary import Endpoint

MOST_CONTEXTS = 64
"""Towards endpoints, by distinct settings; the system's authorities in one take about 1 MB."""


@dataclass(frozen=True, slots=True)
class Security:
    """How an endpoint is reached.

    Attributes:
        server_name: what its certificate must be valid for.
    """

    context: ssl.SSLContext
    server_name: str


class EndpointContexts:
    """The contexts towards endpoints, those used last. They share one for the same files."""

    def __init__(self) -> None:
        self._made: OrderedDict[EndpointTls, ssl.SSLContext] = OrderedDict()

    def of(self, endpoint: Endpoint) -> Security | None:
        """How an endpoint is reached; None for plain HTTP.

        Raises:
            ValueError: a file cannot be used.
        """
        if not isinstance(endpoint, SecuredEndpoint):
            return None
        key = _files_of(endpoint.tls)
        context = self._made.get(key)
        if context is None:
            context = _client_context(key, f"the endpoint {endpoint.id}")
        self._made[key] = context
        self._made.move_to_end(key)
        while len(self._made) > MOST_CONTEXTS:
            self._made.popitem(last=False)
        return Security(context, endpoint.tls.server_name or endpoint.host)

    def check(self, endpoint: Endpoint) -> None:
        """
        Raises:
            ValueError: a file cannot be used.
        """
        self.of(endpoint)

    def renewed(self, endpoints: Iterable[Endpoint]) -> Callable[[], Callable[[], None]]:
        """Read the files of these endpoints again.

        Returns:
            What puts the result in place; it returns what puts the present one back.

        Raises:
            ValueError: a file cannot be used.
        """
        made: OrderedDict[EndpointTls, ssl.SSLContext] = OrderedDict()
        for endpoint in endpoints:
            if isinstance(endpoint, SecuredEndpoint):
                key = _files_of(endpoint.tls)
                if key not in made:
                    made[key] = _client_context(key, f"the endpoint {endpoint.id}")

        def swap() -> Callable[[], None]:
            old, self._made = self._made, made

            def undo() -> None:
                self._made = old

            return undo

        return swap


async def secure(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.Protocol,
    security: Security,
    host: str,
    port: int,
    connected: socket.socket | None = None,
) -> None:
    """Connect over TLS.

    Args:
        connected: already, to that host and port.

    Raises:
        OSError: it cannot be reached, or no agreement was found; ssl.SSLError is one.
        ValueError: the server's name cannot be one.
    """
    agreed: asyncio.Future[None] = loop.create_future()

    def established(_: TlsStream, error: Exception | None) -> None:
        if agreed.done():
            return
        if error is None:
            agreed.set_result(None)
        else:
            agreed.set_exception(error)

    stream = TlsStream(protocol, security.context, established, security.server_name)
    if connected is None:
        await loop.create_connection(lambda: stream, host, port)
    else:
        await loop.create_connection(lambda: stream, sock=connected)
    try:
        await agreed
    except BaseException:
        stream.abort()
        raise


def _files_of(tls: EndpointTls) -> EndpointTls:
    return tls if tls.server_name is None else tls.model_copy(update={"server_name": None})


def _client_context(tls: EndpointTls, who: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = VERSIONS[tls.minimum_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is not None:
        trust(context, tls.ca_file, f"{who}: tls.ca_file")
    else:
        context.load_default_certs()
    if tls.client_certificate is not None and tls.client_key is not None:
        load(
            context,
            tls.client_certificate,
            tls.client_key,
            f"{who}: tls.client_certificate",
            f"{who}: tls.client_key",
        )
    return context
