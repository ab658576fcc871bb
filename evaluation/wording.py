"""Results in plain words: numbers with units, claims as sentences, captions from the data.

Whatever stands in a sentence was computed from the result; nothing is said that the intervals do
not allow. Pure.
"""

from __future__ import annotations

import numpy as np

from evaluation.bootstrap import BLOCK, DRAWS, Interval, Metric
from evaluation.curves import WINDOW, latency_over_time
from evaluation.metrics_analyzer import (
    BASELINE,
    FEWEST_PAIRS,
    Analysis,
    Claim,
    Comparison,
    Estimate,
)
from evaluation.notation import MISSING, listed, ms, number, per_cent, span, with_span
from evaluation.records import ComparisonResult

NAMES = {
    Metric.MEAN: "mean latency",
    Metric.P50: "P50",
    Metric.P95: "P95",
    Metric.P99: "P99",
    Metric.SD: "standard deviation",
    Metric.CV: "coefficient of variation",
    Metric.COST: "mean cost",
    Metric.SUCCESS: "success rate",
    Metric.LATE_MEAN: "mean latency of the second half",
}
LAG_WORTH_A_WARNING = 0.010
"""Seconds. Beyond it the load itself, not the balancer, shows in the latencies."""


def metric_value(metric: Metric, value: float) -> str:
    """The value with its unit."""
    if metric is Metric.SUCCESS:
        return per_cent(value)
    if metric is Metric.CV:
        return number(value, digits=3)
    return f"{ms(value)} ms"


def metric_interval(metric: Metric, interval: Interval | None) -> str:
    """``78.0 to 79.3``, or nothing."""
    if metric is Metric.CV:
        return span(interval, digits=3)
    return span(interval, 100 if metric is Metric.SUCCESS else 1000)


def change(metric: Metric, estimate: Estimate, relative: bool) -> str:
    """A difference with its interval: ``−18.9 ms (−20.1 to −17.7)``."""
    scale, unit = (100, "%") if relative else _unit(metric)
    text = f"{number(estimate.value * scale, signed=True)} {unit}"
    return with_span(text, span(estimate.interval, scale, signed=True))


def described(result: ComparisonResult) -> str:
    """The scenario in a few words, without a capital or a full stop."""
    delays = [f"{server.base_delay_ms:g}" for server in result.servers]
    return result.circumstances.description or f"servers of {listed(delays)} ms"


def judged(analysis: Analysis) -> Metric:
    """What strategies are judged by: the mean latency; the mean cost as soon as anything fails."""
    failed = any(each.failures for each in analysis.statistics.values())
    return Metric.COST if failed else Metric.MEAN


def sentence(comparison: Comparison, metric: Metric) -> str:
    """The claim on one metric."""
    difference = comparison.differences[metric]
    ours, theirs, what = comparison.strategy, comparison.baseline, NAMES[metric]
    if difference.claim is Claim.TOO_FEW:
        return (
            f"Too few requests to compare {ours} with {theirs}: {comparison.pairs} pairs show"
            f" {change(metric, difference.absolute, False)}."
        )
    if difference.claim is Claim.NO_DIFFERENCE:
        return (
            f"No difference between {ours} and {theirs} in {what}: the interval of"
            f" {change(metric, difference.absolute, False)} includes zero."
        )
    lower = difference.absolute.value < 0
    amount = (
        f"{per_cent(abs(difference.relative.value))} {'lower' if lower else 'higher'}"
        if metric is not Metric.SUCCESS
        else f"{'lower' if lower else 'higher'}"
    )
    return (
        f"{ours}'s {what} is {amount} than {theirs}'s,"
        f" {change(metric, difference.absolute, False)}: a {difference.claim.value}."
    )


def seeds_agreeing(comparison: Comparison) -> str:
    """``3 of 3 seeds lower``: in how many seeds the mean latency points the way of the whole."""
    if not comparison.seed_differences:
        return MISSING
    lower = comparison.differences[Metric.MEAN].absolute.value < 0
    agree = sum((each < 0) is lower for each in comparison.seed_differences.values())
    return f"{agree} of {len(comparison.seed_differences)} {'lower' if lower else 'higher'}"


def headlines(result: ComparisonResult, analysis: Analysis) -> list[str]:
    """What a reader in a hurry must know: the learners first, else every strategy."""
    learners = [name for name in analysis.statistics if name not in result.classics]
    metric = judged(analysis)
    found = []
    for name in learners or list(analysis.statistics):
        if name in analysis.against_baseline:
            found.append(sentence(analysis.against_baseline[name], metric))
        if analysis.best_classic != BASELINE and name in analysis.against_best and learners:
            found.append(sentence(analysis.against_best[name], metric))
    if metric is Metric.COST:
        found.append(
            "Some requests failed, so the strategies are judged by cost: the time waited, and one"
            " second more for every failure."
        )
    return found


def warnings(result: ComparisonResult, analysis: Analysis) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = []
    if result.interrupted:
        complete = sum(run.complete for run in result.runs)
        planned = len(result.strategies) * len(result.seeds)
        found.append(
            f"The experiment ended early: {complete} of {planned} runs are complete, and strategies"
            " may have been measured on different seeds."
            + (f" {result.problem.splitlines()[0]}." if result.problem else "")
        )
    found += [
        f"{name}'s only run was cut short; its numbers are of {statistics.requests} requests."
        for name, statistics in analysis.statistics.items()
        if statistics.partial
    ]
    late = max(
        analysis.statistics.values(), key=lambda statistics: statistics.lag_p99, default=None
    )
    if late is not None and late.lag_p99 > LAG_WORTH_A_WARNING:
        found.append(
            f"The load left late: by {ms(late.lag_p99)} ms (P99) with {late.strategy}. That is part"
            " of the latencies. The machine was busy; a lower --rate helps."
        )
    unplaced = sum(
        request.success and not request.endpoint for run in result.runs for request in run.requests
    )
    if unplaced:
        found.append(f"The balancer's log lacks {unplaced} of the answered requests.")
    return found


def lateness(analysis: Analysis) -> str:
    """How punctual the load was."""
    late = max((each.lag_p99 for each in analysis.statistics.values()), default=0.0)
    return f"99 of 100 requests left at most {ms(late)} ms later than intended"


def captions(result: ComparisonResult, analysis: Analysis) -> dict[str, str]:
    """One sentence under each plot."""
    return {
        "comparison_summary": _extremes(analysis, judged(analysis)),
        "learning_curve": _learning(result, analysis),
        "latency_distribution": _extremes(analysis, Metric.P99),
        "latency_over_time": _worst_moment(result, analysis),
        "server_utilization": _most_divided(result, analysis),
        "throughput_comparison": _throughput(result, analysis),
    }


def method(result: ComparisonResult) -> list[str]:
    """How the numbers were made."""
    counted = result.requests - result.warmup
    return [
        f"Every strategy got the same {result.requests} requests at the same moments, once for each"
        " seed, in a balancer process of its own that knew nothing. The servers were reset before"
        " each run, and the order of the strategies was shuffled for each seed.",
        "The load does not wait for answers (an open loop), and latency counts from the moment at"
        " which a request should have been sent, so that a stall shows in every request it delays.",
        f"The first {result.warmup} requests of a run warm up: they are in the CSV and in the"
        f" curves over time, and not in the {counted} that the statistics count.",
        "The latency of a failed request is left out of the latency statistics. Cost is the time"
        " waited plus one second for every failure; where nothing fails it is the mean latency.",
        "Strategies are compared request by request: the same seed and index is the same request at"
        " the same moment. The intervals are 95 % percentile intervals of a block bootstrap"
        f" ({DRAWS} draws, blocks of up to {BLOCK} consecutive requests, drawn within each seed;"
        " Künsch 1989, Politis and Romano 1992), widened for the small number of blocks"
        " (Hesterberg 2015). Blocks keep together what shares a queue.",
        "A win or a loss is claimed only where the interval of the difference excludes zero and at"
        f" least {FEWEST_PAIRS} pairs were measured.",
        "The best classic is chosen after the fact: the lowest mean cost among"
        f" {listed(result.classics) or 'none'}. Nobody has that choice beforehand, which makes it a"
        " hard reference.",
    ]


def limits(result: ComparisonResult, analysis: Analysis) -> list[str]:
    """What the numbers do not show."""
    claims = sum(
        len(comparison.differences)
        for each in (analysis.against_baseline, analysis.against_best)
        for comparison in each.values()
    )
    seeds = "this one seed" if len(result.seeds) == 1 else f"these {len(result.seeds)} seeds"
    return [
        f"Load, balancer and {len(result.servers)} servers shared one machine with"
        f" {result.circumstances.machine.cores} processors; the servers wait rather than compute.",
        f"The intervals speak of requests like those of {seeds}. How a learner would have fared"
        " with other dice shows only in the spread over the seeds.",
        f"About {claims} differences are judged, each at 95 %; one in twenty of those without any"
        " would look like one by chance.",
        "Dependence that reaches further than a block makes the intervals too narrow: a queue that"
        " takes seconds to drain, or a learner that keeps to a choice for hundreds of requests.",
        "One scenario, one rate: another mix of servers or load may turn the order around.",
    ]


def _unit(metric: Metric) -> tuple[float, str]:
    return (100, "points") if metric is Metric.SUCCESS else (1000, "ms")


def _extremes(analysis: Analysis, metric: Metric) -> str:
    values = {
        name: each.metrics[metric].value
        for name, each in analysis.statistics.items()
        if np.isfinite(each.metrics[metric].value)
    }
    if not values:
        return "No request succeeded."
    low, high = min(values, key=lambda n: values[n]), max(values, key=lambda n: values[n])
    what = NAMES[metric]
    if low == high:
        return f"{low}'s {what} is {ms(values[low])} ms."
    return (
        f"{low} has the lowest {what}, {ms(values[low])} ms, and {high} the highest,"
        f" {ms(values[high])} ms."
    )


def _learning(result: ComparisonResult, analysis: Analysis) -> str:
    learners = [name for name in analysis.statistics if name not in result.classics]
    parts = []
    for name in learners or list(analysis.statistics)[:1]:
        runs = result.runs_of(name)
        first = [r.latency for run in runs for r in run.requests[:WINDOW] if r.success]
        last = [r.latency for run in runs for r in run.requests[-WINDOW:] if r.success]
        if first and last:
            parts.append(
                f"{name} takes {ms(float(np.mean(first)))} ms over its first {WINDOW} requests and"
                f" {ms(float(np.mean(last)))} ms over its last {WINDOW}"
            )
    return f"{'; '.join(parts)}." if parts else "Too few requests succeeded for a curve."


def _worst_moment(result: ComparisonResult, analysis: Analysis) -> str:
    worst: tuple[float, float, str] | None = None
    for name in analysis.statistics:
        series = latency_over_time(result.runs_of(name))
        for at, value in zip(series.at, series.p95, strict=True):
            if np.isfinite(value) and (worst is None or value > worst[0]):
                worst = (float(value), float(at), name)
    if worst is None:
        return "No request succeeded."
    return (
        f"The highest P95 of any stretch is {ms(worst[0])} ms, with {worst[2]}, about"
        f" {worst[1]:.0f} s into the run."
    )


def _most_divided(result: ComparisonResult, analysis: Analysis) -> str:
    shares = {
        server.id: {
            name: each.shares[server.id].mean if server.id in each.shares else 0.0
            for name, each in analysis.statistics.items()
        }
        for server in result.servers
    }
    id = max(shares, key=lambda each: max(shares[each].values()) - min(shares[each].values()))
    most = max(shares[id], key=lambda name: shares[id][name])
    least = min(shares[id], key=lambda name: shares[id][name])
    if most == least:
        return f"{most} sent {per_cent(shares[id][most])} of its requests to {id}."
    return (
        f"The strategies differ most over {id}: {most} sent it {per_cent(shares[id][most])} of the"
        f" requests, {least} {per_cent(shares[id][least])}."
    )


def _throughput(result: ComparisonResult, analysis: Analysis) -> str:
    rates = {name: each.throughput.mean for name, each in analysis.statistics.items()}
    low, high = min(rates, key=lambda n: rates[n]), max(rates, key=lambda n: rates[n])
    offered = f"{result.request_rate:g} requests/s were intended"
    if low == high:
        return f"{offered}; {low} answered {rates[low]:.1f}/s with success."
    return (
        f"{offered}; successful answers range from {rates[low]:.1f}/s ({low}) to"
        f" {rates[high]:.1f}/s ({high})."
    )
