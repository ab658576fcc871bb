"""What learners know, across restarts: one JSON file, strategy name -> parameters."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path

from load_balancer.whole_file import check_writable, write_whole
from rl.vocabulary import JSON, Learner


class StateFile:
    """One node's file. Nothing but ``prepare`` raises: a node that cannot remember still works."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stored: dict[str, JSON] = {}
        self._writing = threading.Lock()

    def prepare(self) -> None:
        """Read the file, if there is one.

        Raises:
            OSError: its folder cannot be made or written to, so nothing could be saved.
        """
        check_writable(self.path)
        if not self.path.exists():
            return
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(stored, dict):
                raise ValueError("not a JSON object")
            self._stored = stored
        except (OSError, ValueError, RecursionError) as error:
            self._keep_aside(error)

    def names(self) -> list[str]:
        """Of the strategies that something is stored of."""
        return list(self._stored)

    def problem(self, error: OSError) -> str:
        """What ``prepare`` met with, for the operator."""
        return (
            f"load_balancer.learning.state_file: {self.path} cannot be written: "
            f"{error.strerror or error}"
        )

    def restore(self, name: str, learner: Learner) -> None:
        """Give a new learner what is stored under its strategy's name."""
        parameters = self._stored.get(name)
        if parameters is None:
            return
        try:
            if not isinstance(parameters, dict):
                raise ValueError(f"{name}: must hold keys and values")
            learner.load(parameters)
        except ValueError as error:
            del self._stored[name]
            self._keep_aside(error)

    def save(self, learned: Mapping[str, JSON]) -> None:
        """Replace the file as a whole, so that a crash leaves the old one or the new one.

        What is stored of strategies that did not learn this time stays. May run in a thread.
        """
        with self._writing:
            self._stored.update(learned)
            try:
                write_whole(self.path, json.dumps(self._stored))
            except OSError as error:
                self._warn(f"what was learned cannot be saved ({error.strerror or error})")

    def _keep_aside(self, error: Exception) -> None:
        # Saving must not overwrite what could not be read.
        kept = self.path.with_name(f"{self.path.name}.unreadable")
        try:
            os.replace(self.path, kept)
            fate = f"the file is kept as {kept.name}"
        except OSError as reason:
            fate = f"and the file cannot be kept aside ({reason.strerror or reason})"
        self._warn(f"what was learned cannot be read ({error}); starting anew, {fate}")

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self.path}: {text}", RuntimeWarning, stacklevel=3)
