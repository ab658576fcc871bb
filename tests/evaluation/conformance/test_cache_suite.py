"""cache-tests, by a small suite of our own making that is run as the real one is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.conformance.baseline import Judged, written
from evaluation.conformance.cache_suite import cache_tests
from evaluation.conformance.suites import Broken

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
]

FILES = {
    "test-engine/server/server.mjs": "import http from 'http'\n"
    "let count = 0\n"
    # Only what its client asks for is counted: the balancer polls /health meanwhile.
    "http.createServer((asked, answer) => {"
    " answer.setHeader('Cache-Control', 'max-age=60');"
    " if (asked.url === '/x') count += 1;"
    " answer.end(`served ${count}`) }).listen(process.env.npm_config_port)\n",
    # Its own client asks twice through us; the second answer comes out of the cache.
    "test-engine/cli.mjs": "const ask = async () => {\n"
    "  const answer = await fetch(process.env.npm_config_base + '/x')\n"
    "  return answer.headers.get('via') && await answer.text() }\n"
    "const cached = await ask() === 'served 1' && await ask() === 'served 1'\n"
    "console.log(JSON.stringify({ a: cached, b: FIRST, c: cached, d: false, e: true }))\n",
    "test-engine/lib/results.mjs": "export function determineTestResult (_, id, results) {\n"
    "  return ['', '', results[id] ? '\u2705' : '\u26d4'] }\n",
    "tests/index.mjs": "export default [{ tests: [{ id: 'a' }, { id: 'b', kind: 'required' },"
    " { id: 'c', kind: 'optimal' }, { id: 'd', kind: 'check' },"
    " { id: 'e', browser_only: true }] }]\n",
}
ALWAYS, NEVER = "true", "false"
ONCE = (
    "await (async () => { const fs = await import('fs'); const there = fs.existsSync('seen');"
    " fs.writeFileSync('seen', ''); return there })()"
)


def checkout(folder: Path, first: str) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("FIRST", first), encoding="utf-8")
    return folder


async def test_it_is_counted_by_kind_and_accepted(tmp_path: Path) -> None:
    """With our cache on, and without what only a browser can do."""
    baseline = tmp_path / "baseline.json"
    result = await cache_tests(checkout(tmp_path, ALWAYS), baseline, accept=True)
    assert result.found == "required 2/2, optimal 1/1, behaviours 0/1, lost 0"
    assert result.met is True
    assert json.loads(baseline.read_text())["required"]["passed"] == ["a", "b"]
    assert result.details == ()


async def test_what_is_lost_is_named(tmp_path: Path) -> None:
    """Having failed twice."""
    baseline = tmp_path / "baseline.json"
    tests = {"b": Judged("required", True), "d": Judged("check", True)}
    baseline.write_text(written(tests, "before"))
    result = await cache_tests(checkout(tmp_path, NEVER), baseline)
    assert result.met is False
    assert "LOST, passed in the baseline: b" in result.details
    assert "behaves otherwise than in the baseline: d" in result.details
    assert "not in the baseline: a" in result.details


async def test_what_passes_at_its_second_run_is_not_lost(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text(written({"b": Judged("required", True)}, "before"))
    result = await cache_tests(checkout(tmp_path, ONCE), baseline)
    assert result.met is True
    assert "passed at its second run only: b" in result.details


async def test_a_baseline_that_is_none(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text("{}")
    with pytest.raises(Broken, match=r"baseline\.json: no list required\.passed"):
        await cache_tests(tmp_path, baseline)


async def test_without_node_it_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Broken, match="node is not installed"):
        await cache_tests(tmp_path)
