"""A network's result in plain words. Whatever stands in a sentence was computed from the result;
nothing is said that the intervals do not allow. Pure.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, median

from evaluation.bootstrap import DRAWS
from evaluation.metrics_analyzer import Claim, Estimate
from evaluation.network.analysis import (
    CLEAN_WITHIN,
    LATE_WINDOWS,
    PUBLISHED,
    REFERENCE,
    Analysis,
    VariantStatistics,
)
from evaluation.network.records import (
    WINDOW,
    Change,
    ChangeKind,
    NetworkResult,
    Run,
    Setting,
    Shape,
)
from evaluation.network.recovery import Recovery
from evaluation.network.values import TOLERANCE, Valued, by_level, by_node, tells_values
from evaluation.notation import (
    MISSING,
    capital,
    counted,
    listed,
    ms,
    per_cent,
    span,
    with_span,
)
from evaluation.seeds import FEWEST_SEEDS

DOCUMENT = Shape(10, 10)
DRAFT_BAND = (17, 25)
"""Windows that document 000's draft needs with its cache mended, measured over six seeds."""
CHANGES = {
    ChangeKind.KILL: "a middle node was killed",
    ChangeKind.MOVE: "an origin moved to another edge node",
}


JUDGED = {
    Claim.WIN: "fewer than that",
    Claim.LOSS: "more than that",
    Claim.NO_DIFFERENCE: "no difference that the seeds show",
    Claim.TOO_FEW: "too few seeds to judge",
}


def group_label(group: tuple[Setting, Shape]) -> str:
    """``live, 3 × 3``."""
    return f"{group[0]}, {group[1].label}"


def share(estimate: Estimate) -> str:
    """``3.1 % (2.8 to 3.4)``."""
    return with_span(per_cent(estimate.value), span(estimate.interval, 100))


def clean_windows(statistics: VariantStatistics) -> tuple[str, str]:
    """The median of the first clean window, and the range, of the seeds that had one."""
    reached = [each for each in statistics.clean if each is not None]
    if not reached:
        return MISSING, ""
    return f"{median(reached):g}", f"{min(reached)} to {max(reached)}" if len(reached) > 1 else ""


def headlines(result: NetworkResult, analysis: Analysis) -> list[str]:
    """What a reader in a hurry must know."""
    found = []
    for group, variants in analysis.compared.items():
        own = next((each for each in variants if each.variant == REFERENCE), None)
        if own is not None:
            found.append(learned_sentence(group, own))
        others = [each for each in variants if each.variant.cache and each.variant != REFERENCE]
        if own is not None and others:
            found.append(against_sentence(group, own, others))
    found += recovery_sentences(analysis.recoveries)
    if analysis.values:
        found.append(values_sentence(analysis))
    return found


def learned_sentence(group: tuple[Setting, Shape], own: VariantStatistics) -> str:
    """How soon the network found its ways."""
    text = (
        f"{capital(group_label(group))}: a window of {WINDOW} requests without failure within"
        f" {CLEAN_WITHIN} windows in {own.clean_seeds} of {counted(len(own.seeds), 'seed')}"
    )
    if any(each is not None for each in own.clean):
        middle, between = clean_windows(own)
        text += f" (median {middle}, {between})" if between else f" ({middle})"
    if group == (Setting.VIRTUAL, DOCUMENT):
        text += (
            f"; document 000 was published with {len(PUBLISHED)}, its draft with the cache mended"
            f" needs {DRAFT_BAND[0]} to {DRAFT_BAND[1]}"
        )
    return text + "."


def against_sentence(
    group: tuple[Setting, Shape], own: VariantStatistics, others: Sequence[VariantStatistics]
) -> str:
    """Failures of the strategies that cache, the reference first."""
    by_claim: dict[Claim, list[str]] = defaultdict(list)
    for each in others:
        claim = (each.differences["failures"].claim if each.differences else None) or Claim.TOO_FEW
        by_claim[claim].append(f"{each.variant.strategy} {share(each.measures['failures'])}")
    parts = [f"{JUDGED[claim]}: {listed(names)}" for claim, names in sorted(by_claim.items())]
    return (
        f"{capital(group_label(group))}: {REFERENCE.strategy} failed"
        f" {share(own.measures['failures'])} of all requests, the time of learning included;"
        f" {'; '.join(parts)}."
    )


def recovery_sentences(recoveries: Sequence[Recovery]) -> list[str]:
    """One for each kind of change and shape."""
    found: dict[tuple[ChangeKind, Shape], list[Recovery]] = defaultdict(list)
    for each in recoveries:
        found[each.change.kind, each.run.shape].append(each)
    return [
        f"Live, {shape.label}: after {CHANGES[kind]}, {_recovered(own)}"
        for (kind, shape), own in found.items()
    ]


def _recovered(own: Sequence[Recovery]) -> str:
    seconds = [each.seconds for each in own if each.seconds is not None]
    failures = [each.failures for each in own]
    if not seconds:
        return "failures did not end while it was watched."
    text = (
        f"the last failure came after {median(seconds):.1f} s (median; {max(seconds):.1f} s at the"
        f" most) and {median(failures):g} requests failed (median; {max(failures)} at the most);"
        f" {counted(len(own), 'seed')}"
    )
    if len(seconds) < len(own):
        text += f"; in {len(own) - len(seconds)} of them failures did not end while it was watched"
    return text + "."


def values_sentence(analysis: Analysis) -> str:
    """Whether what the outermost nodes advertise is what their requests take."""
    shapes = dict.fromkeys(run.shape for run, _ in analysis.values)
    return " ".join(_values_of(analysis, shape) for shape in shapes)


def _values_of(analysis: Analysis, shape: Shape) -> str:
    own = [(run, found) for run, found in analysis.values if run.shape == shape]
    nodes = [each for _, found in own for each in by_node(found)]
    pairs = [each for _, found in own for each in found]
    if not nodes:
        return f"Too few answers to compare advertised values with true costs, {shape.label}."
    worst = max(nodes, key=lambda each: abs(each.error))
    runs = len(own)
    requests = round(fmean(len(run.requests) for run, _ in own))
    tolerance = f"{TOLERANCE * 100:.0f} %"
    return (
        f"Live, {shape.label}, reward latency, no caches: what an outermost node advertises in the"
        f" last half of {requests} requests lies within {tolerance} of the true mean cost at"
        f" {_within(nodes)} of {len(nodes)} nodes and for {_within(pairs)} of"
        f" {counted(len(pairs), 'pair')} of a node and a domain,"
        f" {counted(runs, 'run')}; the worst node is off by"
        f" {per_cent(worst.error, signed=True)} ({ms(worst.advertised)} ms advertised,"
        f" {ms(worst.cost)} ms true)."
    )


def _within(found: Sequence[Valued]) -> int:
    return sum(abs(each.error) <= TOLERANCE for each in found)


def warnings(result: NetworkResult) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = []
    if result.interrupted:
        found.append(
            "The experiment ended early; the report is made of what was measured until then."
            + (f" {result.problem.splitlines()[0]}." if result.problem else "")
        )
    cut = sum(not run.complete for run in result.runs)
    if cut:
        found.append(f"{counted(cut, 'run')} cut short: not in the comparisons.")
    return found


def captions(result: NetworkResult, analysis: Analysis) -> dict[str, str]:
    """What stands under each plot, by the plot's name; drawings of links have their own."""
    recovered = recovery_sentences(analysis.recoveries)
    return {
        "failures_per_window": _failures_caption(analysis),
        "windows_until_clean": " ".join(
            learned_sentence(group, each)
            for group, variants in analysis.compared.items()
            for each in variants
            if each.variant == REFERENCE
        ),
        "hops_per_request": _hops_caption(analysis),
        "cache_hits": _hits_caption(analysis),
        "recovery": " ".join(recovered),
        "values": values_sentence(analysis) if analysis.values else "",
        "cost_by_level": _cost_caption(result),
    }


def links_caption(run: Run) -> str:
    """Of the drawing of a run's links."""
    last = run.snapshots[-1]
    tried = sum(link.value is not None for link in last.links)
    text = (
        f"{capital(group_label((run.setting, run.shape)))}, seed {run.seed}, {run.domain}:"
        f" after {counted(last.windows, 'window')} {tried} of {len(last.links)} links have been"
        " tried."
    )
    return " ".join([text, *(f"{change_text(change)}." for change in run.changes)])


def change_text(change: Change) -> str:
    """``At 4.0 s node 202 is killed``."""
    return f"At {change.at:.1f} s {change.text}"


def _failures_caption(analysis: Analysis) -> str:
    parts = []
    for group, variants in analysis.compared.items():
        for each in variants:
            if each.variant == REFERENCE:
                late = share(each.measures["late failures"])
                parts.append(
                    f"{group_label(group)}: {late} of the last {LATE_WINDOWS * WINDOW} requests"
                )
    return f"What {REFERENCE.strategy} still fails at the end. {'; '.join(parts)}." if parts else ""


def _hops_caption(analysis: Analysis) -> str:
    parts = []
    for group, variants in analysis.compared.items():
        hops = {
            each.variant.cache: each.measures["hops"].value
            for each in variants
            if each.variant.strategy == REFERENCE.strategy
        }
        if len(hops) == 2 and all(map(math.isfinite, hops.values())):
            parts.append(
                f"{group_label(group)}: {hops[True]:.1f} nodes with cache,"
                f" {hops[False]:.1f} without"
            )
    if not parts:
        return ""
    return f"An answered request of {REFERENCE.strategy} passes at the end: {'; '.join(parts)}."


def _hits_caption(analysis: Analysis) -> str:
    parts = [
        f"{per_cent(each.hits)} ({group_label(group)})"
        for group, variants in analysis.compared.items()
        for each in variants
        if each.variant == REFERENCE and math.isfinite(each.hits)
    ]
    return f"Caches answer of the last requests: {', '.join(parts)}." if parts else ""


def costed(result: NetworkResult) -> list[Run]:
    """The runs whose latency is drawn hop by hop: the first of each shape."""
    found: dict[Shape, Run] = {}
    for run in result.runs:
        if run.hops and tells_values(run):
            found.setdefault(run.shape, run)
    return list(found.values())


def _cost_caption(result: NetworkResult) -> str:
    runs = costed(result)
    if not runs:
        return ""
    parts = ", ".join(
        f"{ms(each.measured)} ms from level {each.level}" for each in by_level(runs[-1])
    )
    return (
        f"What is left of a request's way, {runs[-1].shape.label}, seed {runs[-1].seed}: {parts}."
        " The difference of two levels is what one hop costs."
    )


def method(result: NetworkResult) -> list[str]:
    """How the numbers were made."""
    live = any(run.setting is Setting.LIVE for run in result.runs)
    virtual = any(run.setting is Setting.VIRTUAL for run in result.runs)
    found = []
    if virtual:
        found.append(
            "Virtual: document 000's network, one request at a time, its loads a random walk and"
            " its rewards as written there; nodes, policies and caches are those of the proxy"
            " itself, driven in virtual time. shortest_path is told the graph: a bound that nobody"
            " can reach who must learn it."
        )
    if live:
        found.append(
            "Live: all nodes as real proxies on one machine, in a process of their own, with the"
            " origins; real HTTP requests at random moments (Poisson), to an outermost node, a"
            " domain and a page drawn at random. The load does not wait for answers (an open loop),"
            " and latency counts from the moment at which a request should have been sent. A"
            " refusal is not tried again at another node, as in document 000 and unlike a network's"
            " own settings: with those hardly anything would fail, and failures would tell nothing"
            " of what was learned."
        )
    found += [
        "A request fails when its status is 400 or more, or when no complete answer comes. Every"
        " run begins with a network that knows nothing; all strategies get the same graph and the"
        " same requests under one seed.",
        "Seeds are compared pairwise: a variant minus"
        f" {REFERENCE.strategy} with caches under the same seed. The intervals are 95 % percentile"
        f" intervals of a bootstrap over the seeds ({DRAWS} draws), widened for their small number"
        " (Hesterberg 2015). A win or a loss is claimed only where the interval of the difference"
        f" excludes zero, and never of fewer than {FEWEST_SEEDS} seeds.",
        f"Recovery is judged from the change to the last failure before {WINDOW} requests in a row"
        " succeed.",
        "Advertised values are the means of the Q headers over the last half of a run, true costs"
        " the means of the time to the first byte that the same node measured for the same"
        " requests; caches are off.",
    ]
    return found


def limits(result: NetworkResult) -> list[str]:
    """What the numbers do not show."""
    cores = result.circumstances.machine.cores
    return [
        f"Load, nodes and origins share one machine with {cores} processors and its loopback; no"
        " link has a delay of its own.",
        "Random, round robin and least request know nothing of domains: in a network whose edge"
        " nodes each know a few origins they cannot but fail. That they fail says that routes must"
        " be learned or told, not that q_routing beats a routing protocol, which shortest_path"
        " stands for.",
        "Hops and latency are of answered requests. A strategy that fails where the way is long,"
        " and answers from caches near by, looks short and quick; it is compared in these only"
        " where both answer nearly everything.",
    ]


def described(result: NetworkResult) -> str:
    """What was measured, for the subtitle."""
    shapes = dict.fromkeys((run.setting, run.shape) for run in result.runs)
    return listed([group_label(each) for each in shapes]) or "nothing"
