"""A small network that scores every neighbour: its form, its weights as arrays, how it is served.

Each neighbour is read by the same weights, together with the mean of what was read of all of them
(M. Zaheer et al., "Deep sets", 2017), so that the scores follow their neighbours when these are
listed in another order, and the weights fit any number of neighbours. Served by numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl import stored
from rl.fog import features
from rl.fog.observing import Floats, Observation
from rl.vocabulary import JSON

Weights: TypeAlias = dict[str, Floats]
Indexes: TypeAlias = npt.NDArray[np.int64]

HIDDEN = 32
MOST_HIDDEN = 1024
NEVER = -1e9
"""The score of what may not be done."""


def shapes(hidden: int, outputs: int = 1) -> dict[str, tuple[int, ...]]:
    """Every array of the weights by its name."""
    return {
        "read": (features.WIDTH, hidden),
        "read_bias": (hidden,),
        "own": (hidden, hidden),
        "all": (hidden, hidden),
        "bias": (hidden,),
        "score": (hidden, outputs),
        "score_bias": (outputs,),
    }


def drawn(dice: np.random.Generator, hidden: int = HIDDEN, outputs: int = 1) -> Weights:
    """To begin with: K. He et al. (2015), scores near 0."""
    found: Weights = {}
    for name, shape in shapes(hidden, outputs).items():
        if len(shape) == 1:
            found[name] = np.zeros(shape, np.float32)
        else:
            spread = 0.01 if name == "score" else (2.0 / shape[0]) ** 0.5
            found[name] = (dice.standard_normal(shape) * spread).astype(np.float32)
    return found


def scores(weights: Weights, seen: Floats) -> Floats:
    """Of shape (rows, columns); ``NEVER`` where a neighbour may not be chosen.

    Args:
        seen: (rows, columns, features), as ``features.encode`` makes it.
    """
    used = seen[:, :, :1]
    read = np.maximum(seen @ weights["read"] + weights["read_bias"], 0.0) * used
    mean = read.sum(axis=1) / np.maximum(used.sum(axis=1), 1.0)
    mixed = read @ weights["own"] + (mean @ weights["all"])[:, None, :] + weights["bias"]
    found = np.maximum(mixed, 0.0) @ weights["score"] + weights["score_bias"]
    masked: Floats = np.where(used[:, :, 0] > 0, found[:, :, 0], np.float32(NEVER))
    return masked


def as_data(weights: Weights) -> dict[str, JSON]:
    """For JSON."""
    arrays: dict[str, JSON] = {name: each.tolist() for name, each in weights.items()}
    return {"version": features.VERSION, "hidden": len(weights["bias"]), "arrays": arrays}


def of_data(data: Mapping[str, JSON]) -> Weights:
    """What ``as_data`` made.

    Raises:
        ValueError: it is of other features, or an array has another shape or is not of numbers.
    """
    stored.version(data, features.VERSION)
    hidden = stored.count(stored.member(data, "hidden"), "hidden")
    if not 1 <= hidden <= MOST_HIDDEN:
        raise ValueError(f"hidden: must be 1 to {MOST_HIDDEN}, not {hidden}")
    arrays = stored.member(data, "arrays")
    found: Weights = {}
    for name, shape in shapes(hidden).items():
        given = stored.member(arrays, name, "arrays.")
        try:
            found[name] = np.array(given, dtype=np.float32)
        except (TypeError, ValueError):
            raise ValueError(f"arrays.{name}: must hold numbers") from None
        if found[name].shape != shape:
            raise ValueError(f"arrays.{name}: must have the shape {shape}")
        if not np.isfinite(found[name]).all():
            raise ValueError(f"arrays.{name}: must be finite")
    return found


class Scored:
    """Plays by scores: the best one, or each as likely as its softmax says.

    Args:
        dice: draw from the softmax; None takes the best.
    """

    def __init__(self, weights: Weights, dice: np.random.Generator | None = None) -> None:
        self._weights = weights
        self._dice = dice
        self._sent: dict[str, features.Sent] = {}

    def __call__(self, agent: str, observation: Observation) -> int:
        columns = len(observation["Q"])
        sent = self._sent.get(agent)
        if sent is None:
            sent = self._sent[agent] = features.Sent(1, columns)
        index = 0
        if observation["nextTask"][0]:
            found = scores(self._weights, features.encode([observation], sent.counts))
            index = int(chosen(found, self._dice)[0])
        sent.note(0, observation, index)
        return index * (len(observation["action_mask"]) // columns)


def chosen(found: Floats, dice: np.random.Generator | None) -> Indexes:
    """An index per row of scores: the best, or drawn from their softmax."""
    if dice is None:
        return np.asarray(found.argmax(axis=1), dtype=np.int64)
    # The largest of scores with Gumbel noise is a draw from their softmax.
    noise = dice.gumbel(size=found.shape)
    return np.asarray((found + noise).argmax(axis=1), dtype=np.int64)
