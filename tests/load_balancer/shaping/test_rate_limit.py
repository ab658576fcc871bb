"""What clients are told of what is left to them."""

from typing import Any

import pytest

from config.shaping import Rule
from load_balancer.shaping.buckets import changed
from load_balancer.shaping.rate_limit import lines, policy

pytestmark = pytest.mark.unit


def rule(**values: Any) -> Rule:
    return Rule.model_validate({"name": "bulk", **values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, b""),
        ({"requests_per_second": 100}, b'"bulk";q=100;w=1'),
        ({"requests_per_second": 0.2}, b'"bulk";q=1;w=5'),
        ({"requests_per_second": 0.3}, b'"bulk";q=1;w=4'),
        ({"requests_per_second": 10, "burst": 50}, b'"bulk";q=50;w=5'),
        ({"requests_per_second": 0.001}, b'"bulk";q=1;w=1000'),
    ],
)
def test_the_policy_is_a_whole_quota_of_whole_seconds(
    values: dict[str, Any], expected: bytes
) -> None:
    assert expected == policy(rule(**values))


def test_both_fields_say_what_is_left_and_when_all_is_back() -> None:
    held = rule(requests_per_second=10, burst=5)
    bucket = changed(None, 10.0, 5, 0.0)
    assert bucket is not None
    assert b'RateLimit: "bulk";r=5;t=0\r\n' in lines(held, policy(held), bucket, 0.0)
    for _ in range(2):
        bucket.take(1.0, 0.0)

    told = lines(held, policy(held), bucket, 0.0)

    assert b'RateLimit-Policy: "bulk";q=10;w=1\r\nRateLimit: "bulk";r=3;t=1\r\n' == told
    for _ in range(20):
        bucket.take(1.0, 0.0)
    assert b'"bulk";r=0;t=3\r\n' in lines(held, policy(held), bucket, 0.0)


def test_without_a_bound_nothing_is_said() -> None:
    assert b"" == lines(rule(), b"", None, 0.0)
