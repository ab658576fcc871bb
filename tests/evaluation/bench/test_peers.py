"""evaluation.bench.peers: what is started, and how it is told where the backends are."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from config.loading import load
from evaluation.bench import peers
from evaluation.bench.peers import FastapiHttpx, Floor, Ours, everything_on, learner, peer
from evaluation.settings_known import known

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", [*peers.PEERS, "ours:q_learning"])
def test_a_peer_is_found_by_its_name(name: str) -> None:
    assert peer(name).name == name


@pytest.mark.parametrize("name", ["apache", "", "ours:", "ours:../x"])
def test_an_unknown_peer_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"valid: ours, .*nginx, .*fastapi_httpx, ours:STRATEGY"):
        peer(name)


def test_ours_is_started_from_a_configuration_that_is_valid(tmp_path: Path) -> None:
    launch = Ours("mine", "peak_ewma").launch([7001, 7002], tmp_path)
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


def test_everything_is_on_where_it_exists_and_the_report_says_what(tmp_path: Path) -> None:
    """A version without some of it must still start, and nobody may believe that it was on."""
    ours = Ours("all", learner(), everything=True)
    ours.launch([7001], tmp_path)
    load(str(tmp_path / "config.yaml"), environ={})
    written = (tmp_path / "config.yaml").read_text()
    said = ours.versions()["everything is"]
    for path in everything_on(tmp_path):
        assert (path in said) == known(path)
        assert (path.rpartition(".")[2] + ":" in written) == known(path)
    assert said.startswith(learner())


def test_two_workers_need_a_version_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Ours("two", workers=2)
    monkeypatch.setattr(peers, "known", lambda path: False)
    assert two.missing() == "two: this version has no load_balancer.workers"
    assert Ours().missing() == ""
    monkeypatch.setattr(peers, "known", lambda path: True)
    assert two.missing() == ""
    two.launch([7001], tmp_path)
    written = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert written.get("load_balancer", {}).get("workers", 2) == 2


def test_rules_for_others_are_valid_and_need_a_version_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Ours("mine", shaping=True)
    ours.launch([7001], tmp_path)
    shaping = load(str(tmp_path / "config.yaml"), environ={}).load_balancer.shaping
    assert shaping.enabled and shaping.adaptive.enabled and 2 == len(shaping.rules)
    assert ours.missing() == ""
    monkeypatch.setattr(peers, "known", lambda path: False)
    assert ours.missing() == "mine: this version has no load_balancer.shaping.enabled"


def test_with_its_cache_on_needs_a_version_that_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Ours("mine", cached=True)
    assert ours.missing() == ""
    ours.launch([7001], tmp_path)
    assert load(str(tmp_path / "config.yaml"), environ={}).load_balancer.cache.enabled
    monkeypatch.setattr(peers, "known", lambda path: False)
    assert ours.missing() == "mine: this version has no load_balancer.cache.enabled"


def test_the_floor_is_told_the_ports(tmp_path: Path) -> None:
    assert list(Floor().launch([7001, 7002], tmp_path).command)[-3:] == ["0", "7001", "7002"]
    assert Floor().missing() == ""
    assert Floor().versions() == {"uvloop": version("uvloop")}


def test_the_naive_proxy_is_told_all_backends(tmp_path: Path) -> None:
    launch = FastapiHttpx(tmp_path).launch([7001, 7002], tmp_path)
    assert launch.env == {
        "ORIGINS": "http://127.0.0.1:7001,http://127.0.0.1:7002",
        "PYTHONPATH": str(tmp_path),
    }
    assert launch.url is not None
    assert launch.url.endswith(f":{launch.command[launch.command.index('--port') + 1]}")
    assert FastapiHttpx().versions()["httpx"] == version("httpx")


def test_the_naive_proxy_does_not_run_without_what_makes_it_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To compare with it at half its speed would be no win."""
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert "sniffio is not installed" in FastapiHttpx(tmp_path).missing()
    (tmp_path / "sniffio").mkdir()
    assert FastapiHttpx(tmp_path).missing() == ""
