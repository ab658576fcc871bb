"""``python -m tests.fuzz.fuzz_messages requests|answers [option of libFuzzer …]``: bytes of a
client, or of an endpoint, against the laws; needs the extra ``fuzz``. ``make fuzz`` runs it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["load_balancer.forwarding"]):
    import load_balancer.forwarding.listener  # noqa: F401 - what is to be instrumented

from load_balancer.forwarding.fields import REQUEST_FIELDS
from tests.fuzz import corpus, laws
from tests.fuzz.desk import Desk

WORDS = (
    *(name + b": " for name in REQUEST_FIELDS),
    *b"GET HEAD POST OPTIONS TRACE chunked close keep-alive upgrade websocket 100-continue".split(),
    *(b"HTTP/1.1 %d OK\r\n" % status for status in (100, 101, 103, 200, 204, 206, 304, 500)),
    *(b" HTTP/1.0\r\n", b" HTTP/1.1\r\n", b"\r\n\r\n", b"\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Host: a\r\n"),
)
SECONDS = 60
LONGEST_BYTES = 4096
FINDINGS = Path("reports") / "fuzz"


def main(arguments: list[str]) -> None:
    """Fuzz; inputs that break a law are written to ``reports/fuzz/``."""
    target = arguments[0] if arguments and not arguments[0].startswith("-") else "requests"
    options = arguments[1:] if arguments and arguments[0] == target else arguments
    law = {"requests": laws.requests, "answers": laws.answers}[target]
    desk = Desk()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder) / "inputs"
        inputs.mkdir()
        corpus.unpack(target, inputs)
        words = Path(folder) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS))
        settings = [
            f"-max_total_time={SECONDS}",
            f"-max_len={LONGEST_BYTES}",
            f"-artifact_prefix={FINDINGS}/{target}-",
            f"-dict={words}",
            "-timeout=5",
        ]
        # The last setting of a name counts.
        atheris.Setup([sys.argv[0], *settings, *options, str(inputs)], lambda data: law(desk, data))
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(sys.argv[1:])
