"""What the suites found, as a page."""

import pytest

from evaluation.conformance.page import BEGIN, END, Result, Run, page, put

pytestmark = pytest.mark.unit

RUN = Run("2027-01-01 00:00 UTC", "python -m x", "abc", "2 × a processor")


def test_every_result_has_its_line() -> None:
    """Met, missed, and left out with the reason."""
    results = [
        Result("one", "1.0", "3 of 3", "3", True),
        Result("two", "2.0", "1 of 3", "3", False, ("failed: a",)),
        Result("three", "", "", "", None, left_out="THREE is not set"),
    ]
    lines = page(RUN, results, [("ours", "| a |")]).splitlines()
    assert "| one | 1.0 | 3 of 3 | 3 | met |" in lines
    assert "| two | 2.0 | 1 of 3 | 3 | missed |" in lines
    assert "| three |  | left out: THREE is not set |  |  |" in lines
    assert lines[lines.index("two:") + 2] == "- failed: a"
    assert lines[lines.index("The table of exchanges, ours:") + 2] == "| a |"
    assert (lines[0], lines[-1]) == (BEGIN, END)


def test_it_replaces_what_an_earlier_run_wrote() -> None:
    """And nothing else of the page."""
    part = page(RUN, [], [])
    once = put("# Conformance\n\nText.\n", part)
    assert once.startswith("# Conformance\n\nText.\n\n## Results\n\n" + BEGIN)
    again = put(once + "\nBehind.\n", part.replace("2027", "2028"))
    assert again.count(BEGIN) == again.count(END) == 1
    assert "2028" in again
    assert "2027" not in again
    assert again.endswith(END + "\n\nBehind.\n")
