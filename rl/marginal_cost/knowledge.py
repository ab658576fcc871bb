"""What marginal_cost knows as a whole, and what becomes of it when request classes change."""

from __future__ import annotations

from rl.marginal_cost.affinity import Factors
from rl.marginal_cost.endpoint_model import EndpointModel
from rl.marginal_cost.fleet import Fleet
from rl.request_classes.classes import Change, RequestClasses

LARGEST_SIZE = 3.0
"""Of a request in units of its endpoint's mean, where it costs others. A larger one delays no more
requests, only for longer, and those are less than it would say if it came alone."""

SPLIT_COUNT = 2.0
"""Samples that a class counts for once it was split, so that both parts find their own soon: few
had told them apart, and some of those had waited in queues that nobody knew yet."""


class Knowledge:
    """All that was learned.

    Attributes:
        newcomer: what an endpoint is expected to be of which nothing is known.
        factors: by class, how much cheaper repeats are.
        unit: units of the reward to a second.
        used: every class in use has a number below.
    """

    __slots__ = ("classes", "factors", "fleet", "models", "newcomer", "unit", "used")

    def __init__(self, most_classes: int, most_kinds: int = 1024, most_paths: int = 8192) -> None:
        self.models: dict[str, EndpointModel] = {}
        self.classes = RequestClasses(most_classes, most_kinds, most_paths)
        self.factors = [Factors() for _ in range(most_classes)]
        self.fleet = Fleet(most_classes)
        self.newcomer = EndpointModel("", most_classes, 0.0, 1.0)
        self.unit = 1.0
        self.used = 1

    def change(self, change: Change) -> None:
        """A class was split in two, or two were merged."""
        kept, other = change.kept, change.other
        for model in self.models.values():
            if model.completions:
                _change(model, change)
        if other >= self.used:
            self.used = other + 1
            for model in self.models.values():
                model.make_room(self.used)
        if change.split:
            # What repeats seemed to save may have been the difference between these two.
            self.factors[kept] = Factors()
            self.factors[other] = Factors()
        self.fleet.forget(kept)
        self.fleet.forget(other)


def _change(model: EndpointModel, change: Change) -> None:
    kept, other = change.kept, change.other
    raw, count, service, relative = model.raw, model.count, model.service, model.relative
    if change.split:
        before = service[kept]
        ratio = change.other_ratio(model.id, before)
        left = change.kept_ratio(model.id, before)
        raw[other] = raw[kept] * ratio
        service[other] = before * ratio
        raw[kept] *= left
        service[kept] = before * left
        count[kept] = count[other] = min(count[kept], SPLIT_COUNT)
        model.mix[kept] = model.mix[other] = model.mix[kept] / 2.0
    else:
        weight = count[kept] + count[other]
        if weight:
            share = count[other] / weight
            raw[kept] += share * (raw[other] - raw[kept])
            service[kept] += share * (service[other] - service[kept])
        count[kept] = weight
        model.mix[kept] += model.mix[other]
        raw[other] = count[other] = model.mix[other] = 0.0
    relative[kept] = service[kept] / model.mean
    relative[other] = service[other] / model.mean
