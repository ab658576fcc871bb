"""What was compared seed by seed, in words and tables."""

import pytest

from evaluation.bootstrap import Interval
from evaluation.metrics_analyzer import Claim, Estimate
from evaluation.seed_tables import claimed, difference_table, interval, result_table, value
from evaluation.seeds import Difference, Measure, Statistics

pytestmark = pytest.mark.unit
WAITED = Measure("waited", "waited (s)", more_is_better=False, digits=2)
LOST = Measure("lost", "lost", percent=True, more_is_better=False)
BETWEEN = Interval(-0.5, 0.25)
FOUND = [
    Statistics("a", (0, 1), {"waited": Estimate(1.0, None), "lost": Estimate(0.5, BETWEEN)}, {}),
    Statistics(
        "b",
        (0, 1),
        {"waited": Estimate(2.0, None), "lost": Estimate(0.25, None)},
        {
            "waited": Difference(Estimate(1.0, Interval(0.5, 1.5)), Claim.LOSS),
            "lost": Difference(Estimate(-0.25, None), Claim.TOO_FEW),
        },
    ),
]


def test_numbers_are_those_of_their_measure() -> None:
    assert "1.23" == value(WAITED, 1.234)
    assert "+1.23" == value(WAITED, 1.234, signed=True)
    assert "−25.6 %" == value(LOST, -0.256, signed=True)
    assert "0.0 %" == value(LOST, -1e-9, signed=True)
    assert "–" == value(LOST, float("nan"))
    assert "−0.50 to +0.25" == interval(WAITED, BETWEEN, signed=True)
    assert "−50.0 to 25.0" == interval(LOST, BETWEEN)
    assert "" == interval(WAITED, None)


@pytest.mark.parametrize(
    ("claim", "words"), [(None, ""), (Claim.TOO_FEW, "too few seeds"), (Claim.WIN, "win")]
)
def test_claims_speak_of_seeds(claim: Claim | None, words: str) -> None:
    assert words == claimed(Difference(Estimate(0.0, None), claim))


def test_tables_have_a_row_each_and_a_cell_for_every_head() -> None:
    table = result_table(FOUND, (WAITED, LOST), "arm", "The rest.")
    assert ("Results", "arm") == (table.title, table.first)
    assert ["a", "b"] == [row.name for row in table.rows]
    assert [("1.00", ""), ("50.0 %", "−50.0 to 25.0")] == [
        (cell.value, cell.interval) for cell in table.rows[0].cells
    ]
    assert table.note.endswith("over the seeds. The rest.")


def test_differences_are_those_to_the_reference() -> None:
    table = difference_table(FOUND, (WAITED, LOST), "a", "arm", "requests", "Note. ")
    assert table is not None and "Difference to a" == table.title
    (row,) = table.rows
    assert [("+1.00", "loss"), ("−25.0 %", "too few seeds")] == [
        (cell.value, cell.claim) for cell in row.cells
    ]
    assert table.note.startswith("Note. Paired by seed: both are asked for the same requests at")
    assert None is difference_table(FOUND[:1], (WAITED,), "a", "arm", "requests")
