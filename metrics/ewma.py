"""An exponentially weighted mean whose memory is counted in seconds, not in samples."""

from __future__ import annotations

from math import exp


def decayed_mean(mean: float, sample: float, elapsed: float, time_constant: float) -> float:
    """The mean after one more sample.

    Args:
        mean: before the sample.
        elapsed: seconds since the mean last changed; infinite before the first sample.
        time_constant: seconds in which the weight of the past falls to 1/e.

    The sample's weight is ``1 - exp(-elapsed / time_constant)``, but never below 2 %: many samples
    in one instant would otherwise not count at all.
    """
    weight = 1.0 - exp(-elapsed / time_constant)
    if weight < 0.02:
        weight = 0.02
    return mean + weight * (sample - mean)
