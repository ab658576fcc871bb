"""What a suite's tests came to, held against what they came to before. Pure.

A test has a kind: ``required``, ``optimal``, or ``check``, which is about a behaviour that a cache
may have or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REQUIRED, OPTIMAL, CHECK = "required", "optimal", "check"
KINDS = (REQUIRED, OPTIMAL, CHECK)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one test came to."""

    kind: str
    passed: bool


Tests = Mapping[str, Judged]
"""By their ids."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from the baseline, by ids.

    Attributes:
        lost: required and optimal ones that passed then and do not now.
        gained: the other way round.
        behaves: checks that came to something else, which is neither better nor worse.
        unknown: those that the baseline does not have.
        gone: those that only the baseline has.
    """

    lost: tuple[str, ...]
    gained: tuple[str, ...]
    behaves: tuple[str, ...]
    unknown: tuple[str, ...]
    gone: tuple[str, ...]


def compared(now: Tests, before: Tests) -> Comparison:
    """This run beside the baseline."""
    both = sorted(now.keys() & before.keys())
    changed = [each for each in both if now[each].passed is not before[each].passed]
    judged = [each for each in changed if now[each].kind != CHECK]
    return Comparison(
        lost=tuple(each for each in judged if before[each].passed),
        gained=tuple(each for each in judged if now[each].passed),
        behaves=tuple(each for each in changed if now[each].kind == CHECK),
        unknown=tuple(sorted(now.keys() - before.keys())),
        gone=tuple(sorted(before.keys() - now.keys())),
    )


def count(tests: Tests, kind: str) -> tuple[int, int]:
    """How many of a kind passed, and of how many."""
    own = [each.passed for each in tests.values() if each.kind == kind]
    return sum(own), len(own)


def steadier(first: Tests, second: Tests, ids: Iterable[str]) -> dict[str, Judged]:
    """The first run, with what the second says of those that were asked once more."""
    again = {each: second[each] for each in ids if each in second}
    return {**first, **again}


def written(tests: Tests, version: str) -> str:
    """The baseline as its file holds it: ids by kind, one a line, so that a change can be read."""
    document: dict[str, object] = {"version": version}
    for kind in KINDS:
        own = [(id, each.passed) for id, each in sorted(tests.items()) if each.kind == kind]
        document[kind] = {
            "passed": [id for id, passed in own if passed],
            "failed": [id for id, passed in own if not passed],
        }
    return json.dumps(document, indent=1) + "\n"


def read(text: str) -> dict[str, Judged]:
    """What ``written`` wrote.

    Raises:
        ValueError: it is something else; the message says what is missing.
    """
    document = json.loads(text)
    tests: dict[str, Judged] = {}
    for kind in KINDS:
        for word, passed in (("passed", True), ("failed", False)):
            try:
                ids = document[kind][word]
                tests |= {str(id): Judged(kind, passed) for id in ids}
            except (KeyError, TypeError):
                raise ValueError(f"no list {kind}.{word} in it") from None
    return tests
