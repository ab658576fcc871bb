"""Makes the applications that clients ask for, one after the other, each with its tasks."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rl.fog.applications import Dag, Draw, Job, TaskType, predecessors, successors
from rl.fog.tasks import Application, Task


class Workload:
    """Draws the kind of each application, its tasks' types and its deadline.

    Args:
        types: drawn by weight for every task.
        dags: drawn by weight for every application; none for applications of a single task.
        jobs: of a trace; if there are any, each application is one of them, drawn evenly.
        deadline: ticks; an application's own lies between that and twice as many. 0 for none.
        compat: the original's draws: see ``applications.Draw``.
    """

    def __init__(
        self,
        types: Sequence[TaskType],
        dags: Sequence[Dag],
        jobs: Sequence[Job],
        deadline: int,
        dice: random.Random,
        compat: bool = False,
    ) -> None:
        self._sizes = [(each.work, each.size_bytes) for each in types]
        self._jobs = jobs
        self._deadline = deadline
        self._dice = dice
        self._draw_type = Draw([each.weight for each in types], compat)
        self._draw_dag = Draw([each.weight for each in dags], compat) if dags else None
        self._missing = [[len(needed) for needed in predecessors(dag)] for dag in dags]
        self._successors = [[list(each) for each in successors(dag)] for dag in dags]
        self._applications = 0
        self._tasks = 0

    def application(self, client: int, home: int, now: int) -> Application:
        """What the client of node ``client`` asks of ``home`` in this tick."""
        dice = self._dice
        self._applications += 1
        deadline = 0
        if self._deadline > 0:
            deadline = now + self._deadline + int(dice.random() * self._deadline)
        made = Application(self._applications, client, home, now, deadline)
        if self._jobs:
            job = self._jobs[int(dice.random() * len(self._jobs))]
            self._add(made, 0, job.instructions, job.size_bytes)
        elif self._draw_dag is None:
            kind = self._draw_type(dice)
            work, size_bytes = self._sizes[kind]
            self._tasks += 1
            made.tasks.append(Task(self._tasks, made, 0, kind, work, size_bytes))
        else:
            kind = self._draw_dag(dice)
            for _ in self._missing[kind]:
                self._add_drawn(made)
            made.missing = list(self._missing[kind])
            made.successors = self._successors[kind]
        made.open = len(made.tasks)
        return made

    def _add_drawn(self, application: Application) -> None:
        kind = self._draw_type(self._dice)
        self._add(application, kind, *self._sizes[kind])

    def _add(
        self, application: Application, kind: int, instructions: float, size_bytes: float
    ) -> None:
        self._tasks += 1
        vertex = len(application.tasks)
        application.tasks.append(
            Task(self._tasks, application, vertex, kind, instructions, size_bytes)
        )
