"""A small network served by numpy: two hidden layers, one number for each action.

    h = relu(x W0 + b0);  h = relu(h W1 + b1);  out = h W2 + b2

For ``dqn`` the numbers are values, for ``ppo`` the logarithms of odds. A ``ppo`` may carry a second
network of the same form with one number, by which it is trained (``critic_`` before the names).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rl import stored
from rl.shaping.encoding import SIZE
from rl.shaping.settings import ACTIONS
from rl.vocabulary import JSON

Floats: TypeAlias = npt.NDArray[np.float32]
Arrays: TypeAlias = dict[str, Floats]

CRITIC = "critic_"
MOST_HIDDEN = 256
LARGEST = 1e6


def shapes(
    hidden: int, outputs: int = len(ACTIONS), before: str = ""
) -> dict[str, tuple[int, ...]]:
    """Every array by its name, with ``before`` before it."""
    return {
        f"{before}weight_0": (SIZE, hidden),
        f"{before}bias_0": (hidden,),
        f"{before}weight_1": (hidden, hidden),
        f"{before}bias_1": (hidden,),
        f"{before}weight_2": (hidden, outputs),
        f"{before}bias_2": (outputs,),
    }


def drawn(dice: random.Random, hidden: int) -> Arrays:
    """To begin with: K. He et al. (2015), outputs near 0."""
    generator = np.random.default_rng(dice.getrandbits(64))
    found: Arrays = {}
    for name, shape in shapes(hidden).items():
        if len(shape) == 1:
            found[name] = np.zeros(shape, np.float32)
        else:
            spread = 0.01 if name == "weight_2" else (2.0 / shape[0]) ** 0.5
            found[name] = (generator.standard_normal(shape) * spread).astype(np.float32)
    return found


def as_data(arrays: Arrays) -> dict[str, JSON]:
    """For JSON."""
    return {name: each.tolist() for name, each in arrays.items()}


def of_data(data: JSON) -> Arrays:
    """What ``as_data`` made, with a critic or without.

    Raises:
        ValueError: an array is missing, has another shape, or holds what is no number or too large;
            it names the array.
    """
    first = stored.items(stored.member(data, "bias_0", "arrays."), "arrays.bias_0")
    if not 1 <= len(first) <= MOST_HIDDEN:
        raise ValueError(f"arrays.bias_0: must hold 1 to {MOST_HIDDEN} numbers, not {len(first)}")
    wanted = shapes(len(first))
    assert isinstance(data, Mapping)
    if any(name.startswith(CRITIC) for name in data):
        wanted |= shapes(len(first), 1, CRITIC)
    for name in data:
        if name not in wanted:
            raise ValueError(f"arrays.{name[:40]}: is no array of this network")
    return {
        name: _array(stored.member(data, name, "arrays."), name, shape)
        for name, shape in wanted.items()
    }


def _array(given: JSON, name: str, shape: tuple[int, ...]) -> Floats:
    try:
        found = np.array(given)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"arrays.{name}: must have the shape {shape}") from None
    if found.dtype.kind not in "if":  # text and truth values would be converted
        raise ValueError(f"arrays.{name}: must hold numbers in the shape {shape}")
    if found.shape != shape:
        raise ValueError(f"arrays.{name}: must have the shape {shape}, not {found.shape}")
    if not (np.abs(found) <= LARGEST).all():
        raise ValueError(f"arrays.{name}: must be finite and within {LARGEST:g}")
    return found.astype(np.float32)


class Network:
    """Ready to be asked. Not changed after it is made."""

    __slots__ = ("_layers", "arrays")

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._layers = [(arrays[f"weight_{layer}"], arrays[f"bias_{layer}"]) for layer in range(3)]

    def scores(self, features: Sequence[float]) -> list[float]:
        """One for each action."""
        (first, first_bias), (second, second_bias), (last, last_bias) = self._layers
        hidden = np.array(features, np.float32) @ first
        hidden += first_bias
        np.maximum(hidden, 0.0, out=hidden)
        hidden = hidden @ second
        hidden += second_bias
        np.maximum(hidden, 0.0, out=hidden)
        found: list[float] = (hidden @ last + last_bias).tolist()
        return found
