"""The fuzzer's inputs, replayed without it; and that the laws can be broken."""

from collections.abc import Iterator

import pytest

from tests.fuzz import corpus, laws
from tests.fuzz.desk import Desk, Line
from tests.live.asking import get

pytestmark = pytest.mark.unit

INPUTS = corpus.read()


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


@pytest.mark.parametrize("key", INPUTS, ids=" ".join)
def test_input(desk: Desk, key: tuple[str, str]) -> None:
    """Each holds to every law of its target."""
    law = laws.requests if key[0] == "requests" else laws.answers
    law(desk, INPUTS[key])


def test_the_corpus_is_small_and_of_both_targets() -> None:
    """It is read by people, and replayed with every run of the tests."""
    assert 50 < len(INPUTS) <= 150
    assert corpus.FILE.stat().st_size <= 200_000
    assert {target for target, _ in INPUTS} == set(corpus.MOST)


def test_what_goes_on_is_seen(desk: Desk) -> None:
    """Otherwise the laws would hold for a proxy that refuses all."""
    seen = laws.requests(desk, b"\x01\x00\x05" + get("/a") + get("/b", method="HEAD"))
    assert [each.what for each in seen.asked] == ["GET /a", "HEAD /b"]
    assert [each.status for each in seen.given] == [200, 200]
    answered = laws.answers(desk, b"\x00\x01\x00\x09" + laws.ANSWER % (b"a", 5, b"hello"))
    assert answered.given is not None
    assert (answered.given.status, answered.given.body) == (200, b"hello")


def test_a_smuggled_request_breaks_a_law(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that passes on one line end too many is found out."""
    write = Line.write
    monkeypatch.setattr(Line, "write", lambda self, data: write(self, b"\r\n" + data))
    with pytest.raises(AssertionError, match="the endpoint got"):
        laws.requests(desk, b"\x00" + get("/a"))


def test_bytes_behind_an_answer_break_a_law(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is one that lets an endpoint say more than one answer."""
    write = Line.write
    monkeypatch.setattr(
        Line, "write", lambda self, data: write(self, data + data * data.startswith(b"HTTP"))
    )
    with pytest.raises(AssertionError):
        laws.answers(desk, b"\x00\x00" + laws.ANSWER % (b"a", 5, b"hello"))
