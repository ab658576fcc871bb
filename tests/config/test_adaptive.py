"""The settings of adaptive shaping."""

from typing import Any

import pytest
from pydantic import ValidationError

from config.adaptive import AdaptiveShaping, EnvelopeBounds, Path
from config.shaping import Shaping

pytestmark = pytest.mark.unit

RATE = {"least": 10, "most": 100, "step": 1.5}


def shaping(**adaptive: Any) -> Shaping:
    return Shaping.model_validate(
        {"enabled": True, "rules": [{"name": "bulk"}], "adaptive": {"enabled": True, **adaptive}}
    )


def test_nobody_is_adapted_unless_it_is_wanted() -> None:
    adaptive = Shaping().adaptive

    assert (False, (), None) == (adaptive.enabled, adaptive.envelopes, adaptive.checkpoint)


def test_only_levers_with_bounds_may_be_moved() -> None:
    envelope = EnvelopeBounds.model_validate(
        {"requests_per_second": RATE, "urgency": {"least": 1, "most": 5, "step": 1}}
    )

    assert {"requests_per_second": 100.0, "urgency": 5.0} == {
        lever: bounds.most for lever, bounds in envelope.bounds().items()
    }


@pytest.mark.parametrize(
    ("bounds", "at"),
    [
        ({"requests_per_second": {**RATE, "least": 200}}, r"requests_per_second\.least"),
        ({"requests_per_second": {**RATE, "step": 1}}, r"requests_per_second\.step"),
        ({"requests_per_second": {**RATE, "per_minute": 0.5}}, r"requests_per_second\.per_minute"),
        ({"requests_per_second": {**RATE, "most": float("nan")}}, r"requests_per_second\.most"),
        ({"requests_per_second": {**RATE, "often": 1}}, r"requests_per_second\.often"),
        ({"requests_per_second": {"least": 1}}, r"requests_per_second\.most"),
        ({"urgency": {"least": 0, "most": 8, "step": 1}}, "urgency"),
        ({"drop_probability": {"least": -0.1, "most": 1, "step": 0.1}}, "drop_probability"),
        ({"in_flight": RATE}, "in_flight"),
        ({"paths": [{}]}, "must name a pool"),
        ({"paths": [{"pool": "a"}] * 64}, "paths"),
    ],
)
def test_bounds_that_make_no_sense_are_refused_by_their_key(bounds: Any, at: str) -> None:
    with pytest.raises(ValidationError, match=at):
        shaping(envelopes=[{"rule": "bulk", **bounds}])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("interval_seconds", 0),
        ("agent", "oracle"),
        ("share", "world"),
        ("explore_most", 1.1),
        ("explore_most", float("nan")),
        ("explore_least", 0.2),
        ("explore_decay", 0),
        ("discount", 1),
        ("clients", 0),
        ("history", True),
        ("checkpoint", ""),
        ("weights", {"throughput": -1}),
        ("guard", {"margin": 2}),
        ("unheard_of", 1),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        AdaptiveShaping.model_validate({key: value})


def test_envelopes_are_for_rules_that_there_are_one_each() -> None:
    with pytest.raises(ValidationError, match=r"adaptive\.envelopes\.0\.rule: there is no rule"):
        shaping(envelopes=[{"rule": "bluk"}])
    with pytest.raises(ValidationError, match="two envelopes are for 'bulk'"):
        shaping(envelopes=[{"rule": "bulk"}, {"rule": "bulk"}])


def test_agents_need_rules_to_move() -> None:
    with pytest.raises(ValidationError, match=r"adaptive\.enabled: needs enabled: true"):
        Shaping.model_validate({"adaptive": {"enabled": True}})


def test_a_path_says_what_is_other() -> None:
    assert "batch" == Path(pool="batch").pool
