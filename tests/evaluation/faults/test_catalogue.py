"""evaluation.faults.catalogue: every fault of the list is there, and can be found."""

import pytest

from evaluation.faults.catalogue import FAULTS, fault
from evaluation.faults.stage import BACKENDS, SPARE
from load_balancer import strategies

pytestmark = pytest.mark.unit


def test_every_fault_that_was_asked_for_is_there() -> None:
    assert {
        "killed",
        "restarted",
        "frozen",
        "slowed",
        "errors",
        "refusing",
        "resetting",
        "dns",
        "reload",
        "worker_drained",
        "strategy",
    } <= {each.name for each in FAULTS}
    assert len({each.name for each in FAULTS}) == len(FAULTS)


def test_what_a_fault_names_exists() -> None:
    for each in FAULTS:
        assert fault(each.name) is each
        assert each.newcomer in ("", SPARE)
        assert each.strategy is None or each.strategy in strategies.names()
    assert SPARE not in BACKENDS


def test_an_unknown_fault_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no fault 'flood'; valid: killed, restarted, frozen"):
        fault("flood")
