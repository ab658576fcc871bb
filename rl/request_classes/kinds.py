"""What can be told apart of requests at all: kinds, by method, route template, size and headers.

A kind is a leaf of a tree of words: the method, the path's segments, a size, header values.
Numbers, UUIDs and hashes are one word each. So is every word of a place that has too many different
ones (``/user/alice``, ``/user/bob``): such a place keeps the words that are asked for often and
folds all others into ``{word}``, as log parsers do with the variable parts of a line (Drain, He et
al. 2017). Knows nothing of what requests cost.

Everything is bounded: the paths remembered, their length, the words of a place, the kinds. A
client that makes up paths gets them folded and costs a walk down the tree each, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rl.encoding import MAX_SEGMENTS, fold
from rl.vocabulary import RequestContext

LONGEST_PATH: Final = 256
"""Characters of a path that are looked at."""

LONGEST_METHOD: Final = 16

LONGEST_VALUE: Final = 64
"""Characters of a header value that are looked at."""

MOST_WORDS: Final = 64
"""Different words of one place before others are folded. Routers with more static siblings are
rare, and identifiers soon have thousands."""

KEPT_SHARE: Final = 1 / 256
"""Of its place's requests: a word that has fewer gives its room to another one."""

LOOKED_AT: Final = 256
"""Requests of a crowded place, before its words are weighed against each other."""

ANY_WORD: Final = "{word}"
_FOLDED: Final = frozenset({"{n}", "{uuid}", "{hash}"})

_SIZES: Final = (
    (4 << 10, " body<4k"),
    (64 << 10, " body<64k"),
    (1 << 20, " body<1M"),
)
_LARGEST: Final = " body>=1M"
# What is not of the path begins with a space, which no path holds.


class Kind:
    """One leaf of the tree.

    Attributes:
        words: the way to it.
        number: the class that it belongs to.
        seen: requests of it that were placed.
        gone: it was folded or forgotten; nobody is of this kind any more.
    """

    __slots__ = ("gone", "mark", "number", "seen", "weight", "words")

    def __init__(self, words: tuple[str, ...], number: int) -> None:
        self.words = words
        self.number = number
        self.seen = 0
        self.gone = False
        self.mark = 0
        self.weight = 0.0

    @property
    def label(self) -> str:
        """``GET /report/{n}``, then what else it is told by."""
        path = [word for word in self.words[1:] if not word.startswith(" ")]
        more = [word for word in self.words[1:] if word.startswith(" ")]
        return f"{self.words[0]} {'/'.join(path)}{''.join(more)}"


class _Place:
    """A node of the tree."""

    __slots__ = ("children", "kind", "mark", "rest", "words")

    def __init__(self) -> None:
        self.children: dict[str, _Place] = {}
        self.rest: _Place | None = None
        self.kind: Kind | None = None
        self.words = 0
        self.mark = 0

    def kinds(self) -> Iterator[Kind]:
        """All below it; deep as the longest way at the most."""
        if self.kind is not None:
            yield self.kind
        for child in self.children.values():
            yield from child.kinds()
        if self.rest is not None:
            yield from self.rest.kinds()


def _size(size: int) -> str:
    for bound, name in _SIZES:
        if size < bound:
            return name
    return _LARGEST


class Kinds:
    """The kinds of requests met so far."""

    def __init__(self, most_kinds: int = 1024, most_paths: int = 8192) -> None:
        """
        Args:
            most_kinds: at the most; the one that is asked for least gives way.
            most_paths: remembered at the most, with the kind of each.
        """
        self._most_kinds = most_kinds
        self._half = max(1, most_paths // 2)
        # Two generations: the younger one fills up, becomes the older one, and what is asked for
        # again comes back from there.
        self._young: dict[tuple[object, ...], Kind] = {}
        self._old: dict[tuple[object, ...], Kind] = {}
        self._root = _Place()
        self._all: dict[tuple[str, ...], Kind] = {}
        self._crowded: list[_Place] = []

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def of(self, request: RequestContext) -> Kind:
        """The kind of a request."""
        path = request.path
        if "?" in path or len(path) > LONGEST_PATH:
            path = path.partition("?")[0][:LONGEST_PATH]
        key: tuple[object, ...]
        if request.size or request.header_values:
            size = _size(request.size) if request.size else ""
            key = (request.method, path, size, request.header_values)
        else:
            key = (request.method, path)
        kind = self._young.get(key)
        if kind is not None and not kind.gone:
            return kind
        kind = self._old.get(key)
        if kind is None or kind.gone:
            kind = self._walk(_words(request, path))
        if len(self._young) >= self._half:
            self._old = self._young
            self._young = {}
        self._young[key] = kind
        return kind

    def put(self, words: tuple[str, ...], number: int, weight: int) -> Kind:
        """A kind that was known in an earlier life. It may be folded into another one, which then
        keeps its class."""
        kind = self._walk(words)
        if not kind.seen:
            kind.number = number
        kind.seen += weight
        return kind

    def _walk(self, words: Sequence[str]) -> Kind:
        if len(self._all) >= self._most_kinds:
            self._forget_some()
        place = above = self._root
        way = []
        for word in words:
            above = place
            child = place.children.get(word)
            if child is None:
                word = word if word.startswith(" ") else fold(word)
                child = place.children.get(word) or self._enter(place, word)
                if child is place.rest:
                    word = ANY_WORD
            way.append(word)
            place = child
        kind = place.kind
        if kind is None:
            kind = place.kind = Kind(tuple(way), self._inherited(above, way[-1]))
            self._all[kind.words] = kind
        return kind

    @staticmethod
    def _inherited(above: _Place, word: str) -> int:
        """The class of the nearest kind: of the words that were folded at this place, or of the
        same route with another size or header."""
        if above.rest is not None and above.rest.kind is not None:
            return above.rest.kind.number
        if word.startswith(" "):
            others = [each.kind for each in above.children.values() if each.kind is not None]
            others += [above.kind] if above.kind is not None else []
            if others:
                return max(others, key=lambda kind: kind.seen).number
        return 0

    def _enter(self, place: _Place, word: str) -> _Place:
        if word == ANY_WORD or (place.words >= MOST_WORDS and word not in _FOLDED):
            if place.rest is None:
                place.rest = _Place()
                self._crowded.append(place)
            return place.rest
        place.words += word not in _FOLDED
        child = place.children[word] = _Place()
        return child

    def tidy(self) -> None:
        """At each crowded place, take the room of words that are hardly asked for. Call it now and
        then; it walks the tree."""
        cleared = False
        for place in self._crowded:
            cleared |= self._tidied(place)
        if cleared:
            # A path that was folded for want of room may have some now.
            self._young = {}
            self._old = {}

    def _tidied(self, place: _Place) -> bool:
        assert place.rest is not None
        words = [word for word in place.children if word not in _FOLDED]
        totals = {word: sum(kind.seen for kind in place.children[word].kinds()) for word in words}
        rest = sum(kind.seen for kind in place.rest.kinds())
        recent = {word: totals[word] - place.children[word].mark for word in words}
        asked = sum(recent.values()) + rest - place.rest.mark
        if asked < LOOKED_AT:
            return False
        place.rest.mark = rest
        folded = {kind.number for kind in place.rest.kinds()}
        dropped = False
        for word in words:
            child = place.children[word]
            child.mark = totals[word]
            apart = any(kind.number not in folded for kind in child.kinds())
            if recent[word] < (1 if apart else max(2.0, KEPT_SHARE * asked)):
                self._drop(place, word)
                dropped = True
        return dropped

    def _drop(self, place: _Place, word: str) -> None:
        for kind in place.children.pop(word).kinds():
            kind.gone = True
            self._all.pop(kind.words, None)
        place.words -= 1

    def _forget_some(self) -> None:
        """One in eight, of those that are asked for least; what lies back counts half each time."""
        for kind in self._all.values():
            kind.weight = kind.weight / 2 + kind.seen - kind.mark
            kind.mark = kind.seen
        by_use = sorted(self._all.values(), key=lambda kind: kind.weight)
        for kind in by_use[: max(1, self._most_kinds // 8)]:
            kind.gone = True
            del self._all[kind.words]
        # A tree of what is left.
        self._root = _Place()
        self._crowded = []
        for kind in self._all.values():
            place = self._root
            for word in kind.words:
                place = place.children.get(word) or self._enter(place, word)
            place.kind = kind


def _words(request: RequestContext, path: str) -> list[str]:
    """A request as the way to its kind; the words of its path are not folded yet."""
    segments = path.split("/", MAX_SEGMENTS + 1)
    if len(segments) > MAX_SEGMENTS + 1:
        segments[MAX_SEGMENTS + 1 :] = ["*"]
    words = [request.method[:LONGEST_METHOD], *segments]
    if request.size:
        words.append(_size(request.size))
    words += [f" [{value[:LONGEST_VALUE]}]" for value in request.header_values]
    return words
