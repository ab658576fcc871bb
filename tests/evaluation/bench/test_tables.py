"""evaluation.bench.tables: what a person reads."""

import math

import pytest

from evaluation.bench.cases import case
from evaluation.bench.comparison import Sample
from evaluation.bench.tables import case_table, document

pytestmark = pytest.mark.unit


def sample(peer: str, turn: int, cpu: float, completed: int, errors: int = 0) -> Sample:
    return Sample(peer, turn, completed, 2.0, cpu, 0.5, errors=errors, proxy_user=cpu / 4)


TAKEN = [
    sample("nginx", 0, 1.9, completed=95_000),
    sample("ours", 0, 1.98, completed=49_500),
    sample("nginx", 1, 1.9, completed=95_000),
    sample("ours", 1, 1.98, completed=44_000),
]


def test_the_table_has_medians_with_their_spread() -> None:
    text = case_table(case("plain"), TAKEN)
    assert "× nginx" in text
    assert "42.5 (40.0..45.0)" in text
    assert "2.12 (2.00..2.25)" in text
    assert "10.6 / 31.9" in text
    assert "Not saturated" not in text
    assert "Wrong" not in text


def test_the_table_names_who_was_not_saturated_and_who_was_wrong() -> None:
    text = case_table(
        case("plain"), [sample("haproxy", 0, 1.0, 10), sample("ours", 0, 1.99, 10, errors=3)]
    )
    assert "× nginx" not in text
    assert "Not saturated, so too high if anything: haproxy (" in text
    assert "Wrong answers, so these figures say nothing: ours (3)." in text


def test_large_bodies_are_told_in_bytes() -> None:
    taken = [
        Sample(peer, 0, 100, 2.0, 1.9, 0.5, case="large", received_bytes=size)
        for peer, size in (("ours", 900_000_000), ("floor", 1_000_000_000))
    ]
    text = case_table(case("large"), taken)
    assert "450 (450..450)" in text
    assert "0.90 (0.90..0.90)" in text
    assert "CPU s/GB" in text


def test_idle_connections_are_told_in_bytes_alone() -> None:
    text = case_table(
        case("idle"),
        [Sample("ours", 0, 0, math.inf, 0.0, 0.0, case="idle", idle_bytes=2811.4)],
    )
    assert "2811 (2811..2811)" in text
    assert "saturated" not in text


def test_the_page_has_the_run_the_goals_and_each_case_once() -> None:
    text = document([case("plain"), case("large")], TAKEN, {"machine": "this one"}, ["a note"])
    assert "- machine: this one" in text
    assert "- a note" in text
    assert text.count("### plain") == 1
    assert "### large" not in text
    assert "| plain: ours ≤ 1.4 × nginx in CPU per request" in text
    assert "missed" in text
    assert "not measured" in text
