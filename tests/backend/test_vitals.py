"""What a server says of itself, against a clock and a processor that the test moves."""

import pytest

from backend.vitals import RECENT, SAMPLE_SECONDS, Usage, Vitals, own_usage

pytestmark = pytest.mark.unit


class Machine:
    """A clock and a process whose use of the processor the test decides."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cpu_seconds = 7.0
        self.readings = 0

    def clock(self) -> float:
        return self.now

    def usage(self) -> Usage:
        self.readings += 1
        return Usage(self.cpu_seconds, 0.25)

    def vitals(self) -> Vitals:
        return Vitals(self.clock, self.usage)


def test_processor_share_is_what_was_used_since_the_last_sample() -> None:
    """Not since the start: 7 s were used before the first look."""
    machine = Machine()
    vitals = machine.vitals()
    vitals.sample()
    assert vitals.cpu == 0.0
    machine.now += 2.0
    machine.cpu_seconds += 0.5
    vitals.sample()
    assert (vitals.cpu, vitals.memory) == (0.25, 0.25)


def test_processor_share_never_exceeds_one() -> None:
    machine = Machine()
    vitals = machine.vitals()
    vitals.sample()
    machine.now += 1.0
    machine.cpu_seconds += 3.0
    vitals.sample()
    assert vitals.cpu == 1.0


def test_the_process_is_not_read_for_every_request() -> None:
    machine = Machine()
    vitals = machine.vitals()
    for _ in range(1000):
        vitals.orca()
        machine.now += SAMPLE_SECONDS / 500
    assert 2 <= machine.readings <= 3


def test_rate_counts_answers_of_every_kind_between_two_samples() -> None:
    machine = Machine()
    vitals = machine.vitals()
    vitals.sample()
    for seconds in (0.1, None, 0.1, 0.1):
        vitals.answered(seconds)
    machine.now += 2.0
    vitals.sample()
    assert vitals.rate == 2.0
    machine.now += 2.0
    vitals.sample()
    assert vitals.rate == 0.0


def test_mean_is_over_the_last_answers_that_were_work() -> None:
    """Old answers and instant failures would hide how slow the server is now."""
    vitals = Machine().vitals()
    assert vitals.mean_seconds == 0.0
    for _ in range(RECENT):
        vitals.answered(9.0)
    for _ in range(RECENT):
        vitals.answered(0.5)
        vitals.answered(None)
    assert vitals.mean_seconds == pytest.approx(0.5)


def test_reset_forgets_answers_but_not_requests_under_way() -> None:
    machine = Machine()
    vitals = machine.vitals()
    vitals.sample()
    vitals.active = 2
    vitals.answered(0.5)
    vitals.reset()
    machine.now += 1.0
    vitals.sample()
    assert (vitals.active, vitals.mean_seconds, vitals.rate) == (2, 0.0, 0.0)


def test_load_report_is_in_orcas_text_form() -> None:
    machine = Machine()
    vitals = machine.vitals()
    vitals.active = 3
    assert vitals.orca() == (
        "TEXT cpu_utilization=0.0000,mem_utilization=0.2500,"
        "rps_fractional=0.00,named_metrics.active=3"
    )


def test_load_report_tells_how_busy_the_slots_are_and_of_failures() -> None:
    """Of 2 s one of two slots was taken all the time, and one of two answers was a failure."""
    machine = Machine()
    vitals = machine.vitals()
    vitals.meter.slots = 2
    vitals.sample()
    assert 0 == vitals.arrived()
    vitals.answered(0.1)
    vitals.answered(None)
    machine.now += 2.0
    assert vitals.orca() == (
        "TEXT cpu_utilization=0.0000,mem_utilization=0.2500,application_utilization=0.5000,"
        "rps_fractional=1.00,eps=0.50,named_metrics.active=1"
    )


def test_the_next_one_is_expected_to_take_what_those_took_that_found_as_many() -> None:
    machine = Machine()
    vitals = machine.vitals()
    assert 0.0 == vitals.next_seconds
    first, second = vitals.arrived(), vitals.arrived()
    for _ in range(5):
        vitals.answered(0.1, first)
        vitals.answered(0.2, second)
    vitals.left()
    assert 0.2 == vitals.next_seconds
    vitals.left()
    assert (0, 0.1) == (vitals.active, vitals.next_seconds)
    vitals.reset()
    assert 0.0 == vitals.next_seconds


def test_own_usage_is_of_this_process() -> None:
    """Processor time only grows; some memory, and not all of it, is ours."""
    first = own_usage()
    sum(range(300_000))
    second = own_usage()
    assert 0.0 < first.cpu_seconds <= second.cpu_seconds
    assert 0.0 < second.memory < 1.0
