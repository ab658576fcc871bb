"""One YAML file as data with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.yaml_file import NotYaml, dotted, noted, parsed, read

pytestmark = pytest.mark.unit


def test_each_value_knows_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\nb:\n  - c: 2\n  - 3\n")
    data, origins, problems = read(path)
    assert (data, problems) == ({"a": 1, "b": [{"c": 2}, 3]}, [])
    assert origins["a",] == f"{path}:1"
    assert origins["b", 0, "c"] == f"{path}:3"
    assert origins["b", 1] == f"{path}:4"


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a: 1\na: 2", ":2: a: stands twice"), ("- 1", "must hold keys and values, not a list")],
)
def test_what_is_no_configuration_is_a_problem(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert problem in read(path)[2][0]


def test_what_is_no_yaml_says_its_line() -> None:
    with pytest.raises(NotYaml) as raised:
        parsed("a: 1\nb: [")
    assert raised.value.line == 2


def test_one_origin_for_all_that_data_hold() -> None:
    assert noted({"a": [1]}, "x") == {(): "x", ("a",): "x", ("a", 0): "x"}


def test_a_path_is_shown_as_it_is_written() -> None:
    assert dotted(("servers", 0, "port")) == "servers[0].port"
