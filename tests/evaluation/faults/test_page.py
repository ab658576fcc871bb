"""evaluation.faults.page: what a person reads of the faults."""

import pytest

from evaluation.faults.measures import Seen
from evaluation.faults.page import line, page, table
from evaluation.faults.play import Load, Played

pytestmark = pytest.mark.unit


def played(
    name: str,
    failed: int = 0,
    excused: str = "",
    recovery: float | None = 0.5,
    stuck: int | None = 0,
    has_end: bool = True,
) -> Played:
    return Played(
        fault=name,
        about=f"{name} happens",
        excused=excused,
        seen=Seen(
            requests=900,
            failed=failed,
            lost=0,
            begun=2,
            reasons={"status 502": failed} if failed else {},
            usual=0.012,
            worst=0.034,
            recovery=recovery,
            recovery_after_end=1.0 if has_end else None,
            has_end=has_end,
        ),
        retries=7,
        stuck=stuck,
        warnings=("it was late",),
    )


def test_a_goal_is_missed_by_any_failure_or_anything_left_over() -> None:
    assert played("good").met
    assert not played("bad", failed=1).met
    assert played("known", failed=1, excused="it cannot be helped").met
    assert not played("leaky", stuck=1).met
    assert not played("leaky", stuck=1, excused="no").met
    assert played("silent", stuck=None).met


def test_each_fault_is_a_row() -> None:
    text = table([played("killed", has_end=False), played("frozen", 3, recovery=None)])
    first, second = text.splitlines()[2:]
    assert [cell.strip() for cell in first.split("|")[1:-1]] == [
        *("killed", "900", "0", "0", "2", "0.5 s", "", "12 → 34 ms", "7", "met"),
    ]
    assert "not in time" in second
    assert "missed" in second


def test_the_page_says_how_it_was_made_and_what_was_not() -> None:
    text = page(
        [played("killed", 1, "it is so")],
        Load(seconds=20.0),
        {"machine": "this one"},
        ["dns: this version has no discovery.dns"],
    )
    for part in (
        "make faults",
        "- machine: this one",
        "300 requests/s, Poisson, 20 s for each fault",
        "- not played: dns: this version has no discovery.dns",
        "Excused: it is so.",
        "Seen: 1 × status 502.",
        "Note: it was late.",
        "excused |",
    ):
        assert part in text


def test_a_fault_in_one_line() -> None:
    assert "recovers 0.5 s / 1.0 s, goal met" in line(played("killed"))
    assert "recovers 0.5 s, goal met" in line(played("killed", has_end=False))
