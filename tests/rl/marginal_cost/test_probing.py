import pytest

from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.probing import SHORTEST_INTERVAL, Probing
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit

SECONDS = 1.5


def fleet() -> tuple[dict[str, EndpointModel], list[EndpointStats]]:
    candidates = [EndpointStats(Endpoint(id, "h", 1)) for id in "abc"]
    models = {id: EndpointModel(id, 2, 10.0, SECONDS) for id in "abc"}
    return models, candidates


def test_who_was_heard_of_lately_or_is_busy_is_left_alone() -> None:
    models, candidates = fleet()
    probing = Probing(SECONDS)
    assert probing.due(models, candidates, range(3), 11.0) is None
    for stats in candidates:
        stats.in_flight = 1
    assert probing.due(models, candidates, range(3), 100.0) is None


def test_an_idle_endpoint_unheard_of_is_due() -> None:
    models, candidates = fleet()
    models["a"].heard_at = models["c"].heard_at = 12.0
    probing = Probing(SECONDS)

    assert 1 == probing.due(models, candidates, range(3), 12.0)
    assert probing.due(models, candidates, [0, 2], 12.0) is None


def test_who_polls_found_back_is_due_at_once_and_only_once() -> None:
    models, candidates = fleet()
    probing = Probing(SECONDS)
    models["b"].interval = 4 * SECONDS
    candidates[1].recovered_at = 9.0  # it has answered since
    assert probing.due(models, candidates, range(3), 10.5) is None
    candidates[1].recovered_at = 10.4

    assert 1 == probing.due(models, candidates, range(3), 10.5)
    models["b"].heard_at = 10.6
    assert probing.due(models, candidates, range(3), 10.7) is None


def test_who_is_shown_now_and_then_only_is_not_missed() -> None:
    models, candidates = fleet()
    probing = Probing(SECONDS)
    candidates[2].recovered_at = 10.4
    assert probing.due(models, candidates[:2], range(2), 10.5) is None

    assert probing.at <= 10.5 + 0.02
    assert 2 == probing.due(models, candidates, range(3), 10.52)


def test_it_need_not_be_asked_before_somebody_can_be_due() -> None:
    models, candidates = fleet()
    probing = Probing(SECONDS)
    probing.due(models, candidates, range(3), 11.4)

    assert probing.at == pytest.approx(11.5)


def test_failing_ones_are_tried_at_a_steady_pace_and_slow_ones_more_seldom() -> None:
    models, _ = fleet()
    probing = Probing(SECONDS)
    it = models["a"]
    for _ in range(5):
        probing.probed(it, True, 0.001, 0.05, 0.05)
        assert SECONDS == it.interval
    for _ in range(5):
        probing.probed(it, False, 0.2, 0.05, 0.05)
    assert 4 * SECONDS == it.interval
    it.drift.scale = 1.5
    probing.probed(it, False, 0.06, 0.05, 0.05)
    assert SHORTEST_INTERVAL == it.interval
    assert it.speed == pytest.approx(1.35)  # half of the way
    assert -10.0 == probing.saved  # the good one cost nothing
