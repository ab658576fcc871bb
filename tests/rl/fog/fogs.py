"""Fogs for the tests: small ones of one layer, and twelve to try the environment with."""

from typing import Any

from rl.fog.applications import Dag, Job, TaskType
from rl.fog.schedules import constant
from rl.fog.settings import FogSettings
from rl.fog.tasks import Application, Task

DIAMOND = Dag(vertices=4, edges=((0, 1), (0, 2), (1, 3), (2, 3)))
SMALL = TaskType(4, 1, 20e6, 1e7)
LARGE = TaskType(6, 2, 2e6, 3e7)


def plain(nodes: int = 3, topology: str = "full", rate: float = 0.5, **more: Any) -> FogSettings:
    """Equal nodes of 4e7 instructions per second, all of them clients and agents, no cloud."""
    keys: dict[str, Any] = {
        "nodes_per_layer": (nodes,),
        "agents": tuple(range(nodes)),
        "instructions_per_core_second": (1e7,),
        "cores": (4,),
        "queue_limits": (10,),
        "frequency_variations": (0.0,),
        "clouds": 0,
        "cloud_access": (False,),
        "cloud_positions_meters": (),
        "topology": topology,
        "schedules": (constant(rate),),
    }
    return FogSettings(**(keys | more))


def application(
    tasks: int = 1, home: int = 0, instructions: float = 4e7, size_bytes: float = 38e6
) -> Application:
    """Tasks without an order among them, asked by the node's own client."""
    made = Application(1, home, home, 0, 0)
    made.tasks = [
        Task(number, made, number, 0, instructions, size_bytes) for number in range(tasks)
    ]
    made.open = tasks
    return made


def task(instructions: float = 4e7, home: int = 0) -> Task:
    """The only one of its application."""
    return application(1, home, instructions).tasks[0]


TWELVE = {
    "default": FogSettings(duration_seconds=600),
    "compat": FogSettings(duration_seconds=600, compat=True),
    "dag": plain(4, application="dag", dags=(DIAMOND,), task_types=(SMALL, LARGE), rate=0.3),
    "clouds": plain(
        4,
        rate=1.0,
        clouds=2,
        cloud_access=(True,),
        cloud_positions_meters=((300.0, 300.0), (0.0, 0.0)),
    ),
    "fifty": plain(50, "ring", rate=0.8),
    "batch": plain(3, actions="batch", rate=1.5, task_types=(SMALL,)),
    "layers and fibre": FogSettings(
        nodes_per_layer=(4, 2, 1),
        agents=(0, 3, 4, 6),
        instructions_per_core_second=(1e7, 2e7, 4e7),
        cores=(1, 2, 4),
        queue_limits=(5, 10, 50),
        frequency_variations=(1e3, 0.0, 0.0),
        cloud_access=(False, False, True),
        client_layers=(0, 1),
        task_layers=(0, 1),
        client_is_self=False,
        schedules=(constant(0.3), constant(0.2)),
        channels=("wireless", "fibre"),
        channels_between_layers=((0, 1, 1), (1, 0, 1), (1, 1, 1)),
    ),
    "lossy": plain(4, "grid", drop_probability=0.1, most_jitter_ticks=2.0, link_contention=True),
    "moving": plain(
        4, "random", radius_meters=50.0, node_meters_per_second=5.0, client_meters_per_second=5.0
    ),
    "failing": plain(4, "bridged", failures_per_second=0.02, rate=0.9),
    "fine time": plain(4, ticks_per_second=4, decision_ticks=2, never_to_longer_queue=True),
    "trace": plain(4, "ring", application="trace", trace=(Job(1e7, 1e6), Job(9e7, 5e6))),
}
