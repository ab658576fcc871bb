"""One client of the adaptive mode: rules made of settings, and its own metrics."""

from dataclasses import replace
from math import nan
from typing import Any

import pytest

from config.shaping import Rule
from load_balancer.shaping.adapted import METRIC_SECONDS, Adapted, rule_of, setting_of
from load_balancer.shaping.adaptive_records import AdaptiveSettings, Path, RuleEnvelope
from rl.shaping.envelope import Envelope
from rl.shaping.reading import MOST_METRICS, Targets
from rl.shaping.settings import Setting

pytestmark = pytest.mark.unit

RULE = Rule.model_validate(
    {
        "name": "r",
        "requests_per_second": 10,
        "burst": 4,
        "download_bytes_per_second": 1e6,
        "urgency": 3,
        "drop": {"probability": 0.1, "urgency": 2},
        "weight": 2,
    }
)
PATHS = (Path(pool="b"), Path(source_address="10.0.0.9", interface="eth1"))
WITHIN = RuleEnvelope(Envelope({}, paths=3), PATHS)
STATIC = setting_of(RULE)


def made(rule: Rule = RULE, **changed: Any) -> Rule:
    return rule_of(rule, replace(setting_of(rule), **changed), WITHIN)


def test_a_rule_has_a_setting() -> None:
    assert setting_of(RULE) == Setting(10.0, 1e6, 4, 3, 0.1, 0)
    assert setting_of(Rule(name="r")) == Setting()


def test_a_setting_makes_a_rule_that_is_valid() -> None:
    found = made(
        requests_per_second=20.0,
        download_bytes_per_second=2e6,
        burst=6.0,
        urgency=5,
        drop_probability=0.3,
    )

    # What an agent set could as well stand in a file.
    assert Rule.model_validate(found.model_dump()) == found
    assert found.model_dump(exclude_defaults=True) == {
        **RULE.model_dump(exclude_defaults=True),
        "requests_per_second": 20.0,
        "download_bytes_per_second": 2e6,
        "burst": 6,
        "urgency": 5,
        "drop": {"probability": 0.3, "urgency": 2},
    }
    assert isinstance(found.burst, int)


def test_what_is_equal_is_the_operators_own() -> None:
    assert made() is RULE
    assert made(requests_per_second=10.0) is RULE


def test_paths() -> None:
    assert made(path=1).pool == "b"
    found = made(path=2)
    assert (found.pool, str(found.source_address), found.interface) == (None, "10.0.0.9", "eth1")
    assert Rule.model_validate(found.model_dump()) == found


@pytest.mark.parametrize(("urgency", "span"), [(1, (1, 6)), (5, (5, 6)), (7, (7, 7)), (3, (2, 6))])
def test_a_client_cannot_ask_for_more_urgency_than_its_agent_gives(
    urgency: int, span: tuple[int, int]
) -> None:
    rule = RULE.model_copy(update={"urgency_range": (2, 6)})

    found = made(rule, urgency=urgency)

    assert found.urgency_range == span
    assert Rule.model_validate(found.model_dump()) == found


def client() -> Adapted:
    return Adapted("r/1", RULE, AdaptiveSettings({"r": WITHIN}))


def test_an_application_is_as_well_as_its_worst_metric() -> None:
    found = client()
    found.targets = Targets(application_target={"fps": 30, "rows": 100})

    assert found.application(0.0) == 1.0
    found.tell({"fps": 15.0}, 0.0)
    assert found.application(0.0) == 0.5
    found.tell({"rows": 300.0, "other": 1.0}, 1.0)
    assert found.application(1.0) == 0.5
    found.tell({"fps": 60.0}, 2.0)
    assert found.application(2.0) == 2.0
    found.tell({"fps": -5.0}, 3.0)
    assert found.application(3.0) == 0.0
    assert found.application(3.0 + METRIC_SECONDS) == 1.0
    assert found.state("tabular").application == {"fps": -5.0, "rows": 300.0, "other": 1.0}


def test_metrics_are_bounded() -> None:
    found = client()
    found.tell({str(number): 1.0 for number in range(MOST_METRICS)}, 0.0)

    with pytest.raises(ValueError, match="metrics: there can be 16 of one client"):
        found.tell({"one more": 1.0}, 1.0)
    found.tell({"one more": 1.0}, METRIC_SECONDS)

    assert found.state("tabular").application == {"one more": 1.0}


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"fps": nan}, r"metrics\.fps: must be a finite number, not nan"),
        ({"ok": 1.0, "fps": float("inf")}, r"metrics\.fps: must be a finite number"),
        ({"": 1.0}, "metrics: a metric's name has 1 to 64"),
    ],
)
def test_a_metric_that_is_no_number_is_named(metrics: dict[str, float], message: str) -> None:
    found = client()

    with pytest.raises(ValueError, match=message):
        found.tell(metrics, 0.0)

    assert found.state("tabular").application == {}


def test_a_rule_is_made_once_for_a_setting() -> None:
    found = client()
    assert found.in_force(WITHIN) is RULE
    found.setting = replace(STATIC, urgency=5)

    assert found.in_force(WITHIN) is found.in_force(WITHIN)
    assert found.in_force(WITHIN).urgency == 5
