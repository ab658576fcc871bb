"""A killed node as its clients saw it, which nodes are killed, and a small network measured."""

import json

import pytest

from evaluation.bench import network
from evaluation.bench.network import cut_off, seen, victims
from evaluation.network.records import Asked
from evaluation.network.view import SeenLink, View

DOMAIN = "domain1.com"


def asked(at: float, *way: str, success: bool = True, latency: float = 0.1) -> Asked:
    status = 200 if success else 503
    return Asked(0, at, DOMAIN, "/", way, status, success, False, latency)


def link(node: str, to: str, *domains: str) -> SeenLink:
    return SeenLink(node, to, not domains, domains, None, 0, 0.0)


VIEW = View(
    levels=3,
    urls={name: f"http://{name}" for name in ("301", "302", "201", "202", "101")},
    links=(
        link("301", "201"),
        link("301", "202"),
        link("302", "202"),
        link("201", "101"),
        link("202", "101"),
        link("101", DOMAIN, DOMAIN),
    ),
    origins={DOMAIN: ("127.0.0.1", 1)},
)


@pytest.mark.unit
def test_a_failure_counts_when_its_client_is_told() -> None:
    """Sent before the kill or after it; one that was told before is none of its doing."""
    kill = seen(
        "201",
        0.5,
        [
            asked(0.5, "301", success=False),
            asked(1.9, "301", success=False, latency=0.4),
            asked(2.5, "301", success=False, latency=1.0),
            asked(3.0, "301", latency=2.0),
        ],
        killed_at=2.0,
    )

    assert (kill.before, kill.failures, kill.wayless) == (1, 2, 0)
    assert kill.last == pytest.approx(1.5)
    assert kill.longest == 2.0
    assert "2 failed, the last one 1.50 s after" in kill.line


@pytest.mark.unit
def test_what_had_no_other_way_is_counted_on_its_own() -> None:
    failed = [asked(3.0, "302", success=False), asked(3.0, "301", success=False)]

    kill = seen("202", 0.5, failed, 2.0, cut_off(VIEW, "202"))

    assert cut_off(VIEW, "202") == {("302", DOMAIN)}
    assert cut_off(VIEW, "201") == set()
    assert (kill.failures, kill.wayless) == (1, 1)


@pytest.mark.unit
def test_the_busiest_between_clients_and_origins_are_killed() -> None:
    ways = [asked(0.0, "301", "202", "101"), asked(0.0, "301", "202"), asked(0.0, "301", "201")]

    assert victims(VIEW, ways, 5) == ["202", "201"]
    assert victims(VIEW, ways, 1) == ["202"]


@pytest.mark.integration
@pytest.mark.slow
def test_a_process_of_a_small_network_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--learn", "1", "--watch", "1", "--set", "levels=3", "--set", "width=1"]
    assert network.main(["kill", "--nodes", "1", "--processes", "node", *few]) == 0

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["nodes"] == 1
    assert (found["worst"], found["failures"]) == ("201", 0)
    assert found["wayless"] > 0  # there is one way only


@pytest.mark.integration
def test_what_a_small_network_serves(capsys: pytest.CaptureFixture[str]) -> None:
    """Too short for a figure, but not for the way to it."""
    few = ["--learn", "0.5", "--seconds", "0.5", "--clients", "2"]
    assert network.main(["serve", *few, "--set", "levels=2", "--set", "width=1"]) == 0

    assert "0 failed, 2.0 hops each" in capsys.readouterr().out


@pytest.mark.unit
def test_numbers_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        network.main(["kill", "--nodes", "0"])

    assert "must be above 0" in capsys.readouterr().err
