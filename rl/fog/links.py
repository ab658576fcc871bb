"""How long messages take: radio and fibre by the Shannon-Hartley theorem.

A channel of bandwidth B (Hz) carries C = B log2(1 + 10^(SNR/10)) bits per second. Over fibre the
SNR (dB) is a setting. By radio, from a transmitter of P dBm over d metres at 2.4 GHz,

    SNR = P + 10 log10(lambda^2 / (16 pi^2)) - 20 log10(d) - N0,    N0 = -174 + 10 log10(X) dBm

(Friis 1946, "A note on a simple transmission formula"; thermal noise at 290 K). X is the bandwidth
in Hz. The original puts the *size of the message in bits* there, so that longer messages meet more
noise: that is what ``compat`` does.
"""

from __future__ import annotations

import math

from rl.fog.settings import FogSettings
from rl.fog.topologies import Layout, channel, only_channel

WAVELENGTH_METERS = 0.125
"""Of 2.4 GHz."""

THERMAL_NOISE_DBM = -174.0
"""Per hertz, at room temperature."""

BITS = 8
PATH_DB = 10.0 * math.log10(WAVELENGTH_METERS**2 / (16.0 * math.pi**2))


def noise_dbm(over: float) -> float:
    """Args:
    over: what the noise is in proportion to: hertz, or in compat bits.
    """
    return THERMAL_NOISE_DBM + 10.0 * math.log10(over)


def wireless_snr_db(distance_meters: float, power_dbm: float, noise_dbm: float) -> float:
    """Signal to noise by radio."""
    return power_dbm + PATH_DB - 20.0 * math.log10(distance_meters) - noise_dbm


def capacity(bandwidth_hertz: float, snr_db: float) -> float:
    """Bits per second."""
    if snr_db > 200:  # where 10^(SNR/10) would grow out of all range the 1 does not count
        return bandwidth_hertz * snr_db / 10.0 * math.log2(10.0)
    return bandwidth_hertz * math.log1p(10.0 ** (snr_db / 10.0)) / math.log(2.0)


class Links:
    """The delays between the nodes and clouds of one layout."""

    def __init__(self, settings: FogSettings, layout: Layout) -> None:
        self._settings = settings
        self._positions = layout.positions
        self._layers = layout.layers
        self._longest = max(1, 10 * settings.last_tick)
        self._scale = settings.ticks_per_second
        self._compat = settings.compat
        # What is the same for all pairs is worked out once: a large fog has thousands of them.
        self._only = settings.channels[0] if only_channel(settings) else ""
        self._noise_db = noise_dbm(settings.bandwidth_hertz)
        self._fibre = capacity(settings.bandwidth_hertz, settings.fibre_snr_db)

    def bits_per_second(self, sender: int, receiver: int, size_bytes: float) -> float:
        """Of the link; infinite where both are in one place. The size counts in compat alone."""
        settings = self._settings
        distance = math.dist(self._positions[sender], self._positions[receiver])
        if distance == 0.0:
            return math.inf
        kind = self._only
        if not kind:
            number = channel(settings, self._layers[sender], self._layers[receiver])
            kind = settings.channels[max(0, number)]
        if kind == "fibre":
            return self._fibre
        noise = noise_dbm(max(size_bytes * BITS, 1e-9)) if self._compat else self._noise_db
        return capacity(
            settings.bandwidth_hertz, wireless_snr_db(distance, settings.power_dbm, noise)
        )

    def seconds(self, sender: int, receiver: int, size_bytes: float) -> float:
        """How long a message of that size takes, not yet cut into ticks."""
        if sender == receiver or size_bytes <= 0:
            return 0.0
        rate = self.bits_per_second(sender, receiver, size_bytes)
        return size_bytes * BITS / rate if rate else math.inf

    def ticks(self, sender: int, receiver: int, size_bytes: float) -> int:
        """The same in whole ticks, at least one. What would never arrive takes ten episodes.

        The original rounds to seconds before it counts ticks.
        """
        seconds = self.seconds(sender, receiver, size_bytes)
        scale = self._scale
        if not seconds * scale < self._longest:
            return self._longest
        if self._compat:
            return max(1, math.floor(seconds + 0.5) * scale)
        return max(1, math.floor(seconds * scale + 0.5))
