"""http-tests/cache-tests on an unmodified checkout, against our proxy with its cache on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from pathlib import Path

from evaluation.bench.launch import free_ports
from evaluation.conformance.baseline import (
    CHECK,
    OPTIMAL,
    REQUIRED,
    Judged,
    compared,
    count,
    read,
    steadier,
    written,
)
from evaluation.conformance.page import Result
from evaluation.conformance.suites import Broken, balancer, port_of, run, version_of, wait_for
from evaluation.settings_known import known
from rl.vocabulary import JSON

BASELINE = Path(__file__).with_name("cache_tests_baseline.json")
FEWEST_OPTIMAL = 75
SETTINGS: dict[str, JSON] = {"cache": {"enabled": True}}
"""Of ``load_balancer``; all else of the cache is as it is by default."""

# Those that only a browser can run are left out, as its own client leaves them out.
_JUDGE = """
import fs from 'fs'
const [folder, file] = process.argv.slice(1)
const { default: suites } = await import(folder + '/tests/index.mjs')
const { determineTestResult } = await import(folder + '/test-engine/lib/results.mjs')
const results = JSON.parse(fs.readFileSync(file))
const found = {}
for (const test of suites.flatMap(suite => suite.tests)) {
  if (test.browser_only) continue
  const mark = determineTestResult(suites, test.id, results)[2]
  found[test.id] = [test.kind || 'required', ['\u2705', 'Y'].includes(mark)]
}
console.log(JSON.stringify(found))
"""


async def cache_tests(folder: Path, baseline: Path = BASELINE, accept: bool = False) -> Result:
    """What a cache must do, and does, beside what it did before.

    A test that the baseline passes and this run does not is asked once more, because it may have
    lost against the clock on a busy machine: lost is what fails both times.

    Args:
        baseline: the file that remembers.
        accept: write it anew, from this run.

    Raises:
        Broken: the suite, or the baseline, cannot be used.
    """
    before = {} if accept else await asyncio.to_thread(_remembered, baseline)
    now = await play(folder)
    details = []
    if before and (missed := compared(now, before).lost):
        now = steadier(now, await play(folder), missed)
        details += [f"passed at its second run only: {i}" for i in missed if now[i].passed]
    version = version_of(folder)
    if accept:
        await asyncio.to_thread(baseline.write_text, written(now, version), "utf-8")
    changes = compared(now, before)
    details += [f"LOST, passed in the baseline: {each}" for each in changes.lost]
    details += [f"passes, and did not in the baseline: {each}" for each in changes.gained]
    details += [f"behaves otherwise than in the baseline: {each}" for each in changes.behaves]
    if before:
        details += [f"not in the baseline: {each}" for each in changes.unknown]
        details += [f"only in the baseline: {each}" for each in changes.gone]
    details += [
        f"{kind}, fails: {each}"
        for kind in (REQUIRED, OPTIMAL)
        for each in sorted(now)
        if now[each] == Judged(kind, False) and each not in changes.lost
    ]
    required, optimal, checks = (count(now, kind) for kind in (REQUIRED, OPTIMAL, CHECK))
    good = required[0] == required[1] > 0 and optimal[0] >= min(FEWEST_OPTIMAL, optimal[1])
    return Result(
        "cache-tests",
        version,
        f"required {required[0]}/{required[1]}, optimal {optimal[0]}/{optimal[1]},"
        f" behaviours {checks[0]}/{checks[1]}, lost {len(changes.lost)}",
        f"every required one, {FEWEST_OPTIMAL} optimal ones, none lost that the baseline has",
        good and not changes.lost,
        tuple(details),
    )


async def play(folder: Path) -> dict[str, Judged]:
    """What each test came to in one run, with a cache that is empty at its beginning."""
    node = shutil.which("node")
    engine = folder / "test-engine"
    if node is None:
        raise Broken("node is not installed")
    if not (engine / "cli.mjs").exists():
        raise Broken("no test-engine/cli.mjs in it")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as name:
        results = Path(name) / "results.json"
        # Its scripts take their settings from where npm puts them.
        settings = {
            "npm_config_protocol": "http",
            "npm_config_port": str(port),
            "npm_config_pidfile": str(Path(name) / "pid"),
            "npm_config_id": "",
            "npm_package_config_id": "",
        }
        server = await asyncio.create_subprocess_exec(
            *(node, "--no-warnings", str(engine / "server" / "server.mjs")),
            cwd=folder,
            env={**os.environ, **settings},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await asyncio.to_thread(wait_for, port)
            ours = SETTINGS if known("load_balancer.cache.enabled") else {}
            async with balancer(port, ours) as process:
                settings["npm_config_base"] = f"http://127.0.0.1:{port_of(process)}"
                command = [node, "--no-warnings", str(engine / "cli.mjs")]
                results.write_text(await run(command, folder, settings), encoding="utf-8")
        finally:
            server.terminate()
            await server.wait()
        judge = [node, "--input-type=module", "-e", _JUDGE, str(folder), str(results)]
        out = await run(judge, folder)
    try:
        found = json.loads(out)
        return {id: Judged(kind, passed) for id, (kind, passed) in found.items()}
    except (ValueError, AttributeError, TypeError):
        raise Broken(f"it says {out[-300:]!r}") from None


def _remembered(path: Path) -> dict[str, Judged]:
    try:
        return read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Broken(f"{path}: {error}") from None
