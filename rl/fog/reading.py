"""How the values of a fog's configuration are read: words, numbers and lists alike.

A value is a word of a properties file (``5,1``), a number, or a list. Each reader raises ValueError
with what is wrong; who calls it knows the key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from rl.fog import schedules
from rl.fog.applications import read_edges
from rl.fog.schedules import Schedule, Segment

LONGEST_LIST = 100_000

Read = Callable[[object], object]


def number(value: object) -> float:
    if isinstance(value, str):
        try:
            found = float(value.strip())
        except ValueError:
            raise ValueError(f"must be a number, not {value!r}") from None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {value!r}")
    else:
        try:
            found = float(value)
        except OverflowError:
            raise ValueError("is too large a number") from None
    if not math.isfinite(found):
        raise ValueError(f"must be a finite number, not {value!r}")
    return found


def whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,30}", value.strip()):
        return int(value)
    found = number(value)
    if found != int(found):
        raise ValueError(f"must be a whole number, not {value!r}")
    return int(found)


def truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    text = str(value).strip().lower()
    if isinstance(value, str | int | float) and text in known:
        return known[text]
    raise ValueError(f"must be true or false, not {value!r}")


def how_many(value: object) -> int:
    """A number, or whether there is one."""
    try:
        return whole(value)
    except ValueError:
        if isinstance(value, bool | str):
            return int(truth(value))
        raise


def text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, not {value!r}")
    return value.strip()


def one_of(choices: Sequence[str]) -> Read:
    def read(value: object) -> str:
        if not isinstance(value, str) or value.strip() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value.strip()

    return read


def parts(value: object, separators: str = ",;") -> list[object]:
    """A list's items, a text's parts; anything else is one item.

    Args:
        separators: of a text.
    """
    if isinstance(value, str):
        stripped = value.strip().removeprefix("[").removesuffix("]").strip(f" {separators}")
        found: list[object] = list(re.split(f"[{separators}]", stripped)) if stripped else []
    elif isinstance(value, list | tuple):
        found = list(value)
    else:
        found = [value]
    if len(found) > LONGEST_LIST:
        raise ValueError(f"may have {LONGEST_LIST} parts, not {len(found)}")
    return found


def numbers(value: object) -> tuple[float, ...]:
    return tuple(number(each) for each in parts(value))


def wholes(value: object) -> tuple[int, ...]:
    return tuple(whole(each) for each in parts(value))


def truths(value: object) -> tuple[bool, ...]:
    return tuple(truth(each) for each in parts(value))


def rows(value: object) -> tuple[tuple[int, ...], ...]:
    """``0,1,2;1,0;2,0``"""
    return tuple(tuple(whole(x) for x in parts(each, ",")) for each in parts(value, ";"))


def points(value: object) -> tuple[tuple[float, float], ...]:
    """``x,y;x,y``"""
    found = []
    given = parts(value, ";")
    if len(given) == 2 and not any(isinstance(each, str | list | tuple) for each in given):
        given = [given]  # one point as a list
    for each in given:
        pair = tuple(number(x) for x in parts(each, ","))
        if len(pair) != 2:
            raise ValueError(f"{each!r} is no position, such as 10,20")
        found.append((pair[0], pair[1]))
    return tuple(found)


def point(value: object) -> tuple[float, float]:
    found = points(value)
    if len(found) != 1:
        raise ValueError(f"must be one pair of numbers, not {value!r}")
    return found[0]


def channels(value: object) -> tuple[str, ...]:
    """``wireless``, ``fibre``, or the names of the original's classes."""
    found = []
    for each in parts(value):
        name = str(each).strip()
        short = name.rpartition(".")[2].lower()
        if short in ("wireless", "wirelesssnr"):
            found.append("wireless")
        elif short in ("fibre", "fiber", "opticalfibersnr", "opticalfibresnr"):
            found.append("fibre")
        else:
            raise ValueError(f"{name!r} is no channel; use WirelessSNR or OpticalFiberSNR")
    return tuple(found)


def arrivals(value: object) -> tuple[Schedule, ...] | str:
    """``0.6-1000;0.6-1000``, or per layer a list of rate and seconds; or the name of a schedule."""
    if isinstance(value, str):
        name = value.strip()
        return name if name in schedules.NAMES else schedules.read(value)
    found: list[Schedule] = []
    for each in parts(value):
        if isinstance(each, str):
            found += schedules.read(each)
            continue
        segments = []
        for piece in parts(each):
            if not isinstance(piece, Mapping) or set(piece) != {"rate_per_second", "seconds"}:
                raise ValueError(f"{piece!r} must hold rate_per_second and seconds")
            segments.append(Segment(number(piece["rate_per_second"]), whole(piece["seconds"])))
        found.append(Schedule(tuple(segments)))
    return tuple(found)


def graphs(value: object) -> tuple[tuple[tuple[int, int], ...], ...]:
    """``0->1,1->2;0->1``: the edges of each kind of application."""
    if isinstance(value, str):
        return tuple(read_edges(each) for each in value.strip().split(";"))
    return tuple(read_edges(text(each) if each else "") for each in parts(value))


def weights(value: object) -> dict[str, float]:
    """One number for all, or ``queue``, ``comm`` and ``exec``."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(("queue", "comm", "exec"), number(value))
    unknown = sorted(str(each) for each in value if each not in ("queue", "comm", "exec"))
    if unknown:
        raise ValueError(f"unknown part {unknown[0]!r}; use queue, comm, exec")
    return {str(each): number(part) for each, part in value.items()}


def items(value: object) -> tuple[Mapping[str, object], ...]:
    found = parts(value)
    for each in found:
        if not isinstance(each, Mapping):
            raise ValueError(f"{each!r} must hold keys and values")
    return tuple(dict(each) for each in found if isinstance(each, Mapping))


def scaled(read: Read, factor: float) -> Read:
    """Another unit: the numbers times a factor."""

    def converted(value: object) -> object:
        found = read(value)
        if isinstance(found, tuple):
            return tuple(each * factor for each in found)
        assert isinstance(found, int | float)
        return found * factor

    return converted


def inverted(value: object) -> str:
    """RANDOMIZETOPOLOGY as the kind of topology."""
    return "random" if truth(value) else "manual"


def simtype(value: object) -> str:
    known = {
        "basic": "basic",
        "batch": "batch",
        "basic-workload": "trace",
        "trace": "trace",
        "dag": "dag",
    }
    if not isinstance(value, str) or value.strip() not in known:
        raise ValueError(f"must be one of {', '.join(known)}, not {value!r}")
    return known[value.strip()]
