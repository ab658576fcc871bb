"""The Cache-Status field (RFC 9211): what the cache did with a request, told to who asked."""

from __future__ import annotations

from load_balancer.caching.vocabulary import Kind, Lookup


def cache_status(
    name: bytes,
    lookup: Lookup,
    status: int | None = None,
    stored: bool = False,
    collapsed: bool = False,
) -> bytes:
    """The value of the field that the node ``name`` adds to an answer.

    Args:
        status: the one that the next hop answered with, if the request went on.
        stored: that answer is stored.
        collapsed: the request was answered by another one's forwarding.
    """
    if not name[:1].isalpha():
        name = b'"%b"' % name  # what begins with a digit is no token
    if lookup.kind is Kind.HIT:
        return b"%b; hit; ttl=%d" % (name, lookup.ttl)
    if lookup.forward is None:
        return b"%b; detail=only-if-cached" % name
    text = b"%b; fwd=%b" % (name, lookup.forward.value.encode("ascii"))
    if status is not None:
        text += b"; fwd-status=%d" % status
    if stored:
        text += b"; stored"
    if collapsed:
        text += b"; collapsed"
    return text
