"""What is learned of one endpoint: its service per class of requests, its wait by load, its speed
of now, its failures, and what one more request costs the later ones.

The load is in jobs of the endpoint's mean size: what is in flight weighs as its class was seen to.
Latency of a request of class k that finds the load u is taken for

    speed * (service[k] * affinity + wait[bin of u])

Evidence goes to ``raw`` and ``waited`` at once; the tables that choices are made from (``service``,
``wait``, ``extra``, ``relative``) are fitted to it now and then by ``endpoint_fit``. ``wait`` and
``extra`` are written then only; they are arrays, which take a third of the memory of a list and its
numbers. The others are lists: to put a number into an array takes four times as long.
"""

from __future__ import annotations

from array import array
from math import inf

from rl.marginal_cost.drift import SpeedScale
from rl.marginal_cost.failing import Failing
from rl.marginal_cost.load_bins import BIN, BINS, TOP

UNKNOWN_SERVICE = 0.05
"""Seconds, while nothing at all is known: nobody's choice depends on it."""

FLOOR_RATE = 0.004
"""Of the mean service, over ``patience``: samples of the last few hundred requests count. What is
faster is for the speed scale."""

MOST_KNOWN = 2.0 / FLOOR_RATE
"""Samples that an average at that rate is worth: its variance is rate / 2 of theirs."""

WAIT_FLOOR_RATE = 0.01
"""Of the wait at one load, over ``patience``."""

SETTLED = 64.0
"""Samples of a class here, until which they teach its service at any load."""

LEAST_SERVICE = 1e-6
"""Seconds. Waits that were overestimated for long must not drive a service to nothing: ratios to it
are taken for those of other endpoints when a class is split."""

KNOWN = 32.0
"""Samples of a class here, until which they tell nothing of the speed: till then it is the class
that is not known. A speed that took the blame for a bad first guess is wrong for all classes."""

LOADED_RATE = 0.0005
"""Of the mean service at higher loads: there the wait explains the rest, and a queue that grows
must not be taken for slow service, or it would be fed."""

OUTLIER = 10.0
"""Times the service beyond the wait that a sample counts as at the most; the same at any load, or
waits would be seen where there are none."""

REFRESH_EVERY = 32
"""Completions between two fits, once there were as many; before, each doubling is one."""


ZEROS = bytes(8 * BINS)


class EndpointModel:
    """One endpoint, as one balancer knows it.

    Attributes:
        open: requests in flight as believed; the endpoint's stats know better.
        work: what they weigh, in jobs of mean size.
        bin: of that load.
        service: seconds per class, as choices are made from.
        relative: service over mean service, by class.
        raw, count: measured service by class, and samples.
        mix: completions by class, discounted.
        mean: service over all classes, in the endpoint's own mix.
        wait: seconds, by bin, never falling.
        extra: seconds that a job of mean size costs others, by bin.
        waited, wait_count: measured wait by bin, and samples.
        speed: factor on all of its latency now.
        failing: seconds that a request loses by failures here.
        servers: how many it works on in parallel; infinite while no load has made it slower.
        free: up to this bin nobody is taken to wait.
        measured: by its own latencies alone, which are worth ``saturated`` samples.
        patience: how many times as long as usual evidence counts, since sizes vary so much. The
            least rates of the averages, ``floor`` and ``wait_floor``, follow from it.
        proven: as many are known to run in parallel.
        sent: requests since the rate was last measured; ``rate`` per second.
        heard_at: last completion.
        interval: seconds without one, after which it is probed.
        costs: by class, seconds of one more request here, as last worked out.
        valid: the bit ``1 << number`` stands for a cost that still is true. Most endpoints have not
            changed between two looks at them. Who changes a table, ``speed``, ``failing`` or
            ``bin`` sets it to 0.
    """

    __slots__ = (
        "bin",
        "completions",
        "costs",
        "count",
        "drift",
        "extra",
        "failing",
        "failures",
        "floor",
        "free",
        "heard_at",
        "id",
        "interval",
        "mean",
        "measured",
        "mix",
        "open",
        "patience",
        "proven",
        "rate",
        "raw",
        "relative",
        "saturated",
        "sent",
        "servers",
        "service",
        "speed",
        "valid",
        "wait",
        "wait_count",
        "wait_floor",
        "waited",
        "work",
    )

    def __init__(self, id: str, classes: int, now: float, interval: float, used: int = 1) -> None:
        """
        Args:
            classes: that there may be.
            used: of them, for as many of which there is room in ``costs``.
        """
        self.id = id
        self.open = 0
        self.work = 0.0
        self.bin = 0
        self.raw = [0.0] * classes
        self.count = [0.0] * classes
        self.mix = [0.0] * classes
        self.mean = UNKNOWN_SERVICE
        self.service = [UNKNOWN_SERVICE] * classes
        self.relative = [1.0] * classes
        self.waited = [0.0] * BINS
        self.wait_count = [0.0] * BINS
        self.wait = array("d", ZEROS)
        self.extra = array("d", ZEROS)
        self.make_room(used)
        self.drift = SpeedScale()
        self.speed = 1.0
        self.failures = Failing()
        self.failing = 0.0
        self.servers = inf
        self.measured = 0.0
        self.be_patient(1.0)
        self.proven = 1.0
        self.free = 0
        self.saturated = 0.0
        self.sent = 0
        self.rate = 0.0
        self.completions = 0
        self.heard_at = now
        self.interval = interval

    def resemble(self, newcomer: EndpointModel) -> None:
        """Be as a newcomer is thought to be, and go along when that changes, until ``part``."""
        self.service = newcomer.service
        self.relative = newcomer.relative
        self.wait = newcomer.wait
        self.extra = newcomer.extra
        self.valid = 0

    def part(self, newcomer: EndpointModel) -> None:
        """The first of its own evidence: tables of its own, which begin as the newcomer's."""
        self.service = newcomer.service[:]
        self.relative = newcomer.relative[:]
        self.wait = newcomer.wait[:]
        self.extra = newcomer.extra[:]
        self.mean = newcomer.mean
        self.servers = newcomer.servers
        self.rate = newcomer.rate

    def make_room(self, used: int) -> None:
        """For the costs of so many classes, none of which is known."""
        self.costs = [0.0] * used
        self.valid = 0

    def be_patient(self, patience: float) -> None:
        """Evidence counts so many times as long as usual."""
        self.patience = patience
        self.floor = FLOOR_RATE / patience
        self.wait_floor = WAIT_FLOOR_RATE / patience

    def reconcile(self, in_flight: int) -> None:
        """Believe ``in_flight``. What ended unheard of weighed as all did on average, what was sent
        by somebody else is of mean size."""
        before = self.open
        if in_flight > before:
            self.work += in_flight - before
        elif in_flight > 0:
            self.work *= in_flight / before
        else:
            self.work = 0.0
        self.open = in_flight
        self.valid = 0
        load = int(self.work + 0.5)
        self.bin = BIN[load if load < TOP else TOP]

    def learn(self, number: int, bin: int, affinity: float, latency: float) -> float:
        """A good answer.

        Args:
            number: the request's class.
            bin: of the load that it found.
            affinity: factor on the service of its key here.

        Returns:
            Its service over what was expected.
        """
        self.valid = 0
        services, raws, counts = self.service, self.raw, self.count
        service = services[number]
        counts[number] = count = counts[number] + 1.0
        own = service * affinity
        # As measured: the formula's guess at a load that was never seen must not teach the service.
        free = self.free
        loaded = bin > free
        waited = self.waited
        waiting = waited[bin] if loaded else 0.0
        if waiting < 0.0:
            waiting = 0.0
        expected = own + waiting
        speed = self.speed
        if count < 2.0 and not raws[number]:
            # The first one says more than any guess did.
            took = latency / speed
            observed = max(took - waiting, 0.2 * latency / speed)
            raws[number] = services[number] = observed / affinity
            self.relative[number] = raws[number] / self.mean
        else:
            if count > KNOWN:
                self.speed = speed = self.drift.learn(latency / expected)
            took = latency / speed
            most = OUTLIER * own + waiting
            seconds = took if took < most else most
            residual = seconds - expected
            rate = 1.0 / count
            if loaded:
                if count > SETTLED:
                    rate = LOADED_RATE
            elif rate < self.floor:
                rate = self.floor
            if affinity != 1.0:
                rate *= affinity / (affinity * affinity if affinity > 0.55 else 0.3)
            least = 0.05 * service
            if least < LEAST_SERVICE:
                least = LEAST_SERVICE
            raw = raws[number]
            raw += rate * (residual + (service - raw) * affinity)
            raws[number] = raw if raw > least else least
            moved = service + rate * residual
            if moved < least:
                moved = least
            services[number] = moved
            self.relative[number] = moved / self.mean
            found = self.wait_count
            found[bin] = count = found[bin] + 1.0
            rate = 1.0 / count
            if rate < self.wait_floor:
                rate = self.wait_floor
            before = waited[bin]
            waited[bin] = before + rate * (seconds - own - before)
        self.mix[number] += 1.0
        return (took - waiting) / own if own > 0.0 else 1.0

    def due(self) -> bool:
        """One more completion: whether a fit is due."""
        self.completions = done = self.completions + 1
        return not done % REFRESH_EVERY or (done < REFRESH_EVERY and not done & (done - 1))
