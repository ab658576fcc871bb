"""How the learners of several sites are merged: method and bounds, for settings and mathematics."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias, get_args

Method: TypeAlias = Literal["mean", "median"]

LARGEST = 1e6
"""Of a value or a weight, either way from 0."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How sites are merged.

    Attributes:
        clip_norm: of what a site may change in a round; more is scaled down to it. L2 over a
            network's weights; over a table's visited values their root mean square, for sites visit
            different ones. None bounds nothing.
        clip_ratio: the same as a multiple of the median of the sites' norms, from three sites on.
        noise: standard deviation of Gaussian noise on every merged number, in ``clip_norm`` divided
            by the number of sites (McMahan et al. 2018, "Learning differentially private recurrent
            language models").
        largest: a value or weight beyond it, either way from 0, is refused.
        most_share: of the weight in a mean that one site may have, from three sites on.
        caution: what sets an action apart in a table of states and actions counts half after so
            many new visits of all. Of a dozen actions the one that looks best was mostly lucky, and
            of what several sites have tried a few times each, the luckiest of all.
    """

    method: Method = "mean"
    clip_norm: float | None = None
    clip_ratio: float | None = 3.0
    noise: float = 0.0
    largest: float = LARGEST
    most_share: float = 0.5
    caution: float = 10.0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method: must be mean or median, not {self.method!r}")
        for name in ("clip_norm", "clip_ratio", "largest"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise ValueError(f"{name}: must be more than 0, not {value}")
        if not (isfinite(self.noise) and self.noise >= 0):
            raise ValueError(f"noise: must be 0 or more, not {self.noise}")
        if self.noise and self.clip_norm is None:
            raise ValueError("noise: needs clip_norm, which it is a multiple of")
        if not (isfinite(self.caution) and self.caution >= 0):
            raise ValueError(f"caution: must be 0 or more, not {self.caution}")
        if not 0.5 <= self.most_share <= 1:
            raise ValueError(f"most_share: must lie between 0.5 and 1, not at {self.most_share}")
