"""Formulas of queueing theory: waiting, and what one more request costs those that come after it.

``servers`` may be a fraction: what is learned of an endpoint is a capacity, not a count. Its jobs
then leave at the rate min(n, servers) / service, n being how many are there. Knows no endpoints.
"""

from __future__ import annotations


def erlang_c(servers: int, offered: float) -> float:
    """The probability that an arrival must wait in M/M/c (Erlang 1917).

    Computed from Erlang B's recursion B(k) = a B(k-1) / (k + a B(k-1)), which neither overflows nor
    loses digits.

    Args:
        servers: c, at least 1.
        offered: a, arrivals per service time; below c.

    Raises:
        ValueError: the queue has no steady state.
    """
    _require_stable(servers, offered)
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = offered * blocked / (busy + offered * blocked)
    return blocked / (1.0 - offered / servers * (1.0 - blocked))


def mean_number(servers: int, offered: float) -> float:
    """Jobs in M/M/c on average, those in service included."""
    load = offered / servers
    return offered + erlang_c(servers, offered) * load / (1.0 - load)


def pollaczek_khinchine(service: float, variation: float, rate: float) -> float:
    """Mean wait before service in M/G/1, first come first served (Pollaczek 1930, Khinchine 1932).

    Args:
        service: its mean, in seconds.
        variation: of service, squared: variance / mean^2; 1 if exponential, 0 if constant.
        rate: arrivals per second.

    Raises:
        ValueError: the queue has no steady state.
    """
    load = rate * service
    _require_stable(1, load)
    return load * service * (1.0 + variation) / 2.0 / (1.0 - load)


def value_differences(servers: float, service: float, rate: float, length: int) -> list[float]:
    """What one more job costs in an M/M/c queue: h(n+1) - h(n) for n = 0 … length-1, in seconds.

    h is the relative value function of the cost "jobs present", so that by Little's law the
    difference is the total of seconds that everybody, the new job included, spends there because
    of it. With g the mean number of jobs and m(n) = min(n, c) / service, Poisson's equation

        n - g + rate (h(n+1) - h(n)) - m(n) (h(n) - h(n-1)) = 0

    gives d(n) = h(n+1) - h(n) from d(n+1), downwards:

        d(n) = (n + 1 - g + rate d(n+1)) / m(n+1)

    and for n >= c - 1, where m is constant, the only solution that does not grow exponentially:

        d(n) = B (n + 1/(1-load) - g),    B = service / (c (1-load)).

    All is linear in g, and the equation at n = 0, rate d(0) = g, settles g. So d(0) = D - E g
    yields g = D / (E + 1/rate), and no sum over states is needed.

    Krishnan 1990, "Joining the right queue: a state-dependent decision rule"; Bhulai and Koole
    2003, "On the structure of value functions for threshold policies in queueing models", with the
    same equation. One step of policy improvement upon random splitting joins the queue where d is
    lowest (Norman 1972, "Heuristic procedures in dynamic programming").

    Args:
        servers: c, more than 0, may be a fraction.
        service: mean seconds of one job on one server.
        rate: arrivals per second under the policy that is improved upon.

    Raises:
        ValueError: the queue has no steady state.
    """
    _require_stable(servers, rate * service)
    load = rate * service / servers
    if rate <= 0.0:  # whoever comes delays nobody
        return [service * max(1.0, (n + 1) / servers) for n in range(length)]
    slope = service / (servers * (1.0 - load))
    spare = 1.0 / (1.0 - load)
    first = max(0, -int(-servers // 1) - 1)  # the first n with n + 1 >= c
    constant = slope * (first + spare)
    by_mean = slope  # d(n) = constant - by_mean g
    below = [(constant, by_mean)]
    for n in range(first - 1, -1, -1):  # n + 1 < servers
        pace = service / (n + 1.0)
        constant = (n + 1.0 + rate * constant) * pace
        by_mean = (1.0 + rate * by_mean) * pace
        below.append((constant, by_mean))
    mean = constant / (by_mean + 1.0 / rate)
    differences = [constant - by_mean * mean for constant, by_mean in reversed(below[1:])]
    differences += [slope * (n + spare - mean) for n in range(first, length)]
    return differences[:length]


def externality(servers: float, service: float, rate: float, length: int) -> list[float]:
    """Seconds that a job costs later ones, if it finds n jobs: its value difference without its own
    stay, service * max(1, (n+1)/c). Never below 0, where rounding or a fraction of a server would
    have it so."""
    extra = []
    for n, difference in enumerate(value_differences(servers, service, rate, length)):
        stretch = (n + 1) / servers
        seconds = difference - (service * stretch if stretch > 1.0 else service)
        extra.append(seconds if seconds > 0.0 else 0.0)
    return extra


def _require_stable(servers: float, offered: float) -> None:
    if servers <= 0 or not 0.0 <= offered < servers:
        raise ValueError(f"no steady state with {servers} servers and a load of {offered}")
