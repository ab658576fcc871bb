"""System calls per request, counted by strace where it is installed and may look.

strace slows what it watches, so this is counted apart from every measurement of time.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

ATTACH_SECONDS = 0.4
GRACE_SECONDS = 10.0


def strace() -> str | None:
    """Its program."""
    return shutil.which("strace")


def counted(pid: int, load: Callable[[], int]) -> dict[str, float]:
    """Calls per request by name, the most frequent first.

    Args:
        load: makes requests, and says how many were completed.

    Returns:
        Nothing where strace is missing, is not allowed to look, or nothing was completed.
    """
    program = strace()
    if program is None:
        return {}
    # -f follows threads and children that begin while it looks.
    command = [program, "-c", "-f", "-qq", "-p", str(pid)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as tracing:
        try:
            time.sleep(ATTACH_SECONDS)
            completed = load() if tracing.poll() is None else 0
        finally:
            if tracing.poll() is None:
                tracing.send_signal(signal.SIGINT)
            try:
                _, said = tracing.communicate(timeout=GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                tracing.kill()
                _, said = tracing.communicate()
    return per_request(parsed(said.decode("utf-8", "replace")), completed)


def parsed(table: str) -> dict[str, int]:
    """The counts in what ``strace -c`` prints."""
    found = {}
    for line in table.splitlines():
        parts = line.split()
        # % time, seconds, usecs/call, calls, errors (may be missing), syscall
        if len(parts) in (5, 6) and parts[3].isdigit() and parts[-1] != "total":
            found[parts[-1]] = int(parts[3])
    return found


def per_request(counts: Mapping[str, int], completed: int) -> dict[str, float]:
    """The counts over the requests; what is rarer than one in a hundred is left out."""
    if not completed:
        return {}
    shares = {name: count / completed for name, count in counts.items()}
    kept = {name: round(share, 2) for name, share in shares.items() if share >= 0.01}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))
