"""Whether a request is tried again."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.balancer import Retries, RetryCondition
from load_balancer.retries import Failure, RetryRules, read_retry_after

pytestmark = pytest.mark.unit

RULES = RetryRules(Retries(attempts=3))
EVERYTHING = RetryRules(Retries(attempts=3, conditions=tuple(get_args(RetryCondition))))


def test_every_condition_of_the_settings_is_a_failure_and_the_other_way_round() -> None:
    assert set(get_args(RetryCondition)) == {failure.value for failure in Failure}


@pytest.mark.parametrize("failure", [each for each in Failure if each is not Failure.STATUS])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"])
def test_an_idempotent_request_is_repeated_after_any_failure_before_an_answer(
    method: str, failure: Failure
) -> None:
    assert RULES.may_retry(method, True, True, failure, 1)


@pytest.mark.parametrize("method", ["POST", "PATCH", "CONNECT", "get", "BREW"])
def test_others_are_repeated_only_if_nothing_of_them_was_sent(method: str) -> None:
    """RFC 9110 section 9.2.2: the first one may have had its effect."""
    assert not RULES.may_retry(method, True, True, Failure.RESET, 1)
    assert RULES.may_retry(method, False, True, Failure.CONNECT, 1)


def test_a_body_that_is_not_whole_any_more_is_not_repeated() -> None:
    assert not RULES.may_retry("PUT", True, False, Failure.RESET, 1)
    assert RULES.may_retry("PUT", True, True, Failure.RESET, 1)


@pytest.mark.parametrize(("attempts", "expected"), [(1, True), (2, True), (3, False), (9, False)])
def test_there_are_so_many_attempts(attempts: int, expected: bool) -> None:
    assert expected == RULES.may_retry("GET", True, True, Failure.RESET, attempts)


@pytest.mark.parametrize("condition", get_args(RetryCondition))
def test_only_the_conditions_that_are_listed_count(condition: RetryCondition) -> None:
    one = RetryRules(Retries(attempts=3, conditions=(condition,)))
    allowed = [each.value for each in Failure if one.may_retry("GET", True, True, each, 1)]

    assert [condition] == allowed


def test_without_conditions_nothing_is_repeated() -> None:
    none = RetryRules(Retries(attempts=10, conditions=()))

    assert not any(none.may_retry("GET", False, True, each, 1) for each in Failure)


def test_by_default_no_answer_is_repeated() -> None:
    """Whatever its status: it is the client's to judge."""
    assert not RULES.asks_status
    assert not any(RULES.retries_status(status) for status in range(100, 600))


def test_statuses_are_retried_where_they_are_listed() -> None:
    rules = RetryRules(Retries(conditions=("status",), statuses=(503, 429)))

    assert rules.asks_status
    assert [429, 503] == [status for status in range(100, 600) if rules.retries_status(status)]
    assert [502, 503, 504] == [s for s in range(100, 600) if EVERYTHING.retries_status(s)]
    assert not RetryRules(Retries(conditions=("status",), statuses=())).asks_status


def test_methods_are_the_operators_to_choose() -> None:
    """Who knows that its POSTs are idempotent may say so; and may trust GET no more."""
    rules = RetryRules(Retries(methods=("POST",)))

    assert rules.may_retry("POST", True, True, Failure.RESET, 1)
    assert not rules.may_retry("GET", True, True, Failure.RESET, 1)
    assert (True, False) == (rules.repeats("POST"), rules.repeats("GET"))


def test_what_was_sent_is_never_repeated_for_less_reason_than_what_was_not() -> None:
    """All combinations: each thing that speaks against a retry can only forbid it."""
    for method, sent, whole, failure, attempts in itertools.product(
        ("GET", "POST"), (False, True), (False, True), Failure, (1, 2, 3)
    ):
        if EVERYTHING.may_retry(method, sent, whole, failure, attempts):
            assert EVERYTHING.may_retry(method, False, True, failure, 1)
            assert EVERYTHING.may_retry("GET", sent, whole, failure, attempts)
            assert attempts < 3
            assert whole


# Retry-After.

NOW = 784111777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120\t", 120.0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10.0),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10.0),
        ("Sun Nov  6 08:49:47 1994", 10.0),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("²", None),
        ("10, 20", None),
        ("Sun, 99 Nov 1994 08:49:47 GMT", None),
        ("9" * 65, None),
    ],
)
def test_what_it_asks_for(value: str, expected: float | None) -> None:
    """Seconds, or a date in any of the three forms; what is past asks for nothing."""
    assert expected == read_retry_after(value, NOW)


@given(st.one_of(st.text(max_size=80), st.from_regex(r"[A-Za-z0-9,: +-]{0,64}", fullmatch=True)))
def test_nothing_that_is_sent_can_raise(value: str) -> None:
    found = read_retry_after(value, NOW)

    assert found is None or found >= 0.0
