"""Public suites: small checkouts of our own making, run through the real thing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from evaluation.conformance import suites
from evaluation.conformance.cache_suite import cache_tests

pytestmark = pytest.mark.integration


def test_the_notation_of_the_corpus() -> None:
    """Line ends of the file mean nothing; those written out do."""
    assert (
        suites.corpus(b"GET /\\x41 HTTP/1.1\\r\\n\nX: \\0\\t\\n") == b"GET /A HTTP/1.1\r\nX: \0\t\n"
    )


async def test_gunicorns_corpus(tmp_path: Path) -> None:
    """One that is refused, one that is forwarded cleanly, and one that is broken off."""
    folder = tmp_path / "tests" / "requests" / "invalid"
    folder.mkdir(parents=True)
    (folder / "bad.http").write_bytes(b"GET / HTTP/1.1\\r\\n\nHost: a\\r\\n\nX : y\\r\\n\n\\r\\n\n")
    (folder / "good.http").write_bytes(b"GET / HTTP/1.1\\r\\n\nHost: a\\r\\n\n\\r\\n\n")
    (folder / "part.http").write_bytes(
        b"POST / HTTP/1.1\\r\\n\nHost: a\\r\\n\nContent-Length: 5\\r\\n\n\\r\\n\nab"
    )
    result = await suites.gunicorn(tmp_path)
    assert result.found == (
        "1 of 3 rejected, 1 sent on in one clean form, 1 begun and broken off, 0 ambiguously"
    )
    assert result.met is False
    assert [line.rpartition(" ")[2] for line in result.details] == ["`good.http`", "`part.http`"]


async def test_a_checkout_of_something_else(tmp_path: Path) -> None:
    for suite in (suites.gunicorn, suites.h1spec, cache_tests, suites.autobahn):
        with pytest.raises(suites.Broken):
            await suite(tmp_path / "nothing")


async def test_h1spec(tmp_path: Path) -> None:
    """It is asked strictly, for the port where we listen, and its marks are counted."""
    (tmp_path / "h1spec").mkdir()
    (tmp_path / "h1spec" / "__init__.py").write_text(
        "import sys, socket\n"
        "def main():\n"
        "    host, port = sys.argv[2].split(':')\n"
        "    with socket.create_connection((host, int(port)), 5) as s:\n"
        "        s.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
        "        good = s.recv(100).startswith(b'HTTP/1.1 200')\n"
        "    print('  \\x1b[32m✓\\x1b[0m 1. forwards' if good else '  ✗ 1. forwards')\n"
        "    print('  ✗ 2. fails', sys.argv[1])\n"
    )
    result = await suites.h1spec(tmp_path)
    assert result.found == "1 of 2 passed"
    assert result.details == ("failed: 2. fails --strict",)


def test_h1spec_that_says_nothing() -> None:
    with pytest.raises(suites.Broken, match="gibberish"):
        suites.read_h1spec("gibberish")


async def test_autobahn(tmp_path: Path) -> None:
    """A program in its place, which notes the answers to its handshakes."""
    program = tmp_path / "wstest"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "from websockets.sync.client import connect\n"
        "if '-s' not in sys.argv: sys.exit()\n"
        "spec = json.load(open(sys.argv[sys.argv.index('-s') + 1]))\n"
        "found = {}\n"
        "for server in spec['servers']:\n"
        "    with connect(server['url'], proxy=None) as client:\n"
        "        client.send('hello')\n"
        "        good = 'OK' if client.recv() == 'hello' else 'FAILED'\n"
        "    found[server['agent']] = {'1.1.1': {'behavior': good, 'behaviorClose': 'OK'}}\n"
        "os.mkdir(spec['outdir'])\n"
        "json.dump(found, open(os.path.join(spec['outdir'], 'index.json'), 'w'))\n"
    )
    program.chmod(0o755)
    result = await suites.autobahn(program)
    assert result.found == "1 cases; fail through us: none; straight: none"
    assert result.met is True


def test_what_fails_through_us_only_is_told() -> None:
    """A case counts as failed when its message or its close is wrong."""
    good = {"behavior": "OK", "behaviorClose": "INFORMATIONAL"}
    bad = {"behavior": "OK", "behaviorClose": "FAILED"}
    result = suites.compare({"1": good, "2": bad}, {"1": bad, "2": bad}, "1.0")
    assert result.met is False
    assert result.details == ("fails only through us: 1",)
    assert suites.compare({"2": bad}, {"2": bad}, "1.0").met is True
    assert suites.compare({}, {}, "1.0").met is False
