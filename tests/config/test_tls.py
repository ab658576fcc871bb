"""What must hold between the settings of TLS."""

import pytest
from pydantic import ValidationError

from config.endpoints import DnsSource, read_entries
from config.schema import Server
from config.tls import EndpointTls, SecuredEndpoint, Tls
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit

PLACE = {"id": "a", "host": "a.test", "port": 443}


def test_there_is_none_by_default() -> None:
    assert () == Tls().certificates
    assert Endpoint("a", "a.test", 443) == Server.model_validate(PLACE).endpoint()
    assert [Endpoint("a", "a.test", 443)] == read_entries([PLACE])


def test_client_certificates_need_somebody_who_vouches() -> None:
    assert "ca.pem" == Tls(client_certificates="optional", client_ca_file="ca.pem").client_ca_file
    with pytest.raises(ValidationError, match="client_ca_file: is needed"):
        Tls(client_certificates="required")


def test_a_certificate_of_ours_needs_its_key() -> None:
    with pytest.raises(ValidationError, match="only both together"):
        EndpointTls(client_certificate="a.crt")


def test_what_yaml_takes_for_numbers_and_truths_is_understood() -> None:
    read = Tls.model_validate({"minimum_version": 1.3, "client_certificates": False})
    assert ("1.3", "off") == (read.minimum_version, read.client_certificates)
    with pytest.raises(ValidationError, match="minimum_version"):
        Tls.model_validate({"minimum_version": 1.1})


@pytest.mark.parametrize("name", ["a.test", "*.a.test", "a_b.test", "xn--bcher-kva.test", "a"])
def test_names_of_certificates(name: str) -> None:
    pair = {"certificate": "a.crt", "key": "a.key", "names": [name]}
    assert (name,) == Tls.model_validate({"certificates": [pair]}).certificates[0].names


@pytest.mark.parametrize("name", ["", "*", "*.*.test", "a.*", "a b", "a..b", ".a", "bücher.test"])
def test_what_is_no_name(name: str) -> None:
    pair = {"certificate": "a.crt", "key": "a.key", "names": [name]}
    with pytest.raises(ValidationError, match="names"):
        Tls.model_validate({"certificates": [pair]})


def test_endpoints_from_every_source_may_be_secured() -> None:
    """And are others then: with other settings of TLS an endpoint is another one."""
    tls = {"enabled": True, "ca_file": "ca.pem"}
    server = Server.model_validate({**PLACE, "tls": tls}).endpoint()
    (entry,) = read_entries([{**PLACE, "tls": tls}])
    assert isinstance(server, SecuredEndpoint) and server == entry
    assert server != Endpoint("a", "a.test", 443)
    assert server != Server.model_validate({**PLACE, "tls": {"enabled": True}}).endpoint()
    assert hash(server) == hash(entry)


def test_a_name_in_the_dns_is_the_one_to_be_proved() -> None:
    """Not the address that it leads to."""
    tls = EndpointTls(enabled=True)
    source = DnsSource(id="d", name="api.test", port=443, tls=tls)
    found = source.reached(Endpoint("d-1", "10.0.0.1", 443))
    assert isinstance(found, SecuredEndpoint) and "api.test" == found.tls.server_name
    named = source.model_copy(update={"tls": EndpointTls(enabled=True, server_name="b.test")})
    found = named.reached(Endpoint("d-1", "10.0.0.1", 443))
    assert isinstance(found, SecuredEndpoint) and "b.test" == found.tls.server_name
    plain = source.model_copy(update={"tls": EndpointTls()})
    assert Endpoint("d-1", "10.0.0.1", 443) == plain.reached(Endpoint("d-1", "10.0.0.1", 443))
    with pytest.raises(ValidationError, match=r"tls\.server_name: is needed"):
        DnsSource(id="d", name="_http._tcp.api.test", type="srv", tls=tls)
