"""The store: responses by key, the one that was not used for the longest time goes first.

Knows nothing of HTTP but that a key may have several variants.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from load_balancer.caching.variants import Varying
from load_balancer.caching.vocabulary import Stored


class Store:
    """Responses within three bounds: their number, their bytes, and the variants of one key.

    Attributes:
        bytes: what all of them count for.
        evicted: how many had to go for others.
    """

    __slots__ = (
        "_by_key",
        "_largest_bytes",
        "_most",
        "_most_variants",
        "_on_eviction",
        "_order",
        "bytes",
        "evicted",
    )

    def __init__(
        self,
        entries: int,
        memory_bytes: int,
        variants: int,
        on_eviction: Callable[[Stored], None] | None = None,
    ) -> None:
        """``on_eviction`` is told of each that goes for want of room."""
        self._most = entries
        self._largest_bytes = memory_bytes
        self._most_variants = variants
        self._on_eviction = on_eviction
        # The variants of a key, the newest first; never an empty list.
        self._by_key: dict[str, list[Stored]] = {}
        # All of them, the least recently used first.
        self._order: OrderedDict[Stored, None] = OrderedDict()
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Stored]:
        """All of them, the least recently used first."""
        return iter(self._order)

    def __contains__(self, stored: Stored) -> bool:
        return stored in self._order

    def variants(self, key: str) -> list[Stored] | None:
        """Those of a key, the newest first; None without. Not to be changed."""
        return self._by_key.get(key)

    def touch(self, stored: Stored) -> None:
        """It was used now; one that has gone meanwhile stays away."""
        if stored in self._order:
            self._order.move_to_end(stored)

    def put(self, stored: Stored) -> bool:
        """Add one in place of the one with equal key and varying; False if it is too large."""
        if stored.size > self._largest_bytes:
            self.remove_variant(stored.key, stored.varying)
            return False
        variants = self._by_key.setdefault(stored.key, [])
        for each in variants:
            if each.varying == stored.varying:
                variants.remove(each)
                self._forget(each)
                break
        variants.insert(0, stored)
        self._order[stored] = None
        self.bytes += stored.size
        if len(variants) > self._most_variants:
            self._evict(variants[-1])
        while self.bytes > self._largest_bytes or len(self._order) > self._most:
            self._evict(next(iter(self._order)))
        return True

    def remove(self, stored: Stored) -> bool:
        """Remove one; False if it has gone already."""
        if stored not in self._order:
            return False
        variants = self._by_key[stored.key]
        variants.remove(stored)
        if not variants:
            del self._by_key[stored.key]
        self._forget(stored)
        return True

    def remove_variant(self, key: str, varying: Varying) -> None:
        """Remove the one of a key with this varying, if there is one."""
        for each in self._by_key.get(key, ()):
            if each.varying == varying:
                self.remove(each)
                return

    def remove_key(self, key: str) -> int:
        """Remove all of a key; how many they were."""
        variants = self._by_key.pop(key, ())
        for each in variants:
            self._forget(each)
        return len(variants)

    def remove_prefix(self, prefix: str) -> int:
        """Remove all whose key begins so; how many they were. Looks at every key."""
        return sum(self.remove_key(key) for key in [*self._by_key] if key.startswith(prefix))

    def _evict(self, stored: Stored) -> None:
        self.remove(stored)
        self.evicted += 1
        if self._on_eviction is not None:
            self._on_eviction(stored)

    def _forget(self, stored: Stored) -> None:
        del self._order[stored]
        self.bytes -= stored.size
