"""schemathesis against the APIs of adaptive shaping: a program of our own making in its stead, run
through the real thing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evaluation.conformance.api_suite import RUNS, schemathesis, summary
from evaluation.conformance.suites import Broken

pytestmark = pytest.mark.integration

PROGRAM = """#!{python}
import json, sys, urllib.request
if sys.argv[1:] == ["--version"]:
    print("schemathesis, version 4.0")
    sys.exit()
given = dict(zip(sys.argv, sys.argv[1:]))
described = json.load(open(given["run"]))
assert "/shaping/adaptive/clients/{{id}}/agent" in described["paths"]
client = "self" if given["--header"].startswith("X-API-Key") else "others/127.0.0.1"
path = f"/shaping/adaptive/clients/{{client}}/agent"
if "site" in given["--header"]:
    path = "/federation/model"
request = urllib.request.Request(given["--url"] + path)
request.add_header(*given["--header"].split(": "))
with urllib.request.urlopen(request) as answer:
    found = json.load(answer)
    enabled = found.get("enabled") or found.get("round")
good = enabled and client != "self"
print("  1 generated, 1 passed" if good else "  1 generated, 1 found 1 unique failure")
sys.exit(not good)
"""


async def test_each_asks_as_it_may_and_a_failure_is_told(tmp_path: Path) -> None:
    program = tmp_path / "schemathesis"
    program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    result = await schemathesis(program)

    assert ("4.0", False) == (result.version, result.met)
    assert 5 == result.found.count("1 generated, 1 passed")
    by_key = [who for who, *_ in RUNS if who.startswith("client")]
    assert by_key == [each.partition(":")[0] for each in result.details]


async def test_something_else_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        await schemathesis(tmp_path / "nothing")
    with pytest.raises(Broken, match="it says"):
        summary("no schema")
