"""How far live figures can be believed: how busy the machine was, what the simulator says. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.agreement import NEAR, Agreement
from evaluation.notation import listed, per_cent
from evaluation.records import ComparisonResult, Run, Strain

BUSY = 0.6
"""Share of the processors beyond which programs wait for each other rather than for the load."""


def effort(result: ComparisonResult) -> str:
    """Who used the processors, in the busiest run and for one request."""
    runs = [(run, run.strain) for run in result.runs if run.strain is not None and run.requests]
    if not runs:
        return "not measured"
    _, busiest = max(runs, key=lambda each: each[1].share)
    requests = sum(len(run.requests) for run, _ in runs)

    def each(seconds: float) -> str:
        return f"{seconds / requests * 1e6:.0f} µs"

    return (
        f"{per_cent(busiest.share)} of {busiest.cores} in the busiest run, of which other programs"
        f" {per_cent(_others(busiest))}; a request cost the servers"
        f" {each(sum(strain.servers for _, strain in runs))}, the balancers"
        f" {each(sum(strain.balancers for _, strain in runs))} and the load"
        f" {each(sum(strain.load for _, strain in runs))}"
    )


def warnings(result: ComparisonResult) -> list[str]:
    """What a reader must know before believing the numbers."""
    found = []
    busy = [run for run in result.runs if run.strain is not None and run.strain.share > BUSY]
    if busy:
        worst = max(busy, key=_share)
        found.append(
            f"The machine was too busy in {len(busy)} of {len(result.runs)} runs: up to"
            f" {per_cent(_share(worst))} of its processors were in use ({worst.strategy}, seed"
            f" {worst.seed}), and beyond {per_cent(BUSY)} programs wait for each other. These"
            " figures do not count as evidence; a lower rate or an idle machine helps."
        )
    if result.unforetold:
        found.append(f"The simulator does not play this: {result.unforetold}.")
    return found


def verdicts(agreements: Sequence[Agreement], classics: Sequence[str]) -> list[str]:
    """Whether the simulator agrees, in one sentence for those that learn and one for the rest."""
    found = []
    learners = [each for each in agreements if each.strategy not in classics]
    for each in learners:
        live, foretold = each.live, each.foretold
        found.append(
            f"Live, {each.strategy} costs {live.value:.3f} times as much as {live.best}, the best"
            f" plain rule; in the simulator {foretold.value:.3f} times as much as {foretold.best}:"
            f" {'within' if each.near else 'not within'} {per_cent(NEAR)}"
            + ("." if each.same_verdict else ", and live figures do not tell what it tells.")
        )
    rest = [each for each in agreements if each.strategy in classics]
    off = [f"{each.strategy} ({per_cent(each.off, signed=True)})" for each in rest if not each.near]
    if rest:
        found.append(
            f"Of the plain rules {listed(off)} {'is' if len(off) == 1 else 'are'} further off."
            if off
            else f"For all plain rules it agrees within {per_cent(NEAR)}."
        )
    return found


def _share(run: Run) -> float:
    return run.strain.share if run.strain is not None else 0.0


def _others(strain: Strain) -> float:
    return strain.others / (strain.seconds * strain.cores) if strain.seconds else 0.0
