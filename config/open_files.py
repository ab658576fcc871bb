"""How many files a process may have open: a connection is one, and many systems allow 1024 of them
to who does not ask for more."""

from __future__ import annotations

import resource

FALLBACKS = (10_240, 4096)
"""What is asked for when the wanted number is refused; macOS refuses more than the first."""


def allow_open_files(wanted: int) -> None:
    """Raise this process's limit to ``wanted``, as far as the system lets us; never lower it.

    Processes that it starts inherit the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for number in (wanted, *FALLBACKS):
        files = min(number, wanted)
        if hard != resource.RLIM_INFINITY:
            files = min(files, hard)
        if soft == resource.RLIM_INFINITY or soft >= files:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
            return
        except (OSError, ValueError):
            continue
