"""Several workers' answers as one."""

import pytest

from load_balancer.combined import combined
from rl.vocabulary import JSON

pytestmark = pytest.mark.unit


def test_one_answer_is_itself() -> None:
    answer: JSON = {"a": 1, "b": [{"id": "x", "latency": 0.5}], "c": None, "d": "", "e": True}
    assert answer == combined([answer])


def test_counts_are_summed_wherever_they_stand() -> None:
    """A key that one of them lacks counts for the others."""
    assert {"answers": {"200": 5, "503": 1}, "retries": 3} == combined(
        [{"answers": {"200": 2, "503": 1}, "retries": 1}, {"answers": {"200": 3}, "retries": 2}]
    )


def test_endpoints_are_joined_by_their_id() -> None:
    """In the order of the first that names them; a mean weighs as much as it is the mean of."""

    def row(id: str, completed: int, latency: float) -> JSON:
        return {"id": id, "port": 8001, "completed": completed, "latency": latency}

    assert {
        "endpoints": [
            {"id": "a", "port": 8001, "completed": 4, "latency": pytest.approx(0.25)},
            {"id": "b", "port": 8001, "completed": 7, "latency": 0.5},
        ]
    } == combined(
        [
            {"endpoints": [row("a", 3, 0.3), row("b", 0, 0.0)]},
            {"endpoints": [row("a", 1, 0.1), row("b", 7, 0.5)]},
        ]
    )


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("weight", [2.0, 2.0], 2.0),
        ("port", [8001, 8001], 8001),
        ("servers_count", [3, 3], 3),
        ("servers_healthy", [3, 1], 1),
        ("uptime", [5.0, 60.0], 60.0),
        ("active", [4, 6], 6),
        ("cpu", [0.2, 0.4], pytest.approx(0.3)),
        ("report_age", [None, 2.0], 2.0),
        ("report_age", [None, None], None),
        ("latency", [0.0, 0.0], 0.0),
        ("latency_ms", [0.0, 6.0, 8.0], 7.0),  # 0 is nothing seen, where no count stands beside it
        ("limit", [20.5, 19.5], 40.0),
        ("limit", [None, None], None),
        ("status", ["healthy", "degraded"], "degraded"),
        ("state", ["ejected", "healthy"], "ejected | healthy"),
        ("last_poll_error", ["", "refused"], "refused"),
        ("last_poll_error", ["", ""], ""),
        ("draining", [True, True], True),
    ],
)
def test_what_each_sees_of_the_same_thing_is_not_added_up(
    name: str, values: list[JSON], expected: JSON
) -> None:
    assert {name: expected} == combined([{name: value} for value in values])


def test_rows_that_have_no_id_are_shown_once() -> None:
    assert [1, 2, 3] == combined([[1], [1, 2, 3]])


def test_a_mean_over_nothing_is_no_division() -> None:
    assert {"mean_latency": pytest.approx(0.5), "answers": 0} == combined(
        [{"mean_latency": 0.0, "answers": 0}, {"mean_latency": 1.0, "answers": 0}]
    )
