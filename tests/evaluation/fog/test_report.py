"""The report of a comparison in the fog."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.export import ReportError
from evaluation.fog.report import (
    RESULTS,
    Comparison,
    facts,
    publish,
    train_commands,
    warnings,
)
from evaluation.machine import Beginning
from rl.fog.settings import FogSettings
from tests.evaluation.fog.made import checkpoint, episodes

pytestmark = pytest.mark.unit


def comparison(**more: object) -> Comparison:
    made = Comparison(
        configuration="uneven",
        fingerprint="0123456789abcdef",
        settings=FogSettings(),
        algorithms=("least_queue", "local", "ppo"),
        seeds=tuple(range(6)),
        played=tuple(episodes()),
        learned=(checkpoint(),),
        planned=18,
        circumstances=Beginning("2026-01-02T03:04:05Z", 0.5).circumstances(
            "python -m evaluation.fog compare", "uneven", ""
        ),
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(small_pictures: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which ``local`` is the best of those that learned nothing."""
    played = [
        replace(each, completed=0.999) if each.algorithm == "local" else each for each in episodes()
    ]
    folder = tmp_path_factory.mktemp("reports") / "one"
    folder.mkdir()
    found, page = publish(comparison(played=tuple(played)), folder)
    assert [each.name for each in found] == ["least_queue", "local", "ppo"]
    assert page == folder / "report.html"
    return folder


def test_page_markdown_and_data_say_the_same(folder: Path) -> None:
    html, text = (folder / "report.html").read_text(), (folder / "summary_report.md").read_text()
    data = json.loads((folder / RESULTS).read_text())
    for part in ("ppo against least_queue", "Difference to least_queue", "What was learned"):
        assert part in html and part in text
    assert "data:image/png;base64," in html
    assert "http://" not in html and "https://" not in html
    assert len(data["episodes"]) == 18
    assert "parameters" not in data["learned"][0]
    assert data["learned"][0]["curve"]
    assert (folder.parent / "latest").exists()
    assert "train --algorithm ppo --configuration uneven" in text


def test_learners_are_held_against_the_best_other_too(folder: Path) -> None:
    text = (folder / "summary_report.md").read_text()
    assert "ppo against local" in text
    assert "Difference to local" in text
    assert "seen after the fact" in text


def test_readers_are_warned() -> None:
    made = comparison(
        planned=99,
        algorithms=("ppo",),
        learned=(replace(checkpoint(), steps=1, fingerprint="f" * 16),),
    )
    lines = warnings(made)
    assert lines[0] == "Interrupted: 18 of 99 episodes were played."
    assert "ended after 1 of 300 ticks" in lines[1]
    assert "learned in another fog" in lines[2]
    assert "did not play" in lines[3]
    assert warnings(comparison()) == []


def test_nothing_played_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="nothing was played"):
        publish(comparison(played=()), tmp_path)


def test_commands_name_the_seeds_of_one_kind_together() -> None:
    found = train_commands([checkpoint(), checkpoint(seed=3), checkpoint("dqn")])
    assert [each.rpartition(" ")[2] for each in found] == ["0,3", "0"]
    assert found[0].startswith(
        "python -m evaluation.fog train --algorithm ppo --configuration uneven"
        " --reward shared_cost --steps 300 --fogs 4 --seeds "
    )


def test_facts() -> None:
    found = dict(facts(comparison()))
    assert found["Seeds"] == "0, 1, 2, 3, 4, 5"
    assert "load average 0.5 before" in found["Machine"]
