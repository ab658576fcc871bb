"""What a soak found, for a person, as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.soak.memory import Held, growth
from evaluation.tables import markdown

MOST_GROWTH = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """A soak and what came of it.

    Attributes:
        baseline: requests after which memory must be flat.
        kinds: requests by kind; ``bulk`` is the same GET over and over.
        samples: in the order of time, the last one after the load.
        descriptors_before, descriptors_after: without any load, before and after.
        in_flight: at endpoints after the load; None if the balancer does not say.
        surprises: answers that were not those that were to come.
    """

    requests: int
    seconds: float
    baseline: int
    kinds: Mapping[str, int]
    samples: Sequence[Held]
    descriptors_before: int
    descriptors_after: int
    in_flight: int | None
    surprises: int
    problems: Sequence[str]

    @property
    def growth(self) -> float | None:
        """Of memory after the baseline, under load."""
        return growth(self.samples[:-1], self.baseline)

    def verdicts(self) -> list[tuple[str, str, bool]]:
        """Each goal, what was found, and whether it is met."""
        grown = self.growth
        return [
            (
                f"memory grows by less than {100 * MOST_GROWTH:.0f} % after the first"
                f" {self.baseline:,} requests",
                "too few samples" if grown is None else f"{100 * grown:+.1f} %",
                grown is not None and grown < MOST_GROWTH,
            ),
            (
                "no descriptor is left open",
                f"{self.descriptors_before} before, {self.descriptors_after} after",
                self.descriptors_after <= self.descriptors_before,
            ),
            (
                "nothing is left in flight",
                "not known" if self.in_flight is None else str(self.in_flight),
                self.in_flight == 0,
            ),
            ("every answer is the right one", f"{self.surprises} others", not self.surprises),
        ]

    @property
    def met(self) -> bool:
        return all(met for _, _, met in self.verdicts())


def page(found: Found, facts: Mapping[str, str]) -> str:
    """The whole page."""
    rate = found.requests / found.seconds if found.seconds else 0.0
    parts = ["# Soak", "", *(f"- {name}: {value}" for name, value in facts.items())]
    parts += [
        f"- requests: {found.requests:,} in {found.seconds:.0f} s, {rate:,.0f} a second: "
        + ", ".join(f"{count:,} {kind}" for kind, count in found.kinds.items()),
        "",
        *markdown(
            ("goal", "found", "verdict"),
            [(goal, what, "met" if met else "missed") for goal, what, met in found.verdicts()],
        ),
    ]
    parts += [f"- {problem}" for problem in found.problems]
    parts += [
        "",
        *markdown(
            ("requests", "seconds", "private MB", "RSS MB", "descriptors"),
            [
                (
                    f"{each.requests:,}",
                    f"{each.seconds:.0f}",
                    f"{each.private / 1e6:.1f}",
                    f"{each.rss / 1e6:.1f}",
                    str(each.descriptors),
                )
                for each in _thinned(found.samples)
            ],
        ),
    ]
    return "\n".join(parts) + "\n"


def _thinned(samples: Sequence[Held], most: int = 25) -> list[Held]:
    """At most so many, the first and the last among them."""
    if len(samples) <= most:
        return list(samples)
    step = (len(samples) - 1) / (most - 1)
    return [samples[round(index * step)] for index in range(most)]
