"""What an agent saw and did, in plain words."""

from __future__ import annotations

from rl.shaping.encoding import MISSED
from rl.shaping.settings import LEVERS, Setting

OWN = (
    "the client is well within its targets",
    "the client is close to a target",
    "the client misses a target",
    "the client misses its targets by far",
)
OTHERS = (
    "the others are well",
    "another client is close to its target",
    "others miss theirs",
)
HELD_BY_ITS_RULE = (
    "",
    ", and its own rule holds it back",
    ", and it asks for much more than its rule lets it",
)


def saw(levels: tuple[int, ...]) -> str:
    """The state, as a part of a sentence."""
    own, others, _, _, held, _ = levels
    joined = "while" if (own >= MISSED) != (others >= MISSED) else "and"
    text = f"{OWN[own]} {joined} {OTHERS[others]}"
    return text + HELD_BY_ITS_RULE[held]


def did(before: Setting, after: Setting) -> str:
    """The first lever that is another one, as a beginning of a sentence."""
    for lever in LEVERS:
        old, new = getattr(before, lever), getattr(after, lever)
        if old == new:
            continue
        if lever == "path":
            return f"Goes on to path {new}"
        if old is None or new is None:
            return f"Sets {lever} to {_shown(new)}"
        if lever == "urgency":
            word = "Makes it more urgent," if new < old else "Makes it less urgent,"
            return f"{word} from {old} to {new}"
        return f"{'Lowers' if new < old else 'Raises'} {lever} from {_shown(old)} to {_shown(new)}"
    return "Keeps the setting"


def _shown(value: float | None) -> str:
    return "no bound" if value is None else f"{value:.4g}" if value < 1e4 else f"{value:,.0f}"
