"""One request of a client that a rule holds, from its coming to its end."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from load_balancer.shaping.clients import Client


class Stage(Enum):
    """Where a turn is."""

    PASSED = "passed"
    """It goes on."""
    DELAYED = "delayed"
    """Its time has not come, which is ``until``."""
    IN_LINE = "in_line"
    """Too many of its client are in flight; at ``until`` it has waited for too long."""
    REFUSED = "refused"
    """429, for the reason ``label``; worth another try after ``retry_after`` seconds."""
    OVER = "over"


class Turn:
    """See the module's text.

    Attributes:
        client: whose it is.
        urgency: 0, the most urgent, to 7.
        stage: where it is.
        since: when it came.
        until: see Stage.
        label: why it is refused.
        retry_after: whole seconds.
        charged: of the endpoints' time, in advance, by a queue that it had to wait in.
        memo: whatever who drives it must remember; nobody else looks inside.
    """

    __slots__ = (
        "charged",
        "client",
        "label",
        "memo",
        "retry_after",
        "since",
        "stage",
        "until",
        "urgency",
    )

    def __init__(self, client: Client, urgency: int, since: float) -> None:
        self.client = client
        self.urgency = urgency
        self.since = self.until = since
        self.stage = Stage.PASSED
        self.label = ""
        self.retry_after = 0
        self.charged = 0.0
        self.memo: object = None

    def refuse(self, label: str, retry_after: int) -> None:
        """It goes no further."""
        self.stage = Stage.REFUSED
        self.label = label
        self.retry_after = retry_after
