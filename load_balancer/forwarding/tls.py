"""TLS towards clients: which certificate each is shown, and who is still agreeing with us.

Contexts are built from files once, and anew at each reload. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import TypeAlias, cast

from config.tls import Certificate, Tls
from load_balancer.forwarding.key_files import VERSIONS, load, names_in, trust
from load_balancer.forwarding.tls_stream import TlsStream
from metrics.counters import Counters

Unraisable: TypeAlias = "sys.UnraisableHookArgs"

REFUSED_SECONDS = 2.0
"""How long who failed to agree with us may take to hear why."""

_REASONS = {
    "HTTP_REQUEST": "plain_http",
    "HTTPS_PROXY_REQUEST": "plain_http",
    "WRONG_VERSION_NUMBER": "not_tls",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "NO_SHARED_CIPHER": "cipher",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no_client_certificate",
    "CERTIFICATE_VERIFY_FAILED": "client_certificate",
}


class ServedObject(ssl.SSLObject):
    """A connection that knows which server its client asked for.

    Attributes:
        asked: the name, lower case; "" for none.
    """

    asked = ""


class ServerContexts:
    """One context per certificate. Which one a client gets is decided in its handshake.

    Attributes:
        first: shown to who names no server, or none that is here.
    """

    def __init__(self, settings: Tls) -> None:
        """
        Raises:
            ValueError: a file cannot be used.
        """
        exact: dict[str, ssl.SSLContext] = {}
        wild: dict[str, ssl.SSLContext] = {}
        contexts = []
        for number, each in enumerate(settings.certificates):
            context = _server_context(settings, each, f"load_balancer.tls.certificates[{number}]")
            contexts.append(context)
            for name in map(str.lower, each.names or names_in(each.certificate)):
                if name.startswith("*."):
                    wild.setdefault(name[2:], context)
                else:
                    exact.setdefault(name, context)
        self.first = contexts[0]

        def choose(asking: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if name and isinstance(asking, ServedObject):
                name = asking.asked = name.lower()
                found = exact.get(name) or wild.get(name.partition(".")[2])
                if found is not None:
                    asking.context = found

        self.first.sslobject_class = ServedObject
        if len(contexts) > 1 or settings.strict_host:
            self.first.sni_callback = choose


def server_contexts(settings: Tls) -> ServerContexts | None:
    """Those for these settings; None for plain HTTP.

    Raises:
        ValueError: a file cannot be used.
    """
    return ServerContexts(settings) if settings.certificates else None


class TlsPort:
    """Agrees with clients on TLS before anybody sees their requests, or lets them be without.

    Attributes:
        contexts: for connections that come from now on; None is plain HTTP.
        handshake_seconds: how long one may take.
    """

    def __init__(
        self,
        settings: Tls,
        counters: Counters,
        clock: Callable[[], float],
        most: Callable[[], int],
    ) -> None:
        """
        Args:
            most: how many handshakes may be under way; later they are connections like others.

        Raises:
            ValueError: a file cannot be used.
        """
        self.contexts = server_contexts(settings)
        self.handshake_seconds = settings.handshake_seconds
        self._counters = counters
        self._clock = clock
        self._most = most
        # Neither agreed nor gone.
        self._shaking: set[TlsStream] = set()

    def over(self, protocol: asyncio.Protocol, address: str = "") -> asyncio.Protocol:
        """What is to be told of the connection that ``protocol`` is for.

        Args:
            address: the client's, where it is not the socket's.
        """
        contexts = self.contexts
        if contexts is None:
            return protocol
        if len(self._shaking) >= self._most():
            self._counters.tls_failed("connections")
            return _Unwanted()
        stream = TlsStream(protocol, contexts.first, self._established, address=address)
        stream.deadline = self._clock() + self.handshake_seconds
        self._shaking.add(stream)
        return stream

    def sweep(self, now: float) -> None:
        """End what lasts too long."""
        for stream in list(self._shaking):
            if stream.lost:
                self._shaking.discard(stream)
            elif stream.deadline < now:
                self._shaking.discard(stream)
                if stream.shaking:
                    self._counters.tls_failed("timeout")
                stream.abort()

    def cut(self) -> None:
        """End all that has not come to an agreement."""
        for stream in list(self._shaking):
            self._shaking.discard(stream)
            stream.abort()

    def _established(self, stream: TlsStream, error: Exception | None) -> None:
        if error is None:
            self._shaking.discard(stream)
            self._counters.tls_handshakes += 1
        elif stream in self._shaking:
            self._counters.tls_failed(failure(error))
            stream.deadline = self._clock() + REFUSED_SECONDS


class _Unwanted(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


def failure(error: Exception) -> str:
    """Why a client's handshake failed, as a label of a few."""
    if not isinstance(error, ssl.SSLError):
        return "closed"
    reason = str(getattr(error, "reason", ""))
    if "_ALERT_" in reason:
        return "alert"
    return _REASONS.get(reason, "other")


def silent_of_names(hook: Callable[[Unraisable], object]) -> Callable[[Unraisable], None]:
    """``sys.unraisablehook``, but for server names in a handshake that are not ASCII: the standard
    library tells of each with a traceback, and any client may send them as often as it likes. The
    handshake fails all the same, and is counted."""

    def tell(unraisable: Unraisable) -> None:
        named = unraisable.exc_type is UnicodeDecodeError and isinstance(unraisable.object, bytes)
        if not named:
            hook(unraisable)

    return tell


def version_of(connection: asyncio.BaseTransport) -> str:
    """The version of TLS that a connection speaks, as in ``TLSv1.3``; "" without."""
    spoken = connection.get_extra_info("ssl_object")
    return "" if spoken is None else spoken.version() or ""


def asked_of(connection: asyncio.BaseTransport) -> str:
    """The server that a client asked for in its handshake; "" for none."""
    spoken = connection.get_extra_info("ssl_object")
    return spoken.asked if isinstance(spoken, ServedObject) else ""


def _server_context(settings: Tls, each: Certificate, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[settings.minimum_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    load(context, each.certificate, each.key, f"{key}.certificate", f"{key}.key")
    if settings.client_certificates != "off" and settings.client_ca_file is not None:
        trust(context, settings.client_ca_file, "load_balancer.tls.client_ca_file")
        required = settings.client_certificates == "required"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context
