"""What a learner has learned, as a file: JSON, never anything that runs when it is read."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rl.vocabulary import JSON


class CheckpointError(Exception):
    """A checkpoint cannot be read, written or used; the message names the file."""


def read_json(path: Path, most_bytes: int, advice: str) -> JSON:
    """What is in the file.

    Args:
        advice: what to do without it.

    Raises:
        CheckpointError: there is none, it is larger than ``most_bytes``, or it is no JSON.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise CheckpointError(f"{path}: is larger than {most_bytes >> 20} MiB")
        data: JSON = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; {advice}") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path}: is no JSON") from None
    return data


def write_whole(path: Path, text: str) -> None:
    """Whole or not at all, in a folder that is made if need be.

    Raises:
        CheckpointError: it cannot be written.
    """
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text + "\n", encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror}") from None
