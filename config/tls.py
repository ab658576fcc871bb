"""The settings of TLS: towards clients, and towards one endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.section import Flag, Seconds, Section
from rl.vocabulary import Endpoint


def _as_text(value: object) -> object:
    # YAML takes 1.2 for a number, and off for a truth value.
    return "off" if value is False else str(value) if isinstance(value, float) else value


FilePath = Annotated[str, Field(min_length=1)]
Version = Annotated[Literal["1.2", "1.3"], BeforeValidator(_as_text)]
ClientCertificates = Annotated[Literal["off", "optional", "required"], BeforeValidator(_as_text)]
CertificateName = Annotated[
    str, Field(pattern=r"^(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$", max_length=253)
]
ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}$")]


class Certificate(Section):
    """A certificate with its chain, and its key, each a PEM file. ``names`` are those for which it
    is shown, in place of the ones that it says itself."""

    certificate: FilePath
    key: FilePath
    names: Annotated[tuple[CertificateName, ...], Field(max_length=1000)] = ()


class Tls(Section):
    """TLS with clients; without certificates the port speaks plain HTTP.

    A client that names a server is shown the certificate that has exactly this name, else the one
    with the wildcard for it, else the first. ``strict_host`` refuses with 421 a request whose Host
    is another one than the client named.
    """

    certificates: Annotated[tuple[Certificate, ...], Field(max_length=1000)] = ()
    minimum_version: Version = "1.2"
    handshake_seconds: Seconds = 10.0
    client_certificates: ClientCertificates = "off"
    client_ca_file: FilePath | None = None
    strict_host: Flag = False

    @model_validator(mode="after")
    def _somebody_vouches_for_clients(self) -> Tls:
        if self.client_certificates != "off" and self.client_ca_file is None:
            raise ValueError(
                f"client_ca_file: is needed with client_certificates: {self.client_certificates}"
            )
        return self


class EndpointTls(Section):
    """TLS with an endpoint.

    Its certificate must be valid for ``server_name``, or else for its host, and vouched for by
    ``ca_file``, or else by the system's authorities; ``verify: false`` gives both up.
    """

    enabled: Flag = False
    verify: Flag = True
    ca_file: FilePath | None = None
    server_name: ServerName | None = None
    client_certificate: FilePath | None = None
    client_key: FilePath | None = None
    minimum_version: Version = "1.2"

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> EndpointTls:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key: only both together mean something")
        return self

    def over(self, endpoint: Endpoint, server_name: str = "") -> Endpoint:
        """The endpoint, reached like this.

        Args:
            server_name: expected where none is set; without it the endpoint's host.
        """
        if not self.enabled:
            return endpoint
        tls = self
        if server_name and self.server_name is None:
            tls = self.model_copy(update={"server_name": server_name})
        return SecuredEndpoint(
            endpoint.id,
            endpoint.host,
            endpoint.port,
            endpoint.weight,
            endpoint.tags,
            endpoint.domains,
            endpoint.proxy_node,
            tls,
        )


_BY_DEFAULT = EndpointTls(enabled=True)


@dataclass(frozen=True, slots=True)
class SecuredEndpoint(Endpoint):
    """An endpoint that is reached over TLS. Policies take it for any other one; with other TLS
    settings it is another endpoint, as it would be at another port."""

    tls: EndpointTls = _BY_DEFAULT
