"""``python -m tests.fuzz.corpus`` writes ``corpus.txt``: inputs to start from, made of the rows of
the conformance table, one a line: target, name, bytes. Inputs that were found stay as they are."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from tests.conformance.rows import ROWS
from tests.conformance.rows.model import AT_ONCE, Row, Step
from tests.fuzz.laws import ASKED, MAX_CUTS

FILE = Path(__file__).with_name("corpus.txt")
FOUND = "found-"
"""What the names of inputs begin with that a fuzzer came up with."""

MOST = {"requests": 80, "answers": 60}
LONGEST_BYTES = 1500

Inputs = dict[tuple[str, str], bytes]


def read() -> Inputs:
    """The committed inputs, by target and name."""
    found: Inputs = {}
    for line in FILE.read_text(encoding="ascii").splitlines() if FILE.exists() else ():
        target, name, data = line.split(" ", 2)
        found[target, name] = ast.literal_eval(data)
    return found


def unpack(target: str, folder: Path) -> None:
    """One file for each input of a target, as a fuzzer wants them."""
    for (each, name), data in read().items():
        if each == target:
            (folder / name).write_bytes(data)


def made() -> Inputs:
    """Inputs from the table."""
    inputs: Inputs = {}
    for target, most in MOST.items():
        make = _request if target == "requests" else _answer
        all_of_it = {row.id: data for row in ROWS if (data := make(row))}
        names = list(all_of_it)
        step = max(1.0, len(names) / most)
        for number in range(min(most, len(names))):
            name = names[int(number * step)]
            inputs[target, name] = all_of_it[name]
    return inputs


def _pieces(steps: tuple[Step, ...]) -> list[bytes]:
    return [step for step in steps if isinstance(step, bytes)]


def _framed(pieces: list[bytes]) -> bytes:
    """How ``laws.cut`` cuts it into these."""
    data = b"".join(pieces)
    if len(data) > LONGEST_BYTES:
        return b""
    places, at = [], 0
    for piece in pieces[:-1][:MAX_CUTS]:
        at += len(piece)
        places.append((at % (len(data) + 1)).to_bytes(2, "big"))
    return bytes([len(places)]) + b"".join(places) + data


def _request(row: Row) -> bytes:
    pieces = _pieces(row.client)
    return _framed(pieces) if pieces and row.area != "upstream" else b""


def _answer(row: Row) -> bytes:
    turn = next((turn for turn in row.origin if _pieces(turn)), ())
    pieces = _pieces(turn)
    if not pieces or AT_ONCE in turn:
        return b""
    asked = b"".join(_pieces(row.client))
    number = 0
    for each, sign in enumerate((b"GET", b"HEAD", b"HTTP/1.0", b"keep-alive", b"POST", b"100-")):
        if sign in asked:
            number = each
    if b"Upgrade: " in asked:
        number = 6
    assert number < len(ASKED)
    framed = _framed(pieces)
    return bytes([number]) + framed if framed else b""


def main() -> int:
    """Write the file."""
    inputs = made() | {key: data for key, data in read().items() if key[1].startswith(FOUND)}
    lines = [f"{target} {name} {data!r}\n" for (target, name), data in sorted(inputs.items())]
    FILE.write_text("".join(lines), encoding="ascii")
    print(f"{len(lines)} inputs, {FILE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
