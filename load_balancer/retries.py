"""Whether a request is tried again: by what failed, what was sent, and how often it was tried.

RFC 9110 section 9.2.2: what may have been acted upon is repeated by itself only if its method is
idempotent. What was never sent can always go elsewhere. Knows no connection and no budget.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

from config.balancer import Retries


class Failure(Enum):
    """How a try failed before its answer began; the values are the conditions in the settings."""

    CONNECT = "connect_failure"
    """No connection came about: refused, unreachable, or not in time."""
    RESET = "reset"
    """The connection closed before an answer."""
    INVALID = "invalid_answer"
    """What came is no answer that can be passed on."""
    TIMEOUT = "try_timeout"
    """No answer in the time of a try."""
    STATUS = "status"
    """An answer came, with a status of those that are listed."""


class RetryRules:
    """The rules as configured, ready to be asked."""

    __slots__ = ("_attempts", "_conditions", "_methods", "_statuses", "asks_status")

    def __init__(self, settings: Retries) -> None:
        self._attempts = settings.attempts
        self._conditions = frozenset(Failure(each) for each in settings.conditions)
        self._methods = frozenset(settings.methods)
        # Nobody need ask about a status where none is retried.
        self.asks_status = Failure.STATUS in self._conditions and bool(settings.statuses)
        self._statuses = frozenset(settings.statuses) if self.asks_status else frozenset()

    def repeats(self, method: str) -> bool:
        """Whether what was sent may be sent again, by its method."""
        return method in self._methods

    def retries_status(self, status: int) -> bool:
        """Whether an answer with this status counts as a failed try."""
        return status in self._statuses

    def may_retry(
        self, method: str, sent: bool, replayable: bool, failure: Failure, attempts: int
    ) -> bool:
        """Whether another try may be made, if an endpoint and the budget are there.

        Args:
            sent: any of the request has gone out in this try or an earlier one.
            replayable: all of its body that was received is still here, or it has none.
            failure: for STATUS, ``retries_status`` was asked before.
            attempts: tries that were made.
        """
        if attempts >= self._attempts or failure not in self._conditions or not replayable:
            return False
        return not sent or method in self._methods


def read_retry_after(value: str, wall_time: float) -> float | None:
    """Seconds that a Retry-After field asks for, at least 0; None if it cannot be read.

    RFC 9110 section 10.2.3: a number of seconds, or an HTTP date.

    Args:
        wall_time: seconds since 1970, to count a date from.
    """
    value = value.strip(" \t")
    if len(value) > 64 or not value.isascii():
        return None
    if value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - wall_time)
