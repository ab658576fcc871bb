"""evaluation.bench.peers: what is started, and how it is told where the backends are."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from config.loading import load
from evaluation.bench import peers
from evaluation.bench.peers import FastapiHttpx, Nginx, Ours, free_ports, origin, peer

pytestmark = pytest.mark.unit


@pytest.fixture
def with_nginx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "nginx", lambda: "/opt/nginx")


@pytest.mark.parametrize("name", [*peers.PEERS, "ours:q_learning"])
def test_a_peer_is_found_by_its_name(name: str) -> None:
    assert peer(name).name == name


@pytest.mark.parametrize("name", ["apache", "", "ours:", "ours:../x"])
def test_an_unknown_peer_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"valid: ours, nginx, fastapi_httpx, ours:STRATEGY"):
        peer(name)


def test_ours_is_started_from_a_configuration_that_is_valid(tmp_path: Path) -> None:
    launch = Ours("peak_ewma").launch([7001, 7002], tmp_path)
    command = list(launch.command)
    assert command[0] == sys.executable
    assert Path(command[1]).exists()
    assert command[command.index("--strategy") + 1] == "peak_ewma"
    assert {"--until-stdin-closes", "run"} < set(command)
    assert launch.url is None
    settings = load(command[command.index("--config") + 1], environ={})
    assert [(server.host, server.port) for server in settings.servers] == [
        ("127.0.0.1", 7001),
        ("127.0.0.1", 7002),
    ]
    assert settings.load_balancer.request_log.path is None


@pytest.mark.usefixtures("with_nginx")
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
        "proxy_http_version 1.1;",
        "worker_processes 1;",
        "access_log off;",
        "daemon off;",
        f"pid {tmp_path}/nginx.pid;",
    ):
        assert line in config


@pytest.mark.usefixtures("with_nginx")
def test_nginx_as_the_backend_answers_one_kilobyte_on_every_port(tmp_path: Path) -> None:
    launch = origin("nginx", [7001, 7002], tmp_path)
    config = (tmp_path / "nginx.conf").read_text()
    assert "listen 127.0.0.1:7001;listen 127.0.0.1:7002;" in config
    assert f'return 200 "{"x" * 1024}";' in config
    assert '"health_status": "healthy"' in config
    assert launch.url == "http://127.0.0.1:7001"


def test_our_own_backend_listens_on_every_port(tmp_path: Path) -> None:
    launch = origin("own", [7001, 7002], tmp_path)
    assert launch.command[-2:] == ["7001", "7002"]


def test_the_naive_proxy_is_told_all_backends(tmp_path: Path) -> None:
    launch = FastapiHttpx().launch([7001, 7002], tmp_path)
    assert launch.env == {"ORIGINS": "http://127.0.0.1:7001,http://127.0.0.1:7002"}
    assert launch.url is not None
    assert launch.url.endswith(f":{launch.command[launch.command.index('--port') + 1]}")


def test_versions_are_of_what_the_speed_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found = FastapiHttpx().versions()
    assert found["httpx"] == version("httpx")
    assert set(Ours().versions()) == {"smart-load-balancer", "httptools", "uvloop"}
    monkeypatch.setattr(peers, "nginx", lambda: None)
    assert Nginx().versions() == {"nginx": "missing"}


def test_a_version_that_is_not_there_is_called_missing() -> None:
    assert peers._versions("no-such-package-anywhere") == {"no-such-package-anywhere": "missing"}


def test_only_nginx_can_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Ours().missing(), FastapiHttpx().missing()) == ("", "")
    monkeypatch.setattr(peers, "nginx", lambda: None)
    assert "apt-get install" in Nginx().missing()
    monkeypatch.setattr(peers, "nginx", lambda: "/opt/nginx")
    assert Nginx().missing() == ""


def test_nginx_is_looked_for_where_only_root_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho 'nginx version: nginx/9.9' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", "/bin:/usr/bin/none")
    monkeypatch.setattr(peers, "NGINX_FOLDERS", str(tmp_path))
    assert peers.nginx() == str(program)
    assert peers.nginx_version() == "nginx/9.9"


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
