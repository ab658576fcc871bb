"""What is counted of a service's own life."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics.life_cycle import LifeCycle, render

pytestmark = pytest.mark.unit


def samples(counts: LifeCycle) -> dict[str, float]:
    return {
        f"{sample.name}{sample.labels.get('result', '')}": sample.value
        for family in text_string_to_metric_families(render(counts).decode())
        for sample in family.samples
    }


def test_a_failed_reload_shows_until_the_next_one_succeeds() -> None:
    counts = LifeCycle()
    assert 1.0 == samples(counts)["slb_config_last_reload_success"]
    counts.reloaded(False)
    assert {
        "slb_config_reloads_totalsuccess": 0.0,
        "slb_config_reloads_totalfailure": 1.0,
        "slb_config_last_reload_success": 0.0,
    } == samples(counts)
    counts.reloaded(True)
    assert (1.0, 1.0, 1.0) == tuple(samples(counts).values())


def test_workers_are_told_of_where_there_are_some() -> None:
    counts = LifeCycle()
    counts.workers, counts.restarts = 2, 5
    told = samples(counts)
    assert (2.0, 5.0) == (told["slb_workers"], told["slb_worker_restarts_total"])
