"""What nodes believe of each other."""

import random

import numpy as np
import pytest

from rl.fog.post import Carriage, Message, Post, Report
from rl.fog.views import HeardViews, SharedViews

pytestmark = pytest.mark.unit

AGENTS = np.array([[0], [1]], dtype=np.intp)
NEIGHBOURS = np.array([[0, 1, 3], [1, 0, 2]], dtype=np.intp)


def test_shared_views_show_the_end_of_the_tick_and_nothing_of_clouds() -> None:
    views = SharedViews(2, 4)
    loads = [3, 5]
    views.announce(loads, [True, True], 0)
    loads[0] = 9

    assert views.seen(AGENTS, NEIGHBOURS).tolist() == [[3, 5, 0], [5, 3, 0]]
    assert (views.of(1, 0), views.of(1, 2)) == (3, 0)
    views.announce([7, 7], [False, True], 1)
    assert (views.of(1, 0), views.of(0, 1)) == (3, 7)
    with pytest.raises(AssertionError):
        views.receive(Report(0, 0, 0), 1)


def heard(drop: float, tries: int = 3) -> tuple[HeardViews, Post]:
    post = Post(lambda a, b, size: 1, Carriage(drop=drop), random.Random(1))
    return HeardViews(4, [[0, 1], [1, 0]], post, 2, tries), post


def test_heard_views_know_what_arrived_and_of_two_reports_the_later() -> None:
    views, post = heard(0.0)
    views.announce([3, 0], [True, True], 0)
    assert views.of(1, 0) == 0
    for report, receiver in post.arriving(1):
        assert isinstance(report, Report)
        views.receive(report, receiver)
    assert (views.of(1, 0), views.of(0, 1)) == (3, 0)
    views.receive(Report(0, 8, -1), 1)
    assert views.seen(AGENTS, NEIGHBOURS).tolist() == [[0, 0, 0], [0, 3, 0]]

    views.announce([3, 0], [True, True], 1)
    assert post.arriving(2) == []
    views.announce([4, 4], [False, True], 2)
    assert [receiver for _, receiver in post.arriving(3)] == [0]


def test_a_lost_report_is_sent_again_so_many_times() -> None:
    views, post = heard(1.0)
    sent = []
    send = post.send

    def noted(message: Message, sender: int, receiver: int, size: float, now: int) -> bool:
        sent.append(now)
        return send(message, sender, receiver, size, now)

    post.send = noted  # type: ignore[method-assign]
    for now in range(20):
        views.announce([3, 0], [True, True], now)

    assert sent == [0, 2, 4]


def test_a_report_that_is_sent_again_says_what_is_true_by_then() -> None:
    views, post = heard(0.5, tries=50)
    for now in range(60):
        views.announce([min(now, 9), 0], [True, True], now)
        for report, receiver in post.arriving(now + 1):
            assert isinstance(report, Report)
            views.receive(report, receiver)

    assert views.of(1, 0) == 9
