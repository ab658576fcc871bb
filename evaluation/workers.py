"""Many runs over all cores, each told of as it gets ready."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from evaluation.machine import usable_cores
from evaluation.progress import Steps

Task = TypeVar("Task")
Done = TypeVar("Done")


def played(
    play: Callable[[Task], Done],
    tasks: Sequence[Task],
    processes: int | None,
    progress: Steps | None,
    name: Callable[[Done], str],
) -> Generator[Done, None, None]:
    """Every task, as they get ready. Whoever stops listening ends them all.

    Args:
        play: a function that another process can import.
        processes: as many as there are cores if None; 1 is this one.
        name: of what was played, for ``progress``.
    """
    processes = min(processes or usable_cores(), len(tasks))

    def told(done: Done) -> Done:
        if progress is not None:
            progress.step(name(done))
        return done

    if processes <= 1:
        for task in tasks:
            yield told(play(task))
        return
    # Spawned: a forked one would have this process's threads' locks and signal handlers.
    with multiprocessing.get_context("spawn").Pool(processes, begin) as pool:
        for done in pool.imap_unordered(play, tasks):
            yield told(done)


def begin() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
