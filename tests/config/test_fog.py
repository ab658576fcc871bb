"""A fog's files."""

import json
from pathlib import Path

import pytest

from config.fog import DEFAULT_FOG, load_fog
from config.loading import ConfigError
from rl.fog.settings import FogSettings

pytestmark = pytest.mark.unit


def test_our_file_says_what_is_so_without_it() -> None:
    assert load_fog() == load_fog(DEFAULT_FOG) == load_fog(str(DEFAULT_FOG)) == FogSettings()


def test_properties_and_the_file_that_they_name(tmp_path: Path) -> None:
    job = {"max_cpu": 100, "total_resources_duration": 1000, "max_mem": 2}
    (tmp_path / "trace.json").write_text(json.dumps({"j": job}))
    path = tmp_path / "fog.txt"
    path.write_text("SIZE 3\nsimtype basic-workload\nprotocol.clt.workloadPath trace.json\n")
    made = load_fog(path)
    assert (made.nodes, len(made.trace)) == (3, 1)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.yaml", "nodes:\n  core: 3\n", "a.yaml:2: nodes.core: unknown key; .*'nodes.cores'"),
        ("a.yaml", "nodes: {cores: x}", "a.yaml:1: nodes.cores: must be a number, not 'x'"),
        ("a.yaml", "tasks:\n  task_types:\n  - {wait: 1}", r"a.yaml:2: tasks.task_types\[0\].wait"),
        ("a.yaml", "nodes: [", "a.yaml:1: "),
        ("a.yaml", "nodes: {}\nnodes: {}\n", "a.yaml:2: nodes: stands twice"),
        ("a.yaml", "- 1", "must hold keys and values, not a list"),
        ("a.txt", "SIZ 3\n", "a.txt: SIZ: unknown key; the nearest valid one is 'SIZE'"),
        ("a.txt", "\xff\xfe", "SIZE|unknown key|no value"),
        ("a.txt", "topology_path gone.json\n", "a.txt: topology_path: gone.json: cannot be read"),
    ],
)
def test_problems_name_file_and_key(tmp_path: Path, name: str, text: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_fog(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("gone.yaml", "gone.txt"):
        with pytest.raises(ConfigError, match=f"{name}: cannot be read: No such file"):
            load_fog(tmp_path / name)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"SIZE \xff")
    with pytest.raises(ConfigError, match=r"a.txt: not UTF-8: .* at byte 5"):
        load_fog(tmp_path / "a.txt")
