"""What the REST interface takes."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from backend import fog_models as models

pytestmark = pytest.mark.unit

ACTIONS: TypeAdapter[Any] = TypeAdapter(models.Actions)
UPDATES: TypeAdapter[Any] = TypeAdapter(models.Updates)


def test_actions_of_both_types() -> None:
    basic, batch = ACTIONS.validate_python(
        [
            {"type": "basic", "neighbourIndex": 1, "controllerId": 0},
            {"type": "batch", "neighbourIndex": [0, 1], "controllerId": 5},
        ]
    )
    assert isinstance(basic, models.BasicAction)
    assert basic.count == 1
    assert isinstance(batch, models.BatchAction)


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ({"type": "basic", "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": 1}, "controllerId"),
        ({"type": "basic", "neighbourIndex": "1", "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": 1.5, "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": True, "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": 2**31, "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": [1], "controllerId": 0}, "neighbourIndex"),
        ({"type": "basic", "neighbourIndex": 1, "controllerId": 0, "count": 0}, "count"),
        ({"type": "basic", "neighbourIndex": 1, "controllerId": 0, "more": 0}, "more"),
        ({"type": "batch", "neighbourIndex": 1, "controllerId": 0}, "neighbourIndex"),
        ({"type": "batch", "neighbourIndex": [None], "controllerId": 0}, 0),
    ],
)
def test_bad_actions_name_the_field(action: dict[str, object], field: str | int) -> None:
    with pytest.raises(ValidationError) as caught:
        ACTIONS.validate_python([action])
    assert caught.value.errors()[0]["loc"][-1] == field


@pytest.mark.parametrize(
    ("field", "value"),
    [("uuid", ""), ("size", -1), ("size", float("nan")), ("size", 1e12), ("src", "a")],
)
def test_bad_updates_name_the_field(field: str, value: object) -> None:
    good = {"uuid": "a", "src": 0, "dst": 1, "size": 2}
    UPDATES.validate_python([good])
    with pytest.raises(ValidationError) as caught:
        UPDATES.validate_python([{**good, field: value}])
    assert caught.value.errors()[0]["loc"] == (0, field)
