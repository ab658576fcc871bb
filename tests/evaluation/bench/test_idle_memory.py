"""What an idle connection costs, measured small."""

import json

import pytest

from evaluation.bench import idle_memory

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_it_is_measured_on_a_real_process(capsys: pytest.CaptureFixture[str]) -> None:
    """A few hundred connections are too few for a figure, but not for the way to it."""
    assert 0 == idle_memory.main(["--connections", "300"])

    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 300 == last["connections"]
    assert 0 < last["bytes_per_connection"] < 20_000


@pytest.mark.parametrize("count", ["0", "100001"])
def test_a_number_that_makes_no_sense_is_refused(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        idle_memory.main(["--connections", count])

    assert "--connections must lie between 1 and 100000" in capsys.readouterr().err
