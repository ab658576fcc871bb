"""The faults: what is done when the fault begins and when it ends, and what it needs."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from evaluation.faults.stage import BACKENDS, SPARE, Stage
from rl.vocabulary import JSON

Act = Callable[[Stage], Awaitable[None]]

ILL = "server2"
"""The backend that things are done to."""

SLOW_FACTOR = 30.0
OTHERS = tuple(id for id in BACKENDS if id != ILL)
CHANGED = (*OTHERS, SPARE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        begin, end: what is done; without an end it lasts, or is a moment.
        settings: what it needs beyond the stage's.
        strategy: the one that it is about; None for the load's.
        newcomer: a backend that must have answered after the beginning, or nothing has happened.
        excused: why requests may be lost that no proxy could save; empty where none may.
    """

    name: str
    about: str
    begin: Act
    end: Act | None = None
    settings: Mapping[str, JSON] = field(default_factory=dict)
    workers: int = 1
    dns: bool = False
    strategy: str | None = None
    newcomer: str = ""
    excused: str = ""


async def _kill(stage: Stage) -> None:
    stage.kill(ILL)


async def _stop(stage: Stage) -> None:
    await stage.stop(ILL)


async def _start(stage: Stage) -> None:
    await stage.start(ILL)


async def _freeze(stage: Stage) -> None:
    stage.freeze(ILL)


async def _thaw(stage: Stage) -> None:
    stage.thaw(ILL)


def _phase(**phase: JSON) -> Act:
    async def behave(stage: Stage) -> None:
        phases: list[JSON] = [phase] if phase else []
        await stage.behave(ILL, service={"phases": phases})

    return behave


async def _refuse(stage: Stage) -> None:
    # It opens again by itself: while it refuses, nobody can tell it to.
    await stage.behave(ILL, refuse_seconds=stage.fault_seconds)


async def _nothing(stage: Stage) -> None:
    pass


def _reset(share: float) -> Act:
    async def behave(stage: Stage) -> None:
        await stage.behave(ILL, reset_share=share)

    return behave


async def _rename(stage: Stage) -> None:
    stage.rename(CHANGED)


async def _reload(stage: Stage) -> None:
    stage.reload(CHANGED)


async def _unload(stage: Stage) -> None:
    stage.reload(BACKENDS)


async def _switch(stage: Stage) -> None:
    await stage.switch_to("least_request")


async def _switch_back(stage: Stage) -> None:
    await stage.switch_to(stage.strategy)


def _signal(number: signal.Signals) -> Act:
    async def send(stage: Stage) -> None:
        stage.signal_worker(number)

    return send


async def _replace(stage: Stage) -> None:
    await stage.replace_workers()


FAULTS = (
    Fault("killed", "a backend is killed (SIGKILL) and stays away", _kill),
    Fault(
        "restarted",
        "a backend is asked to end (SIGTERM) and started again on its port",
        _stop,
        _start,
    ),
    Fault("frozen", "a backend stands still (SIGSTOP), then goes on (SIGCONT)", _freeze, _thaw),
    Fault(
        "slowed",
        f"a backend takes {SLOW_FACTOR:g} times as long, then not any more (peak_ewma decides)",
        _phase(kind="slow", factor=SLOW_FACTOR),
        _phase(),
        # No failure, so nothing but a strategy that looks at latencies can see it.
        strategy="peak_ewma",
    ),
    Fault("errors", "a backend answers 500, then not any more", _phase(kind="fail"), _phase()),
    Fault(
        "refusing",
        "a backend refuses connections and cuts those that there are, then listens again",
        _refuse,
        _nothing,
    ),
    Fault(
        "resetting",
        "a backend resets a fifth of its answers in their middle, then none",
        _reset(0.2),
        _reset(0.0),
    ),
    Fault("dns", "the name of the backends changes one of its three addresses", _rename, dns=True),
    Fault(
        "reload",
        "SIGHUP: one backend out and another in, then back",
        _reload,
        _unload,
        newcomer=SPARE,
    ),
    Fault(
        "worker_drained",
        "one of two workers is asked to end (SIGTERM)",
        _signal(signal.SIGTERM),
        workers=2,
    ),
    Fault(
        "worker_killed",
        "one of two workers is killed (SIGKILL)",
        _signal(signal.SIGKILL),
        workers=2,
        excused="who waited for an answer of the killed process itself gets none",
    ),
    Fault("strategy", "the strategy is switched, then back", _switch, _switch_back),
    Fault(
        "rolling",
        "both workers are restarted, one after the other (SIGTERM)",
        _replace,
        workers=2,
    ),
)


def fault(name: str) -> Fault:
    """Raises ValueError, with the names that there are."""
    for each in FAULTS:
        if each.name == name:
            return each
    raise ValueError(f"no fault {name!r}; valid: {', '.join(each.name for each in FAULTS)}")
