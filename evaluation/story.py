"""A result told to somebody who has never heard of queues: what was tried, what came of it, why.

Every number in a sentence is computed from the result; what the intervals do not allow is said to
be within chance. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.bootstrap import Metric
from evaluation.kinds import Kind, kinds
from evaluation.metrics_analyzer import BASELINE, Analysis, Claim, Comparison
from evaluation.notation import listed, ms, per_cent
from evaluation.records import ComparisonResult, ServerFacts
from evaluation.wording import judged
from rl.simulation.service import Phase

EXPLAINED = {
    "round_robin": "sends requests to the servers in turn, whatever they are like",
    "weighted_round_robin": "sends requests in turn, more to servers of more weight",
    "random": "rolls dice",
    "least_request": "sends each request where the fewest are under way",
    "power_of_two": "draws two servers and takes the one with fewer requests under way",
    "peak_ewma": "remembers how long each server took of late, counts who waits there already, and"
    " takes the shortest expected wait",
    "prequal": "asks a few servers now and then how busy they are, and takes the best of those",
    "bounded_hash": "always sends the same request to the same server, unless that has too much to"
    " do",
    "client_weighted": "gives each server a share that follows what the server reports of itself",
    "ucb": "tries servers by how promising they are and how little is known of them, and takes no"
    " account of lines",
    "thompson": "draws servers by how likely they are the quickest, and takes no account of lines",
    "q_learning": "learns by trial and reward which server suits which load (document 003's agent);"
    " it knows nothing at first",
    "marginal_cost": "learns from every answer how long each kind of request takes on each server,"
    " and sends a request where it costs least, the delay of those behind it included",
}
"""What a strategy does, in a few words."""

STATES = {
    "slow": "is {factor:g} times slower",
    "fail": "answers {share} of its requests with an error",
    "hang": "never answers {share} of its requests",
    "warm_up": "begins {factor:g} times slower and gets up to speed",
    "noise": "is now and then {factor:g} times slower",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def primer() -> list[str]:
    """What one has to know to read the rest."""
    return [
        "A load balancer stands in front of several servers and passes each request on to one of"
        " them. The rule by which it chooses is its strategy. Here several strategies get exactly"
        " the same requests, at the same moments, in front of the same servers.",
        "A server works on a few requests at a time; the others wait in line. Lines grow slowly as"
        " long as a server is busy half of the time, and without end when more comes in than it can"
        " do. A rule that sends a server too much makes people wait there while others are idle; so"
        " the choice decides how long everybody waits, though the servers stay the same.",
        "Latency is how long a request takes, from the moment at which it should leave to the last"
        " byte of its answer. The mean is what one gets on average; 95 of 100 requests are quicker"
        " than the P95, 99 of 100 quicker than the P99: those are the waits that people remember.",
        "Every number comes with an interval: measured again, it would probably lie in there. Where"
        " the interval of a difference includes zero, chance alone could have made it, and nothing"
        " is claimed.",
    ]


def glossary(strategies: Sequence[str]) -> list[tuple[str, str]]:
    """The strategies that are explained, with what they do."""
    return [(name, f"{EXPLAINED[name]}.") for name in strategies if name in EXPLAINED]


def introduction(result: ComparisonResult) -> list[str]:
    """What was tried."""
    found = [_servers(result.servers)]
    found += [
        f"{server.id} {_state(phase)}." for server in result.servers for phase in server.phases
    ]
    seeds = f" ({_number(len(result.seeds))} runs, with other dice)" if result.seeds[1:] else ""
    found.append(
        f"{result.request_rate:g} requests a second come in at irregular moments, about"
        f" {result.requests} in each run{seeds}."
    )
    many = kinds(result)
    if many:
        found.append(_mixed(many))
        busiest = _busiest(result, many)
        if busiest:
            found.append(busiest)
    return found


def tale(result: ComparisonResult, analysis: Analysis) -> list[str]:
    """What came of it, and why."""
    metric = judged(analysis)
    values = {name: each.metrics[metric].value for name, each in analysis.statistics.items()}
    if len(values) < 2:
        return []
    order = sorted(values, key=lambda name: values[name])
    first, last = order[0], order[-1]
    what = (
        "cost (the wait, and a second more for every failure)" if _failed(analysis) else "latency"
    )
    found = [
        f"The lowest mean {what} is {first}'s, {ms(values[first])} ms, and the highest {last}'s,"
        f" {ms(values[last])} ms; between them lie "
        + (listed([f"{name} ({ms(values[name])} ms)" for name in order[1:-1]]) or "none")
        + f". One request in twenty took longer than"
        f" {ms(analysis.statistics[first].metrics[Metric.P95].value)} ms with {first}, and than"
        f" {ms(analysis.statistics[last].metrics[Metric.P95].value)} ms with {last}."
    ]
    found += _chance(analysis, metric, first, order[1:])
    found += [_kind(kind, result, order) for kind in kinds(result)]
    if len(found) < 3:
        found += _where(result, analysis, first)
    return found


def in_short(title: str, result: ComparisonResult, analysis: Analysis) -> str:
    """One sentence for the top of the page."""
    metric = judged(analysis)
    values = {name: each.metrics[metric].value for name, each in analysis.statistics.items()}
    first = min(values, key=lambda name: values[name])
    comparison = analysis.against_baseline.get(first)
    if first == BASELINE or comparison is None:
        return f"{title}: the best is {first}, with {ms(values[first])} ms."
    difference = comparison.differences[metric]
    sure = "" if difference.claim is Claim.WIN else " (which may be chance)"
    best = analysis.best_classic
    verb = "costs (a failure a second more)" if _failed(analysis) else "takes"
    rule = (
        f"; with {best}, the best plain rule, {ms(values[best])} ms"
        if best is not None and best not in (first, BASELINE)
        else ""
    )
    return (
        f"{title}: with {first} a request {verb} {ms(values[first])} ms, with {BASELINE}, which"
        f" sends them around in turn, {ms(values[BASELINE])} ms:"
        f" {per_cent(abs(difference.relative.value))} less{sure}{rule}."
    )


def _servers(servers: Sequence[ServerFacts]) -> str:
    delays = [f"{server.base_delay_ms:g}" for server in servers]
    same = len(set(delays)) == 1
    speed = (
        f"{delays[0]} ms each"
        if same
        else f"{listed(delays)} ms"
        if len(delays) <= 10
        else (
            f"{min(server.base_delay_ms for server in servers):g} to"
            f" {max(server.base_delay_ms for server in servers):g} ms"
        )
    )
    slots = {server.slots for server in servers}
    if slots == {None}:
        lines = "They work on any number of requests at once, so nobody ever waits in line."
    elif len(slots) == 1:
        (count,) = slots
        lines = f"Each works on {_number(count or 0)} at a time; the others wait in line."
    else:
        lines = "How many requests a server works on at a time differs; the others wait in line."
    many = _number(len(servers))
    return f"{many[:1].upper()}{many[1:]} servers need {speed} for a request on average. {lines}"


def _state(phase: Phase) -> str:
    share = "all" if phase.probability == 1 else per_cent(phase.probability)
    state = STATES[phase.kind].format(factor=phase.factor, share=share)
    end = "the end" if phase.end is None else f"{phase.end:g} s"
    return f"{state} from {phase.start:g} s to {end}"


def _mixed(many: Sequence[Kind]) -> str:
    shares = [f"{per_cent(kind.share)} {kind.name}" for kind in many]
    text = f"The requests are of {_number(len(many))} kinds: {listed(shares)}."
    uneven = [kind for kind in many if len(set(kind.work.values())) > 1]
    for kind in uneven:
        best, worst = min(kind.work.values()), max(kind.work.values())
        good = [id for id, work in kind.work.items() if work == best]
        text += (
            f" For {kind.name} {listed(good)} {'is' if len(good) == 1 else 'are'} the right"
            f" {'place' if len(good) == 1 else 'places'}: {best:g} ms there, up to {worst:g} ms"
            " elsewhere."
        )
    return text


def _busiest(result: ComparisonResult, many: Sequence[Kind]) -> str:
    """The most loaded server, were the requests sent around evenly."""
    each = result.request_rate / len(result.servers) / 1000.0
    busy = {
        server.id: each * sum(kind.share * kind.work[server.id] for kind in many) / server.slots
        for server in result.servers
        if server.slots
    }
    if not busy:
        return ""
    id = max(busy, key=lambda name: busy[name])
    most = busy[id]
    much = (
        f"could not do its part: it would need {per_cent(most)} of its time"
        if most >= 1
        else f"would be busy for {per_cent(most)} of the time"
    )
    return f"Sent around evenly, {id} {much}."


def _chance(analysis: Analysis, metric: Metric, first: str, others: Sequence[str]) -> list[str]:
    """Whom the first is surely better than, as far as it was compared."""
    claims = {name: _claim(analysis, metric, first, name) for name in others}
    equal = [name for name, claim in claims.items() if claim is Claim.NO_DIFFERENCE]
    few = [name for name, claim in claims.items() if claim is Claim.TOO_FEW]
    found = []
    if equal:
        found.append(
            f"What lies between {first} and {listed(equal)} is within what chance can do: they may"
            " be equally good."
        )
    if few:
        found.append(
            f"Too few requests were measured to be sure that {first} is better than {listed(few)}."
        )
    return found


def _claim(analysis: Analysis, metric: Metric, one: str, other: str) -> Claim | None:
    """What may be said of one against another, where they were compared either way round."""
    for found in (analysis.against_baseline, analysis.against_best):
        for name, reference, turned in ((one, other, False), (other, one, True)):
            comparison: Comparison | None = found.get(name)
            if comparison is not None and comparison.baseline == reference:
                claim = comparison.differences[metric].claim
                if turned and claim in (Claim.WIN, Claim.LOSS):
                    return Claim.LOSS if claim is Claim.WIN else Claim.WIN
                return claim
    return None


def _kind(kind: Kind, result: ComparisonResult, order: Sequence[str]) -> str:
    known = [name for name in order if kind.latency.get(name, float("nan")) > 0]
    if len(known) < 2:
        return f"Of {kind.name} too few were answered to compare."
    best = min(kind.work.values())
    good = [server.id for server in result.servers if kind.work[server.id] == best]
    quick = min(known, key=lambda name: kind.latency[name])
    slow = max(known, key=lambda name: kind.latency[name])
    there = {name: sum(kind.placed[name].get(id, 0.0) for id in good) for name in (quick, slow)}
    text = (
        f"{kind.name} took {ms(kind.latency[quick])} ms on average with {quick} and"
        f" {ms(kind.latency[slow])} ms with {slow}"
    )
    if len(good) == len(result.servers):
        return text + "."
    return (
        f"{text}: {quick} sent {per_cent(there[quick])} of them to {listed(good)}, where they take"
        f" least, and {slow} {per_cent(there[slow])}."
    )


def _where(result: ComparisonResult, analysis: Analysis, first: str) -> list[str]:
    """The reason where servers differ in speed: who got how much."""
    speeds = {server.id: server.base_delay_ms for server in result.servers}
    reference = analysis.statistics.get(BASELINE)
    if len(set(speeds.values())) < 2 or reference is None or first == BASELINE:
        return []
    fast = min(speeds, key=lambda id: speeds[id])
    slow = max(speeds, key=lambda id: speeds[id])
    shares = analysis.statistics[first].shares

    def share(of: str, id: str) -> str:
        spread = (shares if of == first else reference.shares).get(id)
        return per_cent(spread.mean if spread else 0.0)

    return [
        f"Why: {BASELINE} sent {share(BASELINE, slow)} of the requests to {slow}, which takes"
        f" {speeds[slow] / speeds[fast]:.3g} times as long as {fast}; {first} sent"
        f" {share(first, slow)} there, and {share(first, fast)} to {fast}."
    ]


def _failed(analysis: Analysis) -> bool:
    return any(each.failures for each in analysis.statistics.values())


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
