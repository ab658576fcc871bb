"""Runs a foreign program the way ours run: on chosen cores, with a ready line, until stdin closes.

    python -m evaluation.bench.leash [--core N[,N…]] [--ready NAME URL] -- PROGRAM ARGUMENTS…

Without ``--ready`` it becomes the program, which must have a ready line of its own. With it, it
stays above the program: says ``ready NAME URL`` once that address accepts connections, and ends the
program when its own stdin closes or a signal asks it to end.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from backend.processes import when_stdin_closes

PROBE_SECONDS = 0.02
GRACE_SECONDS = 2.0


def pin(cores: Collection[int]) -> None:
    """Keeps this process, and what it starts, on these cores; where the system can't, or with none
    given, does nothing."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def accepts(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1.0):
            return True
    except OSError:
        return False


def hold(command: Sequence[str], name: str, url: str) -> int:
    """Runs the program until it ends or is to end. Its exit code; 0 if it was asked to end."""
    # Its output is a log: stdout is for the ready line alone.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    asked = False

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    when_stdin_closes(end)
    while not asked and child.poll() is None:
        if accepts(url):
            print(f"ready {name} {url}", flush=True)
            break
        time.sleep(PROBE_SECONDS)
    while not asked and child.poll() is None:
        try:
            child.wait(1.0)
        except subprocess.TimeoutExpired:
            continue
    if asked:
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return 0
    return child.returncode or 1


def main(argv: Sequence[str] | None = None) -> int:
    it = argparse.ArgumentParser(description="Runs a program on one core, until stdin closes.")
    it.add_argument("--core", default="", help="numbers, separated by commas")
    it.add_argument("--ready", nargs=2, metavar=("NAME", "URL"))
    it.add_argument("command", nargs="+")
    options = it.parse_args(argv)
    command: list[str] = options.command
    pin([int(each) for each in options.core.split(",") if each])
    try:
        if options.ready is None:
            os.execvp(command[0], command)
        return hold(command, *options.ready)
    except OSError as error:
        print(f"leash: {command[0]}: cannot be started: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
