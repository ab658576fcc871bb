"""What the fog's REST interface takes and gives, for its checks and its OpenAPI document.

Names and shapes are the original's. What it gives is made by ``backend.fog_shapes``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

MOST_ACTIONS = 10_000
LARGEST_UPDATE_MEGABYTES = 1e9

Int32 = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BasicAction(_Asked):
    """The next tasks of a controller's node go to a neighbour.

    Attributes:
        neighbourIndex: 0 is the node itself; one that no neighbour has fails, and moves nothing.
        count: of tasks, at most; the original knows one only.
    """

    type: Literal["basic"]
    neighbourIndex: Int32
    controllerId: Int32
    count: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1


class BatchAction(_Asked):
    """One index for each of the next tasks; it fails if those are fewer."""

    type: Literal["batch"]
    neighbourIndex: Annotated[list[Int32], Field(max_length=MOST_ACTIONS)]
    controllerId: Int32


Action: TypeAlias = Annotated[BasicAction | BatchAction, Field(discriminator="type")]
Actions: TypeAlias = Annotated[list[Action], Field(max_length=MOST_ACTIONS)]


class FLUpdate(_Asked):
    """A federated-learning message between two controllers' nodes; ``size`` in MB."""

    uuid: Annotated[str, Field(min_length=1, max_length=200)]
    src: Int32
    dst: Int32
    size: Annotated[
        float, Field(strict=True, ge=0, le=LARGEST_UPDATE_MEGABYTES, allow_inf_nan=False)
    ]


Updates: TypeAlias = Annotated[list[FLUpdate], Field(max_length=MOST_ACTIONS)]


class Reset(_Asked):
    """Without a seed the run is the same again."""

    seed: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**64)] | None = None


class Coordinates(BaseModel):
    """Metres."""

    X: float
    Y: float


class TaskInfo(BaseModel):
    """Sizes in MB. An empty place has the id ``dummy``."""

    progress: float
    totalInstructions: float
    outputSizeBytes: float
    inputSizeBytes: float
    id: str
    processedLocally: bool


class CloudInfo(BaseModel):
    """``defaultProcessingPower`` is one machine's instructions per tick."""

    defaultProcessingPower: float
    queueSize: int
    freeVMs: int
    totalVMs: int
    id: int


class GlobalState(BaseModel):
    """Lists by node, those of ``averageCompletionTimes`` to ``totalTasks`` by client."""

    nodeIds: list[int]
    Q: list[int]
    processingPowers: list[float]
    noCores: list[int]
    layers: list[int]
    bandwidths: list[float]
    transmissionPowers: list[float]
    averageCompletionTimes: list[float]
    droppedTasks: list[int]
    finishedTasks: list[int]
    totalTasks: list[int]
    isWorking: list[int]
    energyConsumed: list[float]
    timesOverloaded: list[int]
    noFailedOnArrival: list[int]
    noExpired: list[int]
    totalTasksReceived: list[int]
    totalTasksProcessedPerNode: list[int]
    totalTasksOffloadedFromNode: list[int]
    totalTasksOffloadedToNode: list[int]
    positions: list[Coordinates]
    cloudInfo: CloudInfo | None


class PartialState(BaseModel):
    """What one controller sees. Lists by neighbour, its own node first."""

    nodeId: int
    queueSize: int
    Q: list[int]
    freeSpaces: list[int]
    processingPower: float
    averageWaitingTime: float
    layer: int
    position: Coordinates
    distancesToNeighbours: list[float]
    bandwidth: float
    transmissionPower: list[float]
    numberOfNeighbours: int
    nextTask: TaskInfo
    tasks: list[TaskInfo]


class State(BaseModel):
    globalState: GlobalState
    observedState: list[PartialState]


class DebugInfo(BaseModel):
    """Lists by node, clouds last."""

    currentCycle: int
    ids: list[int]
    droppedTotal: list[int]
    droppedThisCycle: list[int]
    totalTasksRecieved: list[int]
    tasksRecievedSinceLastCycle: list[int]
    totalTasksProcessed: list[int]
    totalTasksOffloaded: list[int]
    invariantPreserved: list[bool]
    averageResponseTime: list[float]


class Information(BaseModel):
    """``done``: the next action is the last one, or was."""

    state: State
    done: bool
    info: DebugInfo


class WorkerInfo(BaseModel):
    """What a controller knows of a neighbour; before it has heard of it, layer -2."""

    id: int
    queueSize: int
    unprocessedApplications: int
    averageTaskSize: float
    nodeProcessingPower: float
    freeTaskSlots: int
    layer: int
    lastKnownPosition: Coordinates | None
    size: float
    totalTasks: int
    w: float


class CompletedTask(BaseModel):
    id: str
    clientID: int
    originalHandlerID: int
    inputSizeBytes: float
    outputSizeBytes: float
    progress: float
    currentRank: float
    totalInstructions: float
    appID: str


class BasicResult(BaseModel):
    """``success`` is false if there was no task."""

    type: Literal["basicSD"]
    srcId: int
    distance: float
    wi: WorkerInfo
    tasksCompleted: list[CompletedTask]
    success: bool


class BatchResult(BaseModel):
    type: Literal["batchSD"]
    srcId: int
    distances: list[float]
    tasksCompleted: list[CompletedTask]
    success: bool


class FailedResult(BaseModel):
    """No neighbour has that index."""

    type: Literal["failledActionSD"]
    srcId: int
    tasksCompleted: None
    success: Literal[False]


Result: TypeAlias = Annotated[BasicResult | BatchResult | FailedResult, Field(discriminator="type")]


class NetworkData(BaseModel):
    """By node, clouds last: its neighbours' ids, and the indexes of those that are controllers."""

    min: int
    max: int
    average: int
    neighbourMatrix: list[list[int]]
    knowsControllerMatrix: list[list[int]]


class Simulation(BaseModel):
    """One of those that there are."""

    id: str
    nodes: int
    agents: list[int]
    tick: int
    done: bool


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


Keys: TypeAlias = dict[str, Any]
"""The original's keys, or ours without their sections: see docs/fog.md."""
