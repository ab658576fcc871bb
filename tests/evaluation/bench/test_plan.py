"""evaluation.bench.plan: options, cores, and who can take part."""

from pathlib import Path

import pytest

from evaluation.bench import plan as module
from evaluation.bench.cases import CASES
from evaluation.bench.foreign import Nginx
from evaluation.bench.plan import CannotMeasure, Cores, Plan, parsed, planned, provided

pytestmark = pytest.mark.unit


def here(*argv: str, folder: Path, said: list[str] | None = None) -> Plan:
    lines = said if said is not None else []
    return provided(planned(parsed(argv)), folder, lines.append, install=False)


def test_all_cases_are_measured_unless_others_are_named() -> None:
    assert planned(parsed([])).cases == CASES
    named = planned(parsed(["--cases", "large,plain"]))
    assert [each.name for each in named.cases] == ["large", "plain"]


def test_quick_is_shorter_and_what_is_given_beside_it_counts() -> None:
    usual, quick = planned(parsed([])), planned(parsed(["--quick"]))
    assert usual.connections == 48
    assert quick.rounds * (quick.seconds + quick.warm_up) < usual.rounds * usual.seconds / 3
    assert len(quick.cases) < len(usual.cases)
    assert planned(parsed(["--quick", "--rounds", "9"])).rounds == 9


def test_a_case_has_its_own_peers_and_further_strategies_of_ours() -> None:
    plan = planned(parsed(["--peers", "ours,nginx,ours:peak_ewma", "--cases", "plain"]))
    assert plan.peers_of(plan.cases[0]) == ("ours", "nginx", "ours:peak_ewma")


@pytest.mark.parametrize(
    ("allowed", "cores"),
    [
        ([5], Cores()),
        ([0, 1], Cores((0,), (1,), (1,))),
        ([2, 3, 6, 7], Cores((2,), (3,), (6,))),
    ],
)
def test_the_proxy_has_a_core_of_its_own(allowed: list[int], cores: Cores) -> None:
    assert Cores.of(allowed) == cores


def test_two_workers_have_two_cores() -> None:
    assert Cores.of([0, 1], shared=True) == Cores((0, 1), (0, 1), (0, 1))
    assert Cores.of([0, 1, 2, 3], shared=True) == Cores((0, 1), (2,), (3,))


def test_who_is_missing_is_left_out_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nginx, "missing", lambda self: "no nginx")
    said: list[str] = []
    plan = here("--peers", "ours,nginx", "--cases", "plain", folder=tmp_path, said=said)
    assert plan.peers == ("ours",)
    assert plan.left_out == ("no nginx",)
    assert said == ["left out: no nginx"]


def test_with_nobody_left_there_is_nothing_to_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nginx, "missing", lambda self: "no nginx")
    with pytest.raises(CannotMeasure, match="no nginx"):
        here("--peers", "nginx", folder=tmp_path)
    with pytest.raises(CannotMeasure, match="none of them is in these cases"):
        here("--peers", "floor", "--cases", "everything", folder=tmp_path)
    with pytest.raises(CannotMeasure, match="--backend nginx: no nginx"):
        here("--peers", "ours", "--backend", "nginx", folder=tmp_path)


def test_the_backend_is_nginx_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nginx, "missing", lambda self: "")
    assert here("--peers", "ours", folder=tmp_path).backend == "nginx"
    monkeypatch.setattr(Nginx, "missing", lambda self: "no nginx")
    assert here("--peers", "ours", folder=tmp_path).backend == "own"


def test_wrk_loads_where_there_is_one_and_whole_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "wrk", lambda: "/bin/wrk")
    assert here("--peers", "ours", folder=tmp_path).driver == "wrk"
    assert here("--peers", "ours", "--seconds", "0.5", folder=tmp_path).driver == "own"
    with pytest.raises(CannotMeasure, match=r"--seconds 1.5: wrk counts whole seconds"):
        here("--peers", "ours", "--seconds", "1.5", "--driver", "wrk", folder=tmp_path)
    monkeypatch.setattr(module, "wrk", lambda: None)
    assert here("--peers", "ours", folder=tmp_path).driver == "own"
    with pytest.raises(CannotMeasure, match="--driver wrk: wrk is not installed"):
        here("--peers", "ours", "--driver", "wrk", folder=tmp_path)


def test_what_is_missing_is_installed_unless_that_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    monkeypatch.setattr(module, "debian", lambda peers, say, tools: asked.append(set(peers)))
    monkeypatch.setattr(module, "packages", lambda peers, folder, say: None)
    plan = planned(parsed(["--peers", "ours,floor", "--cases", "plain"]))
    provided(plan, tmp_path, lambda line: None, install=False)
    assert asked == []
    provided(plan, tmp_path, lambda line: None, install=True)
    assert asked == [{"ours", "floor"}]
