"""How fast an endpoint is now against its own usual: a scale that stays where it is until something
has changed.

A two-sided cumulative sum (Page 1954) of the errors notices a change, upon which the variance of a
filter (Kalman 1960) is opened, so that the next samples move the scale, each less than the one
before. In between it rests: to follow every sample a little makes endpoints look different which
are alike. Slow drift is for the service.
"""

from __future__ import annotations

from math import sqrt

MOST = 6.0
"""Samples above that many times the scale count as that many: one stuck request is no trend."""

NOISE_RATE = 0.02
"""Of the average of squared errors: the last hundred samples or so."""

LEAST_NOISE = 0.003
"""A relative error of some 5 %: servers that never vary exist in simulations only."""

SLACK, ALARM, CLIP = 0.75, 10.0, 2.0
"""Of the cumulative sum, in standard deviations: it grows by what an error exceeds 0.75, an error
counts as 2 at most, the alarm is at 10. Eight samples in a row at the clip are one; with normal
errors a false alarm comes about once in a million."""

OPENED = 0.1
"""Variance given at an alarm, in units of the noise: the gain is 1/11, 1/12 … from then on."""


class SpeedScale:
    """The factor on an endpoint's usual latency.

    Attributes:
        scale: 1 as usual, 4 if everything takes four times as long.
        noise: variance of a sample around the scale.
        variance: of the scale itself.
    """

    __slots__ = ("down", "noise", "scale", "up", "variance")

    def __init__(self) -> None:
        self.scale = 1.0
        self.noise = 0.25
        self.variance = 0.0
        self.up = 0.0
        self.down = 0.0

    def learn(self, sample: float) -> float:
        """Take up one sample, observed over usual; the new scale."""
        scale = self.scale
        most = MOST * scale
        error = (sample if sample < most else most) - scale
        # Comparisons, for min and max take as long as all the rest, and this runs every request.
        noise = self.noise
        square = error * error
        most = 9.0 * noise
        noise += NOISE_RATE * ((square if square < most else most) - noise)
        if noise < LEAST_NOISE:
            noise = LEAST_NOISE
        self.noise = noise
        variance = self.variance
        if variance:
            gain = variance / (variance + noise)
            scale += gain * error
            if scale < 1e-3:
                scale = 1e-3
            self.scale = scale
            variance *= 1.0 - gain
        deviations = error / sqrt(noise)
        if deviations > CLIP:
            deviations = CLIP
        elif deviations < -CLIP:
            deviations = -CLIP
        up = self.up + deviations - SLACK
        down = self.down - deviations - SLACK
        if up > ALARM or down > ALARM:
            variance += OPENED * noise
            up = down = 0.0
        self.up = up if up > 0.0 else 0.0
        self.down = down if down > 0.0 else 0.0
        self.variance = variance
        return scale

    def jump(self, sample: float) -> None:
        """Half of the way back to usual, or to a sample above it, and be ready for more. A sample
        below is the luck of one request."""
        if sample < 1.0:
            sample = 1.0
        if sample < self.scale:
            self.scale += 0.5 * (sample - self.scale)
            self.variance += OPENED * self.noise

    def renormalise(self, factor: float) -> None:
        """What is usual takes ``factor`` times as long from now on."""
        self.scale /= factor
        noise = self.noise / (factor * factor)
        self.noise = noise if noise > LEAST_NOISE else LEAST_NOISE
        self.variance /= factor * factor
