"""The network that numpy serves."""

import json
import random
from typing import Any

import numpy as np
import pytest

from rl.shaping.encoding import SIZE
from rl.shaping.network import CRITIC, MOST_HIDDEN, Network, as_data, drawn, of_data, shapes
from rl.shaping.settings import ACTIONS

pytestmark = pytest.mark.unit


def arrays(hidden: int = 4, seed: int = 1) -> dict[str, Any]:
    return drawn(random.Random(seed), hidden)


def test_it_computes_what_it_says() -> None:
    weights = arrays()
    weights["bias_0"] += 0.1
    weights["bias_2"] += np.arange(len(ACTIONS), dtype=np.float32)
    features = np.linspace(-1, 1, SIZE)

    hidden = np.maximum(features @ weights["weight_0"] + weights["bias_0"], 0)
    hidden = np.maximum(hidden @ weights["weight_1"] + weights["bias_1"], 0)
    wanted = hidden @ weights["weight_2"] + weights["bias_2"]

    assert Network(weights).scores(list(features)) == pytest.approx(wanted, rel=1e-5)


def test_a_new_one_is_near_nothing_and_of_its_seed() -> None:
    scores = Network(arrays(32)).scores([1.0] * SIZE)

    assert max(map(abs, scores)) < 1.0
    assert scores == Network(arrays(32)).scores([1.0] * SIZE)
    assert scores != Network(arrays(32, seed=2)).scores([1.0] * SIZE)


@pytest.mark.parametrize("critic", [False, True])
def test_arrays_come_back_as_they_were(critic: bool) -> None:
    weights = arrays()
    if critic:
        weights |= {
            name: np.full(shape, 0.5, np.float32) for name, shape in shapes(4, 1, CRITIC).items()
        }

    found = of_data(json.loads(json.dumps(as_data(weights))))

    assert found.keys() == weights.keys()
    assert all((found[name] == weights[name]).all() for name in weights)
    assert all(each.dtype == np.float32 for each in found.values())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_1": None}, "arrays.weight_1: must"),
        ({"weight_1": [[1.0]]}, "arrays.weight_1: must have the shape"),
        ({"weight_1": [[1.0] * 4] * 3 + [[1.0]]}, "arrays.weight_1: must have the shape"),
        ({"bias_2": ["1"] * 12}, "arrays.bias_2: must hold numbers"),
        ({"bias_2": [True] * 12}, "arrays.bias_2: must hold numbers"),
        ({"bias_2": [float("nan")] * 12}, "arrays.bias_2: must be finite"),
        ({"bias_2": [1e7] * 12}, "arrays.bias_2: must be finite and within"),
        ({"bias_2": [10**400] * 12}, "arrays.bias_2: must "),
        ({"bias_0": []}, "arrays.bias_0: must hold 1 to"),
        ({"bias_0": [0.0] * (MOST_HIDDEN + 1)}, "arrays.bias_0: must hold 1 to"),
        ({"bias_0": "x"}, "arrays.bias_0: must be a list"),
        ({"other": [1.0]}, "arrays.other: is no array"),
        ({CRITIC + "bias_0": [0.0] * 4}, "arrays.critic_weight_0: is missing"),
    ],
)
def test_a_wrong_array_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of_data({**as_data(arrays()), **changed})


def test_what_holds_no_arrays_at_all() -> None:
    with pytest.raises(ValueError, match=r"arrays: must hold keys and values"):
        of_data([1, 2])
    with pytest.raises(ValueError, match=r"arrays\.bias_0: is missing"):
        of_data({})
