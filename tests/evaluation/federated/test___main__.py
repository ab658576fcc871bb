"""The command line of federated learning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluation.arguments import INTERRUPTED, REFUSED
from evaluation.federated import __main__ as command
from evaluation.federated import flower
from evaluation.federated.report import PAGE, RESULTS
from evaluation.federated.sites import Manner
from evaluation.federated.study import Plan, Tried
from evaluation.shaping import training
from tests.evaluation.federated.made import tries

pytestmark = pytest.mark.unit


def test_a_comparison_is_printed_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def compare(plan: Plan, progress: Any, workers: int) -> Iterator[list[Tried]]:
        assert (0, 1, 2) == plan.seeds
        assert (2, True, False) == (plan.episodes, plan.poisoned, plan.longer)
        assert Manner() == plan.manner
        assert 2 == workers
        yield tries(3)

    monkeypatch.setattr(command, "compare", compare)
    given = ["compare", "--seeds", "0-2", "--episodes", "2", "--poisoned", "--workers", "2"]

    assert 0 == command.main([*given, "--out", str(tmp_path)])

    (folder,) = tmp_path.iterdir()
    assert {RESULTS, PAGE} == {each.name for each in folder.iterdir()}
    assert "# Federated learning" in capsys.readouterr().out


def test_what_is_done_is_kept_if_the_rest_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(plan: Plan, progress: Any, workers: int) -> Iterator[list[Tried]]:
        yield tries(3)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compare", compare)

    assert INTERRUPTED == command.main(["compare", "--out", str(tmp_path)])
    (folder,) = tmp_path.iterdir()
    assert len(tries(3)) == len(json.loads((folder / RESULTS).read_text())["tries"])


def test_nothing_done_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(plan: Plan, progress: Any, workers: int) -> Iterator[list[Tried]]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(command, "compare", compare)

    assert INTERRUPTED == command.main(["compare", "--out", str(tmp_path)])
    assert [] == list(tmp_path.iterdir())


def test_networks_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Manner] = []

    def compare(plan: Plan, progress: Any, workers: int) -> Iterator[list[Tried]]:
        asked.append(plan.manner)
        yield tries(3)

    monkeypatch.setattr(command, "compare", compare)
    monkeypatch.setattr(command, "need_torch", lambda agent: None)
    given = ["compare", "--agent", "dqn", "--updates", "2", "--out", str(tmp_path)]

    assert 0 == command.main(given)
    assert [Manner("dqn", 0.1, 1.0, 2)] == asked


def test_without_pytorch_networks_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)

    assert REFUSED == command.main(["compare", "--agent", "dqn", "--out", str(tmp_path)])

    assert "dqn learns with the package torch: run pip install '.[deep]'" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())


def test_flowers_sites_are_the_nodes_of_the_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    def run(
        programs: Path, folder: Path, sites: dict[str, Path], wanted: flower.Wanted, say: Any
    ) -> dict[str, Any]:
        asked.update(sites=sites, wanted=wanted)
        return {"rounds": wanted.rounds}

    monkeypatch.setattr(flower, "environment", lambda folder, say: folder)
    monkeypatch.setattr(flower, "run", run)
    monkeypatch.setattr(command, "alone", lambda node, *rest: [{"a": {"states": [], "own": node}}])
    given = ["flower", "--folder", str(tmp_path), "--rounds", "3", "--method", "median"]

    assert 0 == command.main(given)

    assert {"rush", "batches", "flood"} == set(asked["sites"])
    assert (3, "median") == (asked["wanted"].rounds, asked["wanted"].method)
    assert "all sites know the same: yes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["compare", "--seeds", "x"], "--seeds x: must be numbers"),
        (["compare", "--agent", "dqn", "--prior", "1"], "--prior: is for --agent tabular"),
        (["compare", "--updates", "2"], "--updates: is for --agent dqn"),
        (["flower", "--environment", "/dev/null/env"], "/dev/null/env"),
    ],
)
def test_what_cannot_be_run_is_named(
    given: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert REFUSED == command.main(given)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["compare", "--episodes", "0"],
        ["compare", "--explore", "2"],
        ["compare", "--agent", "ppo"],
        ["compare", "--workers", "0"],
        ["flower", "--method", "x"],
    ],
)
def test_what_means_nothing_is_refused(given: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(given)
