"""RateLimit and RateLimit-Policy, by which a client learns what it may still ask for.

As in draft-ietf-httpapi-ratelimit-headers (revisions 8 to 11): lists of structured fields whose
items are the policy's name, ``q`` the quota of ``w`` seconds, ``r`` what is left of it and ``t``
the seconds until all of it is there again.
"""

from __future__ import annotations

from math import ceil

from config.shaping import Rule
from load_balancer.shaping.buckets import Bucket

LONGEST_WINDOW_SECONDS = 1000
"""For one request at the smallest rate that a rule may have."""


def policy(rule: Rule) -> bytes:
    """The value of RateLimit-Policy; b"" where the rule bounds no requests.

    The window is the shortest of whole seconds in which one request fits, and no shorter than what
    the burst takes to come back.
    """
    rate = rule.requests_per_second
    if rate is None:
        return b""
    window = max(1, min(LONGEST_WINDOW_SECONDS, ceil(1 / rate)), ceil((rule.burst or 1) / rate))
    return b'"%b";q=%d;w=%d' % (rule.name.encode("ascii"), max(1, round(rate * window)), window)


def lines(rule: Rule, policy: bytes, bucket: Bucket | None, now: float) -> bytes:
    """Both fields as lines of a head; b"" where the rule bounds no requests."""
    if bucket is None or not policy:
        return b""
    # A hair below a whole token is one: floating point.
    left = max(0, int(bucket.left(now) + 1e-6))
    return b'RateLimit-Policy: %b\r\nRateLimit: "%b";r=%d;t=%d\r\n' % (
        policy,
        rule.name.encode("ascii"),
        left,
        ceil(bucket.full_in(now) - 1e-6),
    )
