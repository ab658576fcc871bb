"""A change of settings: what differs, what is swapped, and all of it back if one part fails."""

from __future__ import annotations

from typing import Any

import pytest

from config.schema import Settings
from load_balancer.reloading import (
    Applied,
    Reloader,
    ReloadError,
    Step,
    Swap,
    Undo,
    differences,
    kept,
    within,
)

pytestmark = pytest.mark.unit


def settings(**load_balancer: Any) -> Settings:
    return Settings.model_validate({"load_balancer": load_balancer})


class Part:
    """Something of a node, with a value; it can refuse, before or while it is swapped."""

    def __init__(self, key: str, log: list[str], fails: str = "") -> None:
        self.key = key
        self.value = "old"
        self.log = log
        self.fails = fails

    def step(self, always: bool = False) -> Step:
        return Step((f"load_balancer.{self.key}",), self.prepare, always)

    def prepare(self, before: Settings, after: Settings) -> Swap:
        self.log.append(f"prepare {self.key}")
        if self.fails == "prepare":
            raise ValueError(f"{self.key} cannot")

        def swap() -> Undo:
            if self.fails == "swap":
                raise RuntimeError(f"{self.key} broke")
            self.log.append(f"swap {self.key}")
            self.value = "new"

            def undo() -> None:
                self.log.append(f"undo {self.key}")
                self.value = "old"

            return undo

        return swap


def test_differences_are_dotted_and_in_order() -> None:
    """A list is one value, a section is its parts."""
    assert [
        "load_balancer.port",
        "load_balancer.trusted_proxies",
        "load_balancer.deadlines.drain_seconds",
    ] == differences(
        settings(),
        settings(port=1, trusted_proxies=["10.0.0.0/8"], deadlines={"drain_seconds": 3}),
    )


def test_a_secret_differs_by_what_it_hides() -> None:
    one, other = settings(admin_token="12345678"), settings(admin_token="87654321")
    assert [] == differences(one, settings(admin_token="12345678"))
    assert ["load_balancer.admin_token"] == differences(one, other)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a.b", True), ("a.b.c", True), ("a", False), ("a.bc", False), ("x.a.b", False)],
)
def test_a_key_stands_in_its_section(key: str, expected: bool) -> None:
    assert expected is within(key, ("a.b",))


def test_only_the_parts_that_differ_are_swapped() -> None:
    """Everything is prepared before anything is swapped."""
    log: list[str] = []
    parts = [Part(key, log) for key in ("drain", "limits", "deadlines")]
    reloader = Reloader(settings(), [part.step() for part in parts])
    wanted = settings(drain={"delay_seconds": 1}, deadlines={"drain_seconds": 2})

    applied = reloader.apply(wanted)

    assert ["prepare drain", "prepare deadlines", "swap drain", "swap deadlines"] == log
    assert set(applied.changed) == {
        "load_balancer.drain.delay_seconds",
        "load_balancer.deadlines.drain_seconds",
    }
    assert wanted == reloader.settings


def test_what_stands_in_files_is_prepared_always() -> None:
    log: list[str] = []
    assert Applied() == Reloader(settings(), [Part("limits", log).step(always=True)]).apply(
        settings()
    )
    assert ["prepare limits", "swap limits"] == log


def test_what_cannot_be_swapped_is_named_and_stays() -> None:
    log: list[str] = []
    reloader = Reloader(settings(port=1), [Part("drain", log).step()])

    applied = reloader.apply(settings(port=2, drain={"delay_seconds": 1}))

    assert ("load_balancer.port",) == applied.restart
    assert 1 == reloader.settings.load_balancer.port
    assert 1.0 == reloader.settings.load_balancer.drain.delay_seconds
    # And again, for it still differs from what is in force.
    again = reloader.apply(settings(port=2, drain={"delay_seconds": 1}))
    assert (("load_balancer.port",), ()) == (again.restart, again.changed)


def test_sections_that_no_node_reads_are_not_spoken_of() -> None:
    applied = Reloader(settings()).apply(Settings.model_validate({"traffic": {"request_rate": 99}}))
    assert Applied() == applied


@pytest.mark.parametrize("fails", ["prepare", "swap"])
def test_one_failure_puts_everything_back(fails: str) -> None:
    """And the settings in force are those of before."""
    log: list[str] = []
    good, also_good, bad = Part("drain", log), Part("limits", log), Part("deadlines", log, fails)
    before = settings()
    reloader = Reloader(before, [good.step(), also_good.step(), bad.step()])

    with pytest.raises(ReloadError, match="deadlines"):
        reloader.apply(
            settings(drain={"delay_seconds": 1}, limits={"hops": 3}, deadlines={"drain_seconds": 2})
        )

    assert ["old"] * 3 == [part.value for part in (good, also_good, bad)]
    assert before is reloader.settings
    if fails == "swap":
        assert ["undo limits", "undo drain"] == log[-2:]


def test_what_does_not_go_together_is_refused() -> None:
    """A new admin port that is the old port, which cannot change: no half of it is taken."""
    with pytest.raises(ReloadError, match=r"load_balancer\.port.*both 1"):
        kept(settings(port=1), settings(port=5, admin_port=1), ["load_balancer.port"])


def test_it_is_told_in_one_line() -> None:
    assert str(Applied()) == "changed: nothing"
    assert str(Applied(("a", "b"), ("c",))) == "changed: a, b; needs a restart: c"
