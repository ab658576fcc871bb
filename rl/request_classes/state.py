"""What request classes are stored as, read and merged: plain data only.

{"version": 1,
 "classes": [{"number": 0, "variance": 0.2, "levels": {endpoint: [log of seconds, samples]}}],
 "kinds": [{"words": ["GET", "", "report", "{n}"], "number": 0, "seen": 12}]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from rl.stored import count, items, member, number, text, version
from rl.vocabulary import JSON, Parameters

VERSION: Final = 1

StoredClass: TypeAlias = tuple[int, float, dict[str, tuple[float, int]]]
"""Number, variance, level and samples by endpoint."""

StoredKind: TypeAlias = tuple[tuple[str, ...], int, int]
"""Words, number of the class, requests seen."""


def bounded(level: float) -> float:
    """A logarithm that has an exponential."""
    return max(-30.0, min(30.0, level))


def read_classes(
    parameters: Mapping[str, JSON],
) -> tuple[list[StoredClass], list[StoredKind]]:
    """What is stored of classes and of the kinds that belong to them.

    Raises:
        ValueError: the data are of another version or malformed.
    """
    version(parameters, VERSION)
    classes = []
    for place, each in enumerate(items(member(parameters, "classes"), "classes")):
        at = f"classes[{place}]."
        levels = {}
        stored = member(each, "levels", at)
        if not isinstance(stored, Mapping):
            raise ValueError(f"{at}levels: must hold keys and values")
        for endpoint_id, pair in stored.items():
            level, samples = items(pair, f"{at}levels.{endpoint_id}", 2)
            levels[endpoint_id] = (
                bounded(number(level, f"{at}levels.{endpoint_id}")),
                count(samples, f"{at}levels.{endpoint_id}"),
            )
        variance = number(member(each, "variance", at), f"{at}variance")
        if variance < 0:
            raise ValueError(f"{at}variance: must be 0 or more, not {variance}")
        classes.append((count(member(each, "number", at), f"{at}number"), variance, levels))
    kinds = []
    for place, each in enumerate(items(member(parameters, "kinds"), "kinds")):
        at = f"kinds[{place}]."
        words = items(member(each, "words", at), f"{at}words")
        if not words:
            raise ValueError(f"{at}words: must not be empty")
        kinds.append(
            (
                tuple(text(word, f"{at}words") for word in words),
                count(member(each, "number", at), f"{at}number"),
                count(member(each, "seen", at), f"{at}seen"),
            )
        )
    return classes, kinds


def merge_classes(
    states: Sequence[Parameters], most: int
) -> tuple[Parameters, list[dict[int, int]]]:
    """One state of several, whose numbers mean different things.

    The one that has seen most keeps its numbers. A class of another one becomes the class that
    most of its requests' kinds are in there; if those kinds are unknown there, a class of its own
    as long as there is a number free, and else part of class 0.

    Args:
        states: ``parameters()`` of one or more.
        most: classes at the most.

    Returns:
        The merged state and, for each given one, its numbers as they are in the merged one.

    Raises:
        ValueError: one of them is malformed.
    """
    read = [read_classes(state) for state in states]
    by_weight = sorted(
        range(len(read)), key=lambda each: (-sum(kind[2] for kind in read[each][1]), each)
    )
    classes: dict[int, StoredClass] = {}
    kinds: dict[tuple[str, ...], tuple[int, int]] = {}
    mappings: list[dict[int, int]] = [{} for _ in read]
    for each in by_weight:
        mapping = mappings[each]
        its_classes, its_kinds = read[each]
        for number_there, variance, levels in its_classes:
            known: dict[int, int] = {}
            of_it = [kind for kind in its_kinds if kind[1] == number_there]
            for words, _, seen in of_it:
                if words in kinds:
                    at = kinds[words][0]
                    known[at] = known.get(at, 0) + seen + 1
            if known:
                here = max(known, key=lambda at: (known[at], -at))
            elif number_there not in classes and number_there < most:
                here = number_there
            else:
                here = next((at for at in range(most) if of_it and at not in classes), 0)
            mapping[number_there] = here
            classes.setdefault(here, (here, variance, levels))
        for words, number_there, seen in its_kinds:
            at, before = kinds.get(words, (mapping.get(number_there, 0), 0))
            kinds[words] = at, before + seen
    return stored_state(
        [classes[at] for at in sorted(classes)],
        [(words, at, seen) for words, (at, seen) in kinds.items()],
    ), mappings


def stored_state(classes: Sequence[StoredClass], kinds: Sequence[StoredKind]) -> Parameters:
    """Classes and kinds as plain data, the kinds that are asked for most first."""
    return {
        "version": VERSION,
        "classes": [
            {
                "number": at,
                "variance": variance,
                "levels": {id: [level, samples] for id, (level, samples) in levels.items()},
            }
            for at, variance, levels in classes
        ],
        "kinds": [
            {"words": list(words), "number": at, "seen": seen}
            for words, at, seen in sorted(kinds, key=lambda kind: (-kind[2], kind[0]))
        ],
    }
