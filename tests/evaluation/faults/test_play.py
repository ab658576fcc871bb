"""evaluation.faults.play: one fault played with real processes, small."""

import psutil
import pytest

from evaluation.faults.catalogue import fault
from evaluation.faults.play import Load, in_flight, play, require_effect
from evaluation.faults.stage import StageError
from traffic.records import Record

LOAD = Load(seconds=2.0, rate=80.0)


@pytest.mark.integration
@pytest.mark.slow
async def test_a_killed_backend_is_not_seen_by_clients() -> None:
    """Real processes, open loop: every request that was planned is accounted for, none fails, and
    no process is left."""
    found = await play(fault("killed"), LOAD)
    assert found.fault == "killed"
    assert found.seen.requests > 100
    assert (found.seen.failed, found.seen.begun) == (0, 0), found.seen.reasons
    assert found.stuck == 0
    assert found.retries is not None
    assert found.met
    assert psutil.Process().children(recursive=True) == []


@pytest.mark.unit
def test_a_fault_that_has_no_effect_is_not_a_fault_survived() -> None:
    old = Record(0, 0.0, 0.0, 0.01, 0.01, 200, "", "", "server1")
    new = Record(1, 0.1, 0.1, 0.01, 0.01, 200, "", "", "server4")
    with pytest.raises(StageError, match="nothing happened: server4 was never asked"):
        require_effect(fault("reload"), [old])
    require_effect(fault("reload"), [old, new])
    require_effect(fault("killed"), [old])


@pytest.mark.unit
def test_requests_in_flight_are_summed_over_endpoints() -> None:
    assert in_flight({"endpoints": [{"in_flight": 2}, {"in_flight": 1}, {"id": "x"}]}) == 3
    assert in_flight({"endpoints": []}) == 0
    assert in_flight({}) is None
    assert in_flight({"endpoints": "none"}) is None
