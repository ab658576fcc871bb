"""What agents have learned, on disk: JSON as a node's ``shaping.adaptive.checkpoint`` has it,
so that a file of the training is one for a node.

Each agent's parameters bear the version of the encoder that they were learned by; what was learned
by another one is refused.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from evaluation.checkpoint_file import CheckpointError, read_json, write_whole
from load_balancer.shaping.agent_pool import ANYBODY, CHECKPOINT_VERSION
from rl.shaping.agents import Conduct
from rl.shaping.making import make
from rl.vocabulary import JSON, Parameters

LARGEST_BYTES = 16 << 20
DIGITS = 5
"""Of every number in a file."""


def for_anybody(parameters: Parameters) -> Parameters:
    """A checkpoint with which every agent begins."""
    return {"version": CHECKPOINT_VERSION, "agents": {ANYBODY: parameters}}


def place(folder: Path, agent: str) -> Path:
    """Where that agent's checkpoint is."""
    return folder / f"{agent}.json"


def write(checkpoint: Parameters, path: Path) -> None:
    """Whole or not at all.

    Raises:
        CheckpointError: it cannot be written.
    """
    text = json.dumps(_rounded(checkpoint), allow_nan=False, separators=(",", ":"))
    write_whole(path, text)


def _rounded(value: JSON) -> JSON:
    """Numbers with as many digits as anybody can tell apart."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return value


def read(path: Path, agent: str) -> dict[str, JSON]:
    """What ``write`` wrote, for agents of that kind.

    Raises:
        CheckpointError: there is none, or it is of another kind or encoder, or malformed.
    """
    advice = f"train first: python -m evaluation.shaping train --agent {agent}"
    data = read_json(path, LARGEST_BYTES, advice)
    whole = data if isinstance(data, dict) else {}
    agents = whole.get("agents")
    if not isinstance(agents, dict) or whole.get("version") != CHECKPOINT_VERSION or not agents:
        raise CheckpointError(f"{path}: is no checkpoint of version {CHECKPOINT_VERSION}")
    for key, parameters in agents.items():
        if not isinstance(parameters, dict):
            raise CheckpointError(f"{path}: agents.{key}: must hold keys and values")
        try:
            make(agent, Conduct(), random.Random(0)).load(parameters)
        except ValueError as error:
            raise CheckpointError(f"{path}: agents.{key}.{error}") from None
    return whole
