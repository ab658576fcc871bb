"""Episodes that are learned from step by step: agents on a stage, without the guard and without
anything learned on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from evaluation.shaping.stage import CastStage
from rl.shaping.agents import Agent, Step
from rl.shaping.encoding import features, levels
from rl.shaping.envelope import Moves
from rl.shaping.reading import Reading
from rl.shaping.reward import Weights, Yardstick, reward
from rl.shaping.settings import Setting


class _Seat:
    """One client's."""

    __slots__ = ("before", "chosen", "moves", "setting", "yardstick")

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.moves = Moves()
        self.yardstick = Yardstick()
        self.before: Reading | None = None
        self.chosen: tuple[list[float], tuple[int, ...], list[bool], int, float] | None = None


def roll(
    stage: CastStage,
    agents: Mapping[str, Agent],
    dice: random.Random,
    weights: Weights,
    tell: Callable[[Step], object],
    interval: float = 1.0,
) -> tuple[float, float]:
    """One episode, from the stage's first second to its last.

    Args:
        agents: of each client.
        tell: told of each step.

    Returns:
        The mean reward of clients and intervals, and the share of the intervals in which a target
        was missed.
    """
    seats = {name: _Seat(stage.envelopes[name].clamp(stage.setting(name))) for name in agents}
    total, missed, count = 0.0, 0, 0
    for number in range(1, int(stage.seconds / interval) + 1):
        readings = stage.play(number * interval)
        for name, seat in seats.items():
            reading, targets = readings[name], stage.targets[name]
            envelope = stage.envelopes[name]
            got = seat.yardstick.measure(reading)
            paid = reward(seat.before, reading, targets, weights, got=got)
            seat.before = reading
            seen = features(reading, targets, seat.setting, envelope)
            state = levels(reading, targets, seat.setting, envelope)
            mask = envelope.mask(seat.setting, stage.now, seat.moves)
            if seat.chosen is not None:
                before, before_state, may, action, probability = seat.chosen
                tell(
                    Step(
                        name,
                        before,
                        before_state,
                        may,
                        action,
                        probability,
                        paid.total,
                        seen,
                        state,
                        mask,
                    )
                )
                total += paid.total
                missed += bool(paid.missed)
                count += 1
            choice = agents[name].choose(seen, state, mask, dice)
            seat.chosen = (seen, state, mask, choice.action, choice.probability)
            seat.setting = envelope.apply(seat.setting, choice.action, stage.now, seat.moves)
            stage.hold(name, seat.setting)
    return total / max(1, count), missed / max(1, count)
