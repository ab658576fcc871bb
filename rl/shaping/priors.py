"""What is worth trying before anything was learned.

Said in the terms of the coarse levels: whoever misses its targets while others are well, or are
lighter, asks for more; whoever is well or lighter while others miss theirs gives way, urgency
first, for that costs nobody work; and who is held back by its own rule while all are well takes
some more, but not where somebody is close to a target, or all would go to and fro. Who asks for
much more than it can be given gets no more.
"""

from __future__ import annotations

from rl.shaping.encoding import EASY, FAR, FLOODING, LIGHTER, MISSED, NEAR, WEIGHTIER
from rl.shaping.settings import ACTIONS

_NUMBERS = {name: number for number, name in enumerate(ACTIONS)}


def worth(levels: tuple[int, ...]) -> list[float]:
    """By action, how much better than to keep the setting it is believed to be; 0 is as good."""
    own, others, weight, _, held, _ = levels
    found: dict[str, float] = {}
    asks = own >= MISSED and (others < MISSED or weight == WEIGHTIER)
    gives = others >= MISSED and (own < MISSED or weight == LIGHTER)
    if held == FLOODING:
        # Whatever it got would not be enough.
        if others >= MISSED:
            _give_way(found, 1.0)
    elif asks:
        _ask(found, own, bool(held))
    elif gives:
        _give_way(found, 0.5 if own == NEAR and weight != LIGHTER else 1.0)
    elif own >= MISSED:
        # Both, and alike: who is held back by its own rule asks, and who is not gives way.
        sign = "+" if held else "-"
        found |= {f"requests_per_second{sign}": 0.2, f"download_bytes_per_second{sign}": 0.2}
        found["urgency-"] = 0.1
    elif others == EASY and held:
        found |= {
            "requests_per_second+": 0.4,
            "download_bytes_per_second+": 0.4,
            "burst+": 0.1,
            "drop_probability-": 0.2,
        }
    elif others == EASY:
        found |= {"drop_probability-": 0.1, "path": -0.2}
    return [found.get(name, 0.0 if name == "keep" else -0.1) for name in ACTIONS]


def _ask(found: dict[str, float], own: int, held: bool) -> None:
    more = 0.6 if held else -0.1
    found |= {
        "requests_per_second+": more,
        "download_bytes_per_second+": more,
        "burst+": 0.2 if held else -0.1,
        "urgency-": 0.5,
        "drop_probability-": 0.3,
        "path": 0.1 if own == FAR else 0.0,
    }


def _give_way(found: dict[str, float], much: float) -> None:
    found |= {
        "requests_per_second-": 0.5 * much,
        "download_bytes_per_second-": 0.5 * much,
        "burst-": 0.2 * much,
        "urgency+": 0.6 * much,
        "drop_probability+": 0.2 * much,
    }


def action(name: str) -> int:
    """The index of an action."""
    return _NUMBERS[name]
