"""The bench of shaping, on two short windows."""

import pytest

from evaluation.bench import shaping

pytestmark = pytest.mark.integration


async def test_what_passes_is_what_the_rule_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """How exactly is for the bench to say, on a machine of its own: here it must only be near."""
    monkeypatch.setattr(shaping, "BURST_SECONDS", 0.2)

    found = await shaping.delivered("download", 1e6, 0.5)

    assert 0 < found < 2e6


async def test_a_client_that_no_rule_is_for_costs_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shaping, "BURST_SECONDS", 0.1)

    assert 0 < await shaping.cost(shaping.ELSEWHERE, 0.3) < 0.1


async def test_so_does_one_with_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shaping, "BURST_SECONDS", 0.1)
    rules, in_mode = shaping.COSTS["an agent"]

    assert 0 < await shaping.cost(rules, 0.3, in_mode) < 0.1


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--rounds", "-1"]])
def test_what_cannot_be_measured_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        shaping.main(wrong)
