"""What a learner has learned, on disk: JSON, never anything that runs when it is read.

A checkpoint says what its learner was shown (the version of the features or of the table) and in
which fog it learned; whoever asks for it to play elsewhere is refused unless he says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evaluation.checkpoint_file import CheckpointError, read_json, write_whole
from rl.vocabulary import JSON

FORMAT = 1
LARGEST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a learning curve.

    Attributes:
        step: ticks played, in each of the fogs at once.
        seconds: since learning began.
        reward: mean per decision since the last point, in the reward that is learned from.
    """

    step: int
    seconds: float
    reward: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Attributes:
    algorithm: its name.
    configuration: as it was asked for.
    fingerprint: of the fog, see ``configurations``.
    reward: that it learned from.
    seed: of its dice.
    steps: ticks learned; ``planned`` were to be.
    fogs: played at once.
    parameters: the learner's own.
    curve: how it went.
    """

    algorithm: str
    configuration: str
    fingerprint: str
    reward: str
    seed: int
    steps: int
    planned: int
    fogs: int
    seconds: float
    parameters: dict[str, JSON]
    curve: list[Point] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Learning was not ended before its time."""
        return self.steps >= self.planned


def place(folder: Path, fingerprint: str, algorithm: str, seed: int) -> Path:
    """Where that learner's checkpoint is."""
    return folder / fingerprint / f"{algorithm}-{seed}.json"


def there(folder: Path, fingerprint: str, algorithm: str) -> list[Path]:
    """All checkpoints of that algorithm in that fog, by seed."""
    found = [
        path
        for path in (folder / fingerprint).glob(f"{algorithm}-*.json")
        if path.stem.removeprefix(f"{algorithm}-").isdecimal()
    ]
    return sorted(found, key=lambda path: int(path.stem.rpartition("-")[2]))


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Whole or not at all.

    Raises:
        CheckpointError: it cannot be written.
    """
    write_whole(path, json.dumps({"format": FORMAT, **asdict(checkpoint)}, allow_nan=False))


def read(path: Path, fingerprint: str | None = None) -> Checkpoint:
    """What ``write`` wrote.

    Args:
        fingerprint: of the fog that it is to play in; None asks for none.

    Raises:
        CheckpointError: there is none, it is of another format, or it learned in another fog.
    """
    data = read_json(path, LARGEST_BYTES, "train first, or name another file")
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path}: is no checkpoint of format {FORMAT}")
    found = _checkpoint(data, path)
    if fingerprint is not None and found.fingerprint != fingerprint:
        raise CheckpointError(
            f"{path}: learned in another fog ({found.configuration}, {found.fingerprint}, not"
            f" {fingerprint}); say --elsewhere if it is to play in this one"
        )
    return found


_KINDS: dict[str, type | tuple[type, ...]] = {
    "algorithm": str,
    "configuration": str,
    "fingerprint": str,
    "reward": str,
    "seed": int,
    "steps": int,
    "planned": int,
    "fogs": int,
    "seconds": (int, float),
    "parameters": dict,
    "curve": list,
}


def _checkpoint(data: Mapping[str, object], path: Path) -> Checkpoint:
    for name, kind in _KINDS.items():
        if not isinstance(data.get(name), kind):
            raise CheckpointError(f"{path}: {name} is missing or of the wrong kind")
    try:
        curve = [Point(**each) for each in data["curve"]]  # type: ignore[attr-defined]
        return Checkpoint(**{**data, "curve": curve})  # type: ignore[arg-type]
    except TypeError:
        raise CheckpointError(f"{path}: holds what no checkpoint has") from None
