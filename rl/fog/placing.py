"""Where the nodes of a fog stand in a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom."""

ROUNDS = 60
GOLDEN_ANGLE = 2.399963


def fitted(positions: Sequence[Point], box: Box, of: Sequence[Point] = ()) -> list[Point]:
    """Stretched into the box, up being up.

    Args:
        of: what fills the box, if it is not these; what lies beyond is shown at the edge.
    """
    left, top, right, bottom = box
    xs, ys = [x for x, _ in of or positions], [y for _, y in of or positions]
    wide, high = max(xs) - min(xs), max(ys) - min(ys)
    return [
        (
            left + (right - left) * _inside((x - min(xs)) / wide if wide else 0.5),
            bottom - (bottom - top) * _inside((y - min(ys)) / high if high else 0.5),
        )
        for x, y in positions
    ]


def _inside(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def apart(places: Sequence[Point], distance: float, box: Box) -> list[Point]:
    """Pushed from each other until they are so far apart, or as far as a few rounds bring them."""
    left, top, right, bottom = box
    found = np.array(places, dtype=np.float64)
    # Two in one place are pushed in ways that depend on their numbers.
    turn = np.arange(len(found)) * GOLDEN_ANGLE
    found += 1e-3 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for _ in range(ROUNDS):
        way = found[:, None, :] - found[None, :, :]
        far = np.sqrt((way**2).sum(axis=2))
        np.fill_diagonal(far, np.inf)
        lacking = np.maximum(0.0, distance - far)
        if not lacking.any():
            break
        found += (way / far[:, :, None] * lacking[:, :, None] * 0.5).sum(axis=1)
        found[:, 0] = found[:, 0].clip(left, right)
        found[:, 1] = found[:, 1].clip(top, bottom)
    return [(float(x), float(y)) for x, y in found]
