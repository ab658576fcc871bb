"""Processor time of a run."""

import os
import time

import pytest

from evaluation.records import Strain
from evaluation.strain import StrainGauge

pytestmark = pytest.mark.unit


def test_work_counts_for_whom_it_is_done_by() -> None:
    """Ours once as the one that sends the load; a process that is gone counts for nothing."""
    gauge = StrainGauge([], [os.getpid()])
    until = time.process_time() + 0.03
    while time.process_time() < until:
        pass
    found = gauge.strain()
    assert found.servers == 0.0
    assert found.balancers >= 0.02
    assert found.load >= 0.02
    assert found.seconds > 0.0
    assert found.cores == len(os.sched_getaffinity(0))


def test_the_share_is_of_all_processors() -> None:
    assert Strain(10.0, 2, 1.0, 2.0, 3.0, 4.0).share == 0.5
    assert Strain(0.0, 2, 0.0, 0.0, 0.0, 0.0).share == 0.0
