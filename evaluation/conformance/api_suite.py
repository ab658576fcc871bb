"""schemathesis against the APIs of adaptive shaping on a node's admin port: as the operator, as a
client with its API key, and as a site that takes part in federated learning."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from backend.processes import Process
from evaluation.conformance.page import Result
from evaluation.conformance.recorder import Recorder
from evaluation.conformance.suites import ROOT, Broken, balancer, run
from rl.vocabulary import JSON

TOKEN = "operator-of-the-suite"
KEY = "client-of-the-suite"
SITE_TOKEN = "site-of-the-suite"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
CLIENT = f"keyed/key:{DIGEST[:16]}"
BELOW = "/shaping/adaptive"
FEDERATION = "/federation"
OWN = rf"^{BELOW}/clients/.*/(adaptive|targets|metrics|agent)$"


SHAPING: dict[str, JSON] = {
    "enabled": True,
    "rules": [
        {
            "name": "keyed",
            "match": {"api_key_sha256": [DIGEST]},
            "client_by": "api_key",
            "requests_per_second": 100,
        },
        {"name": "bare", "match": {"paths": ["/bare"]}, "client_by": "rule"},
        {"name": "others", "requests_per_second": 100},
    ],
}
ADAPTIVE: dict[str, JSON] = {
    "enabled": True,
    "interval_seconds": 0.2,
    "envelopes": [
        {
            "rule": name,
            "requests_per_second": {"least": 10, "most": 1000, "step": 1.5},
            "urgency": {"least": 0, "most": 7, "step": 1},
        }
        for name in ("keyed", "others")
    ],
}

TOLD = f"Authorization: Bearer {TOKEN}", f"X-API-Key: {KEY}"
SITE = f"Authorization: Bearer {SITE_TOKEN}"
RUNS: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("operator", TOLD[0], f"^{BELOW}", {"path.id": CLIENT, "path.rule": "keyed"}),
    ("operator, a client without envelope", TOLD[0], f"^{BELOW}", {"path.id": "bare"}),
    ("operator, clients at random", TOLD[0], f"^{BELOW}", {}),
    ("client", TOLD[1], OWN, {"path.id": "self"}),
    ("client, clients at random", TOLD[1], OWN, {}),
    ("operator, federated learning", TOLD[0], f"^{FEDERATION}", {}),
    ("site, federated learning", SITE, f"^{FEDERATION}/", {}),
)
"""Who asks, and by what; which paths; parameters that are always the same: about clients that there
are not, all one learns is 404."""

# What a schema cannot say is that two numbers of one body must be in order, or what an agent's
# tables hold: there a body that fits its schema may be refused as well.
_CONFIG = """
[[operations]]
include-path = "{below}/envelopes/{{rule}}"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "422"]

[[operations]]
include-path = "{below}/clients/{{id}}/import"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "422"]

[[operations]]
include-path = "{federation}/offers"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "409", "422"]

[parameters]
{parameters}
"""


def settings(tokens: Path) -> dict[str, JSON]:
    """Of ``load_balancer``: a client that is known by its key, one by its address, and one whose
    rule has no envelope; and the coordinator of one site.

    Args:
        tokens: the file of the site's token.
    """
    federation: JSON = {"enabled": True, "token_file": str(tokens), "seconds": 1.0}
    adaptive: JSON = {**ADAPTIVE, "federation": federation}
    return {"admin_token": TOKEN, "shaping": {**SHAPING, "adaptive": adaptive}}


async def schemathesis(program: Path, examples: int = 100) -> Result:
    """Its examples, coverage, fuzzing and stateful phases with all of its checks.

    Args:
        program: its command.
        examples: requests of one operation and phase, at the most.
    """
    if not os.access(program, os.X_OK):
        raise Broken("not the program schemathesis")
    found, details, met = [], [], True
    async with _node() as node:
        for who, header, which, parameters in RUNS:
            status, out = await _run(program, node, header, which, parameters, examples)
            found.append(f"{who}: {summary(out)}")
            if status:
                met = False
                details.append(f"{who}: {out[-4000:]}")
    version = (await run([str(program), "--version"], ROOT)).strip()
    return Result(
        "schemathesis on the APIs of adaptive shaping",
        version.rpartition(" ")[2],
        "; ".join(found),
        "0 failures",
        met,
        tuple(details),
    )


def summary(out: str) -> str:
    """How many requests it made, and how many failures it found; as it says itself.

    Raises:
        Broken: it does not say.
    """
    told = [line.strip() for line in out.splitlines() if "generated" in line]
    counts = [line for line in told if line[:1].isdigit()]
    if not counts:
        raise Broken(f"it says {out[-300:]!r}")
    return counts[-1]


@asynccontextmanager
async def _node() -> AsyncIterator[Process]:
    """A node whose clients have asked for something, and are in the mode."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "sites"
        tokens.write_text(f"site {SITE_TOKEN}\n", encoding="utf-8")
        async with Recorder() as recorder, balancer(recorder.port, settings(tokens)) as node:
            await _enter(node)
            yield node


async def _enter(node: Process) -> None:
    """Put its clients into the mode.

    Raises:
        Broken: it does not take them.
    """
    admin = node.admin_url
    assert admin is not None
    operator = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient() as asks:
        for path, fields in (("/", {"X-API-Key": KEY}), ("/", {}), ("/bare", {})):
            await asks.get(node.url + path, headers=fields)
        for name in (CLIENT, "others/127.0.0.1"):
            url = f"{admin}{BELOW}/clients/{name}/adaptive"
            answer = await asks.post(url, headers=operator, json={"enabled": True})
            if answer.status_code != 200:
                raise Broken(f"{name} is not taken into the mode: {answer.text}")


async def _run(
    program: Path,
    node: Process,
    header: str,
    which: str,
    parameters: Mapping[str, str],
    examples: int,
) -> tuple[int, str]:
    """Its exit code, 0 for no failure, and what it says."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        named = "\n".join(f'"{name}" = "{value}"' for name, value in parameters.items())
        config = folder / "schemathesis.toml"
        config.write_text(
            _CONFIG.format(below=BELOW, federation=FEDERATION, parameters=named), encoding="utf-8"
        )
        # The description of the API is the operator's.
        described = folder / "openapi.json"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as asks:
            described.write_bytes((await asks.get(f"{node.admin_url}/openapi.json")).content)
        command = [
            *(str(program), "--config-file", str(config), "run", str(described)),
            *("--url", str(node.admin_url)),
            *("--include-path-regex", which, "--header", header, "--checks", "all"),
            *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure"),
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode("utf-8", "replace")
