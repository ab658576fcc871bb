"""One request's way."""

import pytest

from rl.simulation.journey import Journey
from rl.vocabulary import RequestContext

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("steps", "status", "printed"),
    [
        (["1003", "904", "*", "805"], 200, "1003>904>*>805>*  domain3.com"),
        (["1003", "+"], 200, "1003>+>*  domain3.com"),
        (["1003", "904"], 501, "1003>904>X  domain3.com"),
        ([], 501, "X  domain3.com"),
    ],
)
def test_it_is_printed_as_the_document_does(steps: list[str], status: int, printed: str) -> None:
    journey = Journey(0, RequestContext(domain="domain3.com"), 0.0)
    journey.steps = steps
    journey.status = status

    assert printed == journey.trajectory()
    assert journey.success == (status == 200)
