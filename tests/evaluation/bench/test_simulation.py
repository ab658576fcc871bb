"""What the bench of the simulator prints; the figures are the machine's."""

import pytest

from evaluation.bench.simulation import ROOT, main, part

pytestmark = pytest.mark.unit


def test_it_prints_a_line_a_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--scenario", "S1u", "--seeds", "1", "--strategies", "random,least_request"]
    assert main(arguments) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading == "S1u: 3 servers, 1 balancers, one core"
    assert [line.split()[0] for line in lines] == ["random", "least_request"]
    for line in lines:
        assert "requests/s" in line
        assert all(f"{each} " in line for each in ("station", "node", "policy", "kernel"))


def test_an_unknown_name_is_an_error_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--scenario", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert main(["--scenario", "S1u", "--seeds", "1", "--strategies", "nobody"]) == 2
    assert "unknown strategy 'nobody'" in capsys.readouterr().err


def test_seeds_are_at_least_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
    assert "--seeds: must be at least 1, not 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("rl/simulation/kernel.py", "kernel"),
        ("rl/simulation/cluster.py", "cluster"),
        ("rl/simulation/service.py", "station"),
        ("load_balancer/strategies/peak_ewma.py", "policy"),
        ("load_balancer/node.py", "node"),
        ("metrics/table.py", "node"),
        ("rl/q_learning.py", "policy"),
        ("evaluation/simulate/run.py", "other"),
    ],
)
def test_a_file_belongs_to_one_part(name: str, found: str) -> None:
    assert part(str(ROOT / name)) == found
    assert part(f"elsewhere/{name}") == "other"
