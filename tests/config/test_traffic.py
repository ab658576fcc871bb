"""config.traffic: what a mix and its arrivals may be."""

import pytest
from pydantic import ValidationError

from config.traffic import MixEntry, Modulated, Traffic

pytestmark = pytest.mark.unit


def test_the_defaults_ask_for_one_path_at_poisson_arrivals() -> None:
    assert (MixEntry(path="/"),) == Traffic().mix
    assert Traffic().arrivals == "poisson"


def test_the_long_run_level_is_the_mean_over_time() -> None:
    assert Modulated().mean_level == pytest.approx((3.0 * 0.45 + 0.7 * 1.3) / 3.7)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "/{key}"}, "keys and {key} in the path need each other"),
        ({"path": "/", "keys": 3}, "keys and {key} in the path need each other"),
        ({"path": "/{id}"}, "{id} is none of {key}, {n} and {uuid}"),
        ({"path": "/{}"}, "{} is none of"),
        ({"path": "/{n"}, "a brace is left open"),
        ({"path": "/n}"}, "a brace is left open"),
        ({"path": "/{{n}}"}, "a brace is left open"),
        ({"path": "/{key}", "keys": 0}, "keys"),
        ({"path": "/{key}", "keys": 1_000_001}, "keys"),
        ({"path": "/{n}", "distribution": "zipf"}, "zipf has a meaning with keys only"),
        ({"path": "/{key}", "keys": 3, "distribution": "normal"}, "distribution"),
        ({"path": "/{key}", "keys": 3, "exponent": -1}, "exponent"),
    ],
)
def test_a_mix_entry_that_means_nothing_is_refused(entry: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        MixEntry(**entry)  # type: ignore[arg-type]
    assert message in str(raised.value)
