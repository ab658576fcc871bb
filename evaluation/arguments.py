"""What the command lines of experiments have in common: values, refusals, exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.loading import ConfigError

INTERRUPTED = 130
"""Exit status after Ctrl-C."""
REFUSED = 2
"""Of what cannot be run."""
MOST_SEEDS = 10_000
MOST = 10_000_000


class BadArgument(Exception):
    """A value on the command line is not usable; the message is the line to show."""


def ended(program: str, run: Callable[[], int], *refusals: type[Exception]) -> int:
    """The exit status of ``run``; what it refuses is one line on stderr.

    Args:
        refusals: exceptions whose message says what to do, besides those of configurations and of
            arguments.
    """
    refused: tuple[type[Exception], ...] = (BadArgument, ConfigError, *refusals)
    try:
        return run()
    except refused as error:
        print(f"{program}: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def parse_seeds(text: str) -> list[int]:
    """``0-7``, ``0,3`` or both.

    Raises:
        BadArgument: it is neither.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise BadArgument(f"--seeds {text}: must be numbers such as 0-7 or 3,5")
        numbers = range(int(first), int(last if dash else first) + 1)
        if not numbers or len(numbers) > MOST_SEEDS:
            raise BadArgument(f"--seeds {text}: {part} is no range of at most {MOST_SEEDS} seeds")
        found += numbers
    return list(dict.fromkeys(found))


def parse_names(text: str, option: str) -> list[str]:
    """Each once, by commas.

    Raises:
        BadArgument: there is none.
    """
    found = list(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if not found:
        raise BadArgument(f"{option}: names none")
    return found


def count(text: str) -> int:
    """For argparse: from one on. Raises ValueError."""
    number = int(text)
    if not 1 <= number <= MOST:
        raise ValueError
    return number


def share(text: str) -> float:
    """For argparse: from zero to one. Raises ValueError."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError
    return number
