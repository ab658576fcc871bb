"""What was found, as text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.simulate.comparison import Ratio, Suite, Summary
from evaluation.tables import aligned

MOST_SHARES = 12
"""Servers whose shares are printed; of a larger fleet only the extremes are."""


def table(summaries: Sequence[Summary]) -> str:
    """One scenario, a line for each strategy, with lines on changes and shares below."""
    header = (
        "strategy", "mean", "p50", "p95", "p99", "failed", "cost", "x round robin",
        "x best classic", "p99 x best", "x reference", "converged", "decisions/s",
    )  # fmt: skip
    lines = [
        (
            each.strategy + ("" if each.stable == each.seeds else " *"),
            *(milliseconds(x) for x in (each.mean, each.p50, each.p95, each.p99)),
            f"{each.failure_rate:.2%}",
            milliseconds(each.cost),
            ratio(each.to_round_robin),
            ratio(each.to_classic),
            ratio(each.p99_to_classic, bare=True),
            ratio(each.to_reference, bare=True),
            "-" if each.converged is None else f"{each.converged:.0f}",
            f"{each.decisions:,.0f}",
        )
        for each in summaries
    ]
    return aligned([header, *lines])


def notes(summaries: Sequence[Summary]) -> list[str]:
    """Whom the ratios are to, who is not stable, what came of changes, shares."""
    found = []
    for what, name in (("classic", "to_classic"), ("P99 of a classic", "p99_to_classic")):
        others = {to.to for each in summaries if (to := getattr(each, name)) is not None}
        if others:
            found.append(f"best {what}: {' or '.join(sorted(others))}")
    reference = next((each.to_reference for each in summaries if each.to_reference), None)
    if reference is not None:
        found.append(f"reference: {reference.to}")
    if any(each.stable < each.seeds for each in summaries):
        found.append("* a queue was full or grew: the figures depend on the run's length")
    found += [line for each in summaries if (line := changes(each))]
    found += [f"{each.strategy}: {shares(each.shares)}" for each in summaries]
    return found


def changes(summary: Summary) -> str:
    """Regret and return, in one line; empty if nothing changed."""
    parts = []
    for regret in summary.regrets:
        where = f"{regret.server} at {regret.start:g} s"
        if regret.purpose == "return":
            parts.append(f"{where}: back to {regret.share:.0%} of its fair share")
        elif regret.extra is not None:
            parts.append(f"{regret.purpose} of {where}: {1000 * regret.extra:+.1f} ms")
    return f"{summary.strategy}: " + "; ".join(parts) if parts else ""


def shares(by_server: dict[str, float]) -> str:
    """Parts of the requests."""
    if len(by_server) <= MOST_SHARES:
        return "shares " + " ".join(f"{share:.3f}" for share in by_server.values())
    low, high = min(by_server.values()), max(by_server.values())
    return f"shares of {len(by_server)} servers from {low:.4f} to {high:.4f}"


def suite_table(suites: Sequence[Suite]) -> str:
    """Many scenarios, a line for each strategy."""
    header = (
        "strategy", "runs", "x best classic", "wins", "within 5 %", "worst", "p99", "worst p99",
    )  # fmt: skip
    lines = [
        (
            each.strategy,
            str(each.scenarios),
            f"{each.mean:.3f}",
            f"{each.wins:.0%}",
            f"{each.within:.0%}",
            f"{each.worst:.2f}",
            f"{each.p99:.3f}",
            f"{each.worst_p99:.2f}",
        )
        for each in suites
    ]
    return aligned([header, *lines])


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def ratio(given: Ratio | None, bare: bool = False) -> str:
    """``0.94 [0.93, 0.95] 8/8``: value, interval, seeds won."""
    if given is None:
        return "-"
    text = f"{given.value:.3f}"
    if given.interval is not None:
        text += f" [{given.interval.low:.3f}, {given.interval.high:.3f}]"
    return text if bare else f"{text} {given.wins}/{given.seeds}"
