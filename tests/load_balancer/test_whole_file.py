"""Files that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from load_balancer.whole_file import check_writable, write_whole

pytestmark = pytest.mark.unit


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    for text in ("one", "zwölf"):
        write_whole(path, text)
        assert text == path.read_text(encoding="utf-8")
    assert ["learned.json"] == os.listdir(tmp_path)


def test_what_was_there_stays_where_it_cannot_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "within").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(path, "text")
    assert ["folder"] == os.listdir(tmp_path)


def test_folders_are_made(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b" / "file")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        check_writable(tmp_path / "file" / "within")
