"""Observations made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def observation(
    queues: Sequence[float] = (0.2, 0.0, 0.4),
    powers: Sequence[float] = (1.0, 1.0, 2.0),
    delays: Sequence[float] = (1.0, 2.0, 4.0),
    task: Sequence[float] = (1.0, 2.0, 1.0),
    mask: Sequence[int] | None = None,
    batch: int = 1,
) -> dict[str, Any]:
    """Of an agent whose own node comes first; the task takes two ticks there."""
    allowed = [1] * len(queues) if mask is None else list(mask)
    return {
        "nodeId": np.int64(0),
        "queueSize": np.array(queues[:1], np.float32),
        "processingPower": np.array(powers[:1], np.float32),
        "numberOfNeighbours": np.array([sum(q >= 0 for q in queues)], np.float32),
        "Q": np.array(queues, np.float32),
        "freeSpaces": np.array([1 - q if q >= 0 else -1 for q in queues], np.float32),
        "neighbourPower": np.array(powers, np.float32),
        "neighbourDelay": np.array(delays, np.float32),
        "nextTask": np.array(task, np.float32),
        "action_mask": np.repeat(np.array(allowed, np.int8), batch),
    }
