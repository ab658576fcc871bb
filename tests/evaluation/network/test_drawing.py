"""The drawn network: the ways of the highest values, links around the corner, who knows whom."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from evaluation.network.drawing import (
    draw_links,
    edges_then,
    segments_of,
    spread_out,
    value_scale,
)
from evaluation.network.records import Link, Purpose, Run, Snapshot

pytestmark = pytest.mark.unit


def test_few_snapshots_are_all_drawn_and_many_are_denser_at_the_beginning() -> None:
    shots = [Snapshot(number, float(number), ()) for number in range(30)]
    assert spread_out(shots[:3], 5) == shots[:3]
    found = [shot.windows for shot in spread_out(shots, 5)]
    assert (found[0], found[-1], len(found)) == (0, 29, 5)
    gaps = [second - first for first, second in pairwise(found)]
    assert gaps == sorted(gaps)


def test_a_link_from_the_last_rank_to_the_first_goes_around() -> None:
    assert segments_of((10, 2), (1, 1), 10) == [((10, 2), (11, 1)), ((0, 2), (1, 1))]
    assert segments_of((1, 2), (10, 1), 10) == [((1, 2), (0, 1)), ((11, 2), (10, 1))]
    assert segments_of((2, 2), (4, 1), 10) == [((2, 2), (4, 1))]
    assert segments_of((3, 2), (1, 1), 3) == [((3, 2), (1, 1))]


def test_an_origin_is_known_elsewhere_after_it_has_moved(make_run: Callable[..., Run]) -> None:
    run = make_run(purpose=Purpose.CHANGES)
    left, joined = run.changes[1].nodes
    assert left in edges_then(run, 0.0) and joined not in edges_then(run, 0.0)
    assert left not in edges_then(run, 99.0) and joined in edges_then(run, 99.0)


def test_a_network_of_which_nothing_is_learned_can_be_drawn(
    make_run: Callable[..., Run], tmp_path: Path
) -> None:
    run = make_run(windows=1)
    links = tuple(replace(link, value=None) for link in run.snapshots[0].links)
    blank = replace(run, snapshots=(Snapshot(0, 0.0, links), Snapshot(1, 1.0, links)))
    draw_links(blank, tmp_path / "links.png")
    assert (tmp_path / "links.png").read_bytes().startswith(b"\x89PNG")


def test_rewards_are_coloured_around_zero_and_times_by_their_magnitude() -> None:
    """A refusal costs a thousand times what a good way takes; among good ways it must not hide what
    differs."""
    rewards = value_scale("proxy_network", [Link("301", "201", -500.0), Link("301", "202", 250.0)])
    assert rewards.norm(0.0) == pytest.approx(0.5)
    assert rewards.norm(-500.0) == pytest.approx(0.0)
    ways = [Link("301", "201", -0.01), Link("301", "202", -0.02), Link("301", "203", -10.0)]
    times = value_scale("latency", ways)
    good, fair, bad = (times.tone(link.value or 0.0) for link in ways)
    # Blue for what is cheap, red for what is dear.
    assert good[2] > good[0] and bad[0] > bad[2]
    assert max(abs(one - other) for one, other in zip(good, fair, strict=True)) > 0.05


def test_nothing_learned_has_a_scale_all_the_same() -> None:
    for reward in ("latency", "proxy_network"):
        assert len(value_scale(reward, [Link("301", "201", None)]).tone(-1.0)) == 4
