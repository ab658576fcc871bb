"""What can go wrong on the way of a request, and the status that tells the client.

    Exception
      UpstreamError              502  the endpoint failed before its answer began
        ConnectFailed            502  it refused or could not be reached
        ConnectTimeout           504  it did not accept in time
        ResponseTimeout          504  it did not answer in time
        ResponseInvalid          502  its answer cannot be passed on
        ConnectionLost           502  it closed without an answer
      NoCandidate                503  no endpoint may take the request

A malformed request is a ``forwarding.heads.Refusal``, which carries its own status.
"""

from __future__ import annotations


class UpstreamError(Exception):
    """The endpoint failed before its answer began."""

    status = 502
    label = "upstream"


class ConnectFailed(UpstreamError):
    """It refused or could not be reached."""

    label = "connect_failed"


class ConnectTimeout(UpstreamError):
    """It did not accept in time."""

    status = 504
    label = "connect_timeout"


class ResponseTimeout(UpstreamError):
    """It did not answer in time."""

    status = 504
    label = "response_timeout"


class ResponseInvalid(UpstreamError):
    """Its answer cannot be passed on."""

    label = "response_invalid"


class ConnectionLost(UpstreamError):
    """It closed without an answer."""

    label = "connection_lost"


class NoCandidate(Exception):
    """No endpoint may take the request."""

    status = 503
    label = "no_candidate"
