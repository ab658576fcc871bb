"""What can go wrong on the way of a request, and the status that tells the client.

    Exception
      UpstreamError              502  the endpoint failed before its answer began
        ConnectFailed            502  it refused or could not be reached
        ConnectTimeout           504  it did not accept in time
        CertificateInvalid       502  it did not prove who it is
        ResponseTimeout          504  it did not answer in time
        ResponseInvalid          502  its answer cannot be passed on
        ConnectionLost           502  it closed without an answer
        StatusDeclined           502  its answer's status is one for which another is asked;
                                      where nobody is, the client is told that status
      NoCandidate                503  no endpoint may take the request
        QueueFull                503  all are full, and too many wait already
        QueueTimeout             503  all were full for too long
        NoService                503  nobody serves the domain; another status may be configured
          Declined               503  the node has too much to do; with the same status
        Limited                  429  the rule of its client does not let it pass

A malformed request is a ``forwarding.heads.Refusal``, which carries its own status.
"""

from __future__ import annotations

from load_balancer.retries import Failure


class UpstreamError(Exception):
    """The endpoint failed before its answer began.

    Attributes:
        status: that the client gets.
        label: the same for a counter.
        failure: the condition for another try.
        answered: the status that the endpoint gave; 0 for none.
    """

    status = 502
    label = "upstream"
    failure = Failure.RESET
    answered = 0


class ConnectFailed(UpstreamError):
    """It refused or could not be reached."""

    label = "connect_failed"
    failure = Failure.CONNECT


class ConnectTimeout(UpstreamError):
    """It did not accept in time."""

    status = 504
    label = "connect_timeout"
    failure = Failure.CONNECT


class CertificateInvalid(UpstreamError):
    """It did not prove who it is."""

    label = "certificate_invalid"
    failure = Failure.CONNECT


class ResponseTimeout(UpstreamError):
    """It did not answer in time."""

    status = 504
    label = "response_timeout"
    failure = Failure.TIMEOUT


class ResponseInvalid(UpstreamError):
    """Its answer cannot be passed on."""

    label = "response_invalid"
    failure = Failure.INVALID


class ConnectionLost(UpstreamError):
    """It closed without an answer."""

    label = "connection_lost"


class StatusDeclined(UpstreamError):
    """Its answer's status is one for which another endpoint is asked."""

    label = "status_declined"
    failure = Failure.STATUS

    def __init__(self, status: int) -> None:
        super().__init__(f"the endpoint answered {status}, and no other one could be asked")
        self.status = self.answered = status


class NoCandidate(Exception):
    """No endpoint may take the request.

    Attributes:
        text: for a person.
    """

    status = 503
    label = "no_candidate"
    text = "no endpoint can take the request"


class QueueFull(NoCandidate):
    """All endpoints are full, and too many requests wait already."""

    label = "queue_full"
    text = "all endpoints are full, and too many requests wait"


class QueueTimeout(NoCandidate):
    """All endpoints were full for too long."""

    label = "queue_timeout"
    text = "all endpoints were full for too long"


class NoService(NoCandidate):
    """No endpoint serves the domain."""

    label = "no_service"
    text = "no endpoint serves this domain"

    def __init__(self, status: int = 503) -> None:
        super().__init__()
        self.status = status


class Limited(NoCandidate):
    """The rule of its client does not let it pass; the label says what in it."""

    status = 429
    label = "limited"
    text = "the client asks for more than its rule allows"

    def __init__(self, label: str = "limited") -> None:
        super().__init__()
        self.label = label


class Declined(NoService):
    """The node has too much to do."""

    label = "declined"
    text = "too many requests are in flight"
