"""evaluation.bench.measure: only a proxy that forwards is measured."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backend.processes import Processes
from evaluation.bench import measure
from evaluation.bench.launch import Launch, free_ports
from evaluation.bench.measure import Bench, check, check_hits
from evaluation.bench.peers import Floor
from evaluation.bench.plan import CannotMeasure, Plan, parsed, planned, provided

pytestmark = pytest.mark.integration


def plan(folder: Path, *argv: str) -> Plan:
    options = ["--backend", "own", "--driver", "own", "--rounds", "1", "--seconds", "0.2"]
    options += ["--warm-up", "0.1", *argv]
    return provided(planned(parsed(options)), folder, lambda line: None, install=False)


def test_nobody_forwarding_is_an_error() -> None:
    with pytest.raises(CannotMeasure, match="thing does not forward"):
        check("thing", "http://127.0.0.1:9")


def test_a_cache_that_asks_again_is_not_measured(tmp_path: Path) -> None:
    """One that does not is, and every answer is the first one."""
    with pytest.raises(CannotMeasure, match="thing does not forward"):
        check_hits("thing", "http://127.0.0.1:9")
    (port,) = free_ports(1)
    with Processes() as processes:
        origin = processes.start([sys.executable, "-m", "evaluation.bench.origin", str(port)])
        with pytest.raises(CannotMeasure, match="thing does not cache"):
            check_hits("thing", origin.url)
    names = "cache_hit_varied,cache_miss"
    chosen = plan(tmp_path, "--peers", "ours+cache", "--cases", names)
    bench = Bench(chosen, tmp_path, lambda line: None)
    bench.run()
    assert [each.case for each in bench.samples] == names.split(",")
    for each in bench.samples:
        assert each.errors == 0, each.problem
        assert each.completed > 0


def test_each_case_sends_what_it_is_about(tmp_path: Path) -> None:
    """Large bodies arrive whole and are counted in bytes; varied requests are answered alike."""
    chosen = plan(tmp_path, "--peers", "floor,ours", "--cases", "large,varied")
    lines: list[str] = []
    bench = Bench(chosen, tmp_path, lines.append)
    bench.run()
    large_ours, large_floor, varied = bench.samples
    assert [each.case for each in bench.samples] == ["large", "large", "varied"]
    assert (large_ours.peer, large_floor.peer, varied.peer) == ("ours", "floor", "ours")
    for each in bench.samples:
        assert each.errors == 0, each.problem
        assert each.completed > 0
        assert 0 <= each.proxy_user <= each.proxy_cpu  # counted in ticks of 10 ms
        assert each.proxy_cpu > 0
    assert large_floor.received_bytes > 8_000_000
    assert varied.received_bytes > 1024 * varied.completed
    assert "MB/s" in lines[0]


def test_idle_connections_that_nobody_measures_are_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.bench.measure.IDLE_MODULE", "evaluation.bench.nothing_here")
    bench = Bench(plan(tmp_path, "--peers", "ours", "--cases", "idle"), tmp_path, lambda line: None)
    bench.run()
    assert bench.samples == []
    assert bench.notes
    assert bench.notes[0].startswith("idle was not measured")


class Complains:
    """A proxy that forwards and prints."""

    name = "floor"

    def missing(self) -> str:
        return ""

    def versions(self) -> dict[str, str]:
        return {}

    def launch(self, origins: Sequence[int], folder: Path) -> Launch:
        floor = Floor().launch(origins, folder)
        complain = (
            "import sys, threading\nsay = lambda: print('it hurts', file=sys.stderr, flush=True)\n"
            "[threading.Timer(each / 20, say).start() for each in range(12)]\n"
        )
        run = "from evaluation.bench.floor import main; sys.exit(main(sys.argv[1:]))"
        return Launch([sys.executable, "-c", complain + run, *list(floor.command)[3:]])


def test_a_proxy_that_complains_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be busy with its own fault instead of the work that is measured. Once is enough."""
    monkeypatch.setattr(measure, "peer", lambda name, packages=None: Complains())
    chosen = replace(plan(tmp_path, "--peers", "floor", "--cases", "plain"), rounds=2)
    bench = Bench(chosen, tmp_path, lambda line: None)
    bench.run()
    assert len(bench.samples) == 2
    assert bench.notes == ["floor printed: it hurts"]
