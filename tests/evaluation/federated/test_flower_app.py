"""What runs over Flower. Its environment is another one than the tests'; where one was made
(``python -m evaluation.federated flower``), the rounds are run in it for real."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.federated import flower
from rl.federated.averaging import merge
from rl.federated.terms import Terms

pytestmark = pytest.mark.integration

NOT_THERE = ("pydantic", "fastapi", "httpx", "yaml", "prometheus_client", "torch")
"""Flower's environment has none of these, or has them in other versions."""

ENVIRONMENT = Path(os.environ.get("SLB_FLOWER", str(flower.ROOT / "state" / "flower")))
MADE = (ENVIRONMENT / "bin" / "flower-superlink").exists()


def test_what_it_imports_of_ours_needs_numpy_and_nothing_else() -> None:
    ours = [
        node.module
        for node in ast.walk(ast.parse(flower.APP.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("flwr")
    ]
    wanted = [each for each in ours if each.partition(".")[0] in ("rl", "load_balancer")]
    assert wanted
    text = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_THERE!r}));import {', '.join(wanted)}"
    )

    subprocess.run([sys.executable, "-c", text], check=True, cwd=flower.ROOT, timeout=60)


def table(value: float, visits: int) -> dict[str, Any]:
    """Of one state and two actions."""
    state = {"levels": [0], "values": [value, 0.0], "visits": [visits, 0]}
    return {"kind": "tabular", "encoder": 1, "experience": visits, "states": [state]}


@pytest.mark.skipif(not MADE, reason=f"no environment of Flower in {ENVIRONMENT}")
def test_our_mean_is_flowers_own_fedavg() -> None:
    text = """
import random
from evaluation.federated.flower_app import _difference
dice = random.Random(1)
def network(experience):
    weights = [[dice.gauss(0, 1) for _ in range(8)] for _ in range(8)]
    return {"kind": "dqn", "encoder": 1, "experience": experience, "arrays": {"w": weights}}
offers = {site: {"a": network(100 + new)} for site, new in (("x", 10), ("y", 30), ("z", 5))}
found = _difference(offers, {"a": network(100)})
assert 0.0 <= found < 1e-9, found
"""
    environ = {**os.environ, **flower.QUIET, "PYTHONPATH": str(flower.ROOT)}
    python = ENVIRONMENT / "bin" / "python"

    subprocess.run([python, "-c", text], check=True, env=environ, timeout=120)


@pytest.mark.slow
@pytest.mark.skipif(not MADE, reason=f"no environment of Flower in {ENVIRONMENT}")
def test_rounds_over_real_grpc_are_those_of_a_node(tmp_path: Path) -> None:
    """With a poisoned site and one that fails."""
    given = {"north": table(-1.0, 10), "south": table(-3.0, 30), "poisoned": table(1e9, 5)}
    sites = {}
    for name, parameters in given.items():
        sites[name] = tmp_path / f"{name}.json"
        sites[name].write_text(json.dumps({"a": parameters}))
    sites["failing"] = tmp_path / "missing.json"
    wanted = flower.Wanted(rounds=1, deadline_seconds=40.0)

    found = flower.run(
        flower.environment(ENVIRONMENT, print), tmp_path / "run", sites, wanted, print
    )

    good = {name: each for name, each in given.items() if name != "poisoned"}
    expected = merge(None, good, Terms()).parameters
    assert expected is not None
    for name in good:
        assert expected == json.loads(sites[name].read_text())["a"]
    assert (1, ["a"]) == (found["rounds"], found["learners"])
    refusals = [site["refusal"] for site in found["sites"].values() if site["refused"]]
    assert 2 == len(refusals)
    assert any("is beyond" in str(each) for each in refusals)
