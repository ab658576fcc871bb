"""The processor time of a process and everything below it, as the system accounts for it."""

from __future__ import annotations

import psutil


class Tree:
    """A process and those below it, as they were when this was made."""

    def __init__(self, pid: int) -> None:
        root = psutil.Process(pid)
        self._processes = [root, *root.children(recursive=True)]

    def times(self) -> tuple[float, float]:
        """User and system seconds of all of them. Raises psutil.NoSuchProcess if one has ended."""
        times = [process.cpu_times() for process in self._processes]
        return sum(each.user for each in times), sum(each.system for each in times)

    def cpu(self) -> float:
        """Both together."""
        return sum(self.times())
