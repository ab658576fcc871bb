"""What is printed."""

import pytest

from evaluation.bootstrap import Interval
from evaluation.simulate.comparison import Ratio, suite, summarise
from evaluation.simulate.measures import Seen, Stretch
from evaluation.simulate.tables import changes, notes, ratio, shares, suite_table, table
from tests.evaluation.simulate.made import measured

pytestmark = pytest.mark.unit


def test_a_ratio_has_its_interval_and_the_seeds_won() -> None:
    sure = Ratio("x", 0.94, Interval(0.93, 0.95), 8, 8)

    assert "0.940 [0.930, 0.950] 8/8" == ratio(sure)
    assert "0.940 [0.930, 0.950]" == ratio(sure, bare=True)
    assert "2.000 0/1" == ratio(Ratio("x", 2.0, None, 0, 1))
    assert "-" == ratio(None)


def test_a_scenario_is_a_table_with_notes() -> None:
    runs = {
        "round_robin": [measured("round_robin", 0, 0.2, stable=False)],
        "least_request": [measured("least_request", 0, 0.1)],
        "oracle": [measured("oracle", 0, 0.05)],
    }
    found = summarise("S0", runs, ["round_robin", "least_request"], ["oracle"])
    lines = table(found).splitlines()

    assert 3 == len(lines)
    assert lines[1].startswith("round_robin *")
    assert "200.0" in lines[1]
    assert "4.000 [4.000, 4.000]" in lines[1]
    told = notes(found)
    assert "best classic: least_request or round_robin" in told
    assert "reference: oracle" in told
    assert "least_request: shares 0.250 0.750" in told
    assert any(line.startswith("* a queue was full or grew") for line in told)


def test_changes_are_one_line() -> None:
    def seen(cost: float) -> tuple[Seen, ...]:
        return (
            Seen(Stretch("onset", "s0", 20, 25), 9, cost, 0.4),
            Seen(Stretch("return", "s0", 45, 50), 9, cost, 0.4),
        )

    runs = {
        "random": [measured("random", seen=seen(0.2))],
        "oracle": [measured("oracle", seen=seen(0.15))],
    }
    (summary,) = summarise("S0", runs, ["random"], ["oracle"])

    assert (
        "random: onset of s0 at 20 s: +50.0 ms; s0 at 45 s: back to 40% of its fair share"
        == changes(summary)
    )


def test_a_large_fleets_shares_are_their_extremes() -> None:
    many = {f"s{number}": number / 1000 for number in range(1, 14)}

    assert "shares of 13 servers from 0.0010 to 0.0130" == shares(many)


def test_many_scenarios_are_a_line_for_each_strategy() -> None:
    runs = [measured("random", 0, 0.2), measured("least_request", 0, 0.1)]
    lines = suite_table(suite(runs, ["random"], ["random", "least_request"])).splitlines()

    assert ["random", "1", "2.000", "0%", "0%", "2.00", "2.000", "2.00"] == lines[1].split()
