"""What a cache counts."""

from __future__ import annotations


class CacheCounters:
    """Counts since the start.

    Attributes:
        hits: requests answered from the store, ``stale_hits`` among them.
        misses: requests that went on because nothing fit was stored.
        validations: requests that went on to validate what is stored.
        bypassed: requests that are none of the cache's business.
        refused: requests that wanted no forwarding (only-if-cached) and got no answer.
        stored: responses that were stored, ``too_large`` those that were not for their size.
        revalidated: validations that a 304 ended.
        invalidated: responses removed because a request changed what they show.
        purged: responses removed by hand.
        returned: responses taken back from where the evicted ones go.
    """

    __slots__ = (
        "bypassed",
        "hits",
        "invalidated",
        "misses",
        "purged",
        "refused",
        "returned",
        "revalidated",
        "stale_hits",
        "stored",
        "too_large",
        "validations",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    hits: int
    stale_hits: int
    misses: int
    validations: int
    bypassed: int
    refused: int
    stored: int
    too_large: int
    revalidated: int
    invalidated: int
    purged: int
    returned: int
