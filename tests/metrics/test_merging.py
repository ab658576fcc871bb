"""Several workers' metrics as one text."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics.merging import merged

pytestmark = pytest.mark.unit

ONE = """\
# HELP slb_answers_total Responses to clients.
# TYPE slb_answers_total counter
slb_answers_total{code="200"} 3.0
# HELP slb_wait_seconds Waiting.
# TYPE slb_wait_seconds histogram
slb_wait_seconds_bucket{le="0.1"} 1.0
slb_wait_seconds_bucket{le="+Inf"} 2.0
slb_wait_seconds_count 2.0
slb_wait_seconds_sum 0.5
# HELP slb_open_connections Client connections.
# TYPE slb_open_connections gauge
slb_open_connections 4.0
# HELP slb_endpoint_healthy 1 while polls succeed.
# TYPE slb_endpoint_healthy gauge
slb_endpoint_healthy{endpoint="a"} 1.0
"""
OTHER = ONE.replace("3.0", "4.0").replace('healthy{endpoint="a"} 1.0', 'healthy{endpoint="a"} 0.0')
OTHER += """\
# HELP slb_retries_total Attempts on another endpoint.
# TYPE slb_retries_total counter
slb_retries_total 7.0
"""


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_counts_are_summed_and_what_cannot_be_is_told_apart() -> None:
    """A gauge that no sum is true of carries its worker; what one alone has stays."""
    assert {
        ("slb_answers_total", (("code", "200"),)): 7.0,
        ("slb_wait_seconds_bucket", (("le", "0.1"),)): 2.0,
        ("slb_wait_seconds_bucket", (("le", "+Inf"),)): 4.0,
        ("slb_wait_seconds_count", ()): 4.0,
        ("slb_wait_seconds_sum", ()): 1.0,
        ("slb_open_connections", ()): 8.0,
        ("slb_endpoint_healthy", (("endpoint", "a"), ("worker", "1"))): 1.0,
        ("slb_endpoint_healthy", (("endpoint", "a"), ("worker", "2"))): 0.0,
        ("slb_retries_total", ()): 7.0,
    } == samples(merged([("1", ONE), ("2", OTHER)]))


def test_types_and_words_are_kept() -> None:
    text = merged([("1", ONE), ("2", OTHER)]).decode()
    for line in ONE.splitlines():
        if line.startswith("#"):
            assert line in text


def test_nobody_has_nothing() -> None:
    assert b"" == merged([])
