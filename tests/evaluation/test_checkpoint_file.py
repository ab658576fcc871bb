"""Files of what was learned are read and written whole, or refused by name."""

from pathlib import Path

import pytest

from evaluation.checkpoint_file import CheckpointError, read_json, write_whole

pytestmark = pytest.mark.unit


def test_they_are_read_back_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.json"
    for text in ('{"a": 1}', '{"a": 2}'):
        write_whole(path, text)
    assert {"a": 2} == read_json(path, 100, "")
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize(
    ("text", "said"), [("no", "is no JSON"), ("[" * 100_000, "is no JSON"), ('"\\', "is no JSON")]
)
def test_what_is_no_json_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=rf"one\.json: {said}"):
        read_json(path, 1 << 20, "")


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    with pytest.raises(CheckpointError, match=r"one\.json: cannot be read: .*; train first"):
        read_json(path, 100, "train first")
    path.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(CheckpointError, match=r"one\.json: is larger than 1 MiB"):
        read_json(path, 1 << 20, "")
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_whole(path / "two.json", "{}")
