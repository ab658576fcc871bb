"""From a change to the last failure."""

from collections.abc import Callable

import pytest

from evaluation.network.records import ChangeKind, Purpose, Run
from evaluation.network.recovery import recovery

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("outage", [0.5, 1.25])
def test_an_outage_is_as_long_as_it_was(make_run: Callable[..., Run], outage: float) -> None:
    """A hundred requests a second, the first of which fails at the change itself."""
    run = make_run(purpose=Purpose.CHANGES, windows=20, outage=outage)
    killed, moved = (recovery(run, change) for change in run.changes)
    assert (killed.change.kind, moved.change.kind) == (ChangeKind.KILL, ChangeKind.MOVE)
    for found in (killed, moved):
        assert found.seconds == pytest.approx(outage - 0.01)
        assert found.failures == round(outage * 100)
        assert found.windows == (1 if outage < 1 else 2)
        assert found.before <= 0.05
        assert 0 < found.longest < 1


def test_a_change_that_nobody_noticed(make_run: Callable[..., Run]) -> None:
    run = make_run(purpose=Purpose.CHANGES, windows=40, outage=0.0)
    found = recovery(run, run.changes[0])
    assert (found.seconds, found.windows, found.failures, found.longest) == (0.0, 0, 0, 0.0)


def test_failures_that_last_until_the_next_change_have_no_end(make_run: Callable[..., Run]) -> None:
    run = make_run(purpose=Purpose.CHANGES, windows=20, outage=4.5)
    found = recovery(run, run.changes[0])
    assert (found.seconds, found.windows) == (None, None)
    assert found.failures >= 450
