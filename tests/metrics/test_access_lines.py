"""How a record looks as a line: whole, honest and on one line, whatever it holds."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import access_lines
from metrics.access_lines import CombinedLines, JsonLines
from metrics.access_record import Request
from tests.metrics.usual import USUAL, plain

pytestmark = pytest.mark.unit

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def read(request: Request, wall_offset: float = 0.0, longest: int = 2048) -> dict[str, Any]:
    text = JsonLines(wall_offset, longest).line(plain(request))
    assert text.isascii() and text.endswith("}\n") and text.count("\n") == 1
    found: dict[str, Any] = json.loads(text)
    return found


def combined(request: Request, longest: int = 2048) -> str:
    text = CombinedLines(1_700_000_000.0 - 100.0, longest).line(plain(request))
    assert text.isascii() and text.endswith("\n")
    return text[:-1]


def test_a_line_says_everything_of_a_request() -> None:
    """The keys that people and tools rely on, in their order; time is unix time."""
    expected = {
        "time": 1_700_000_100.0,
        "client": "192.0.2.1",
        "forwarded_for": None,
        "method": "GET",
        "host": "example.com",
        "target": "/report/12?x=1",
        "version": "HTTP/1.1",
        "tls": None,
        "status": 200,
        "termination": "complete",
        "reason": None,
        "queue": 0.0,
        "connect": 0.0,
        "first_byte": 0.25,
        "total": 0.5,
        "bytes_in": 7,
        "bytes_out": 1200,
        "endpoint": "server1",
        "strategy": "round_robin",
        "attempts": 1,
        "tried": [],
        "explored": False,
        "propensity": 1.0,
        "cache": None,
        "request_id": "0123456789abcdef",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "user_agent": "curl/8.5.0",
        "referer": None,
    }
    found = read(USUAL, 1_700_000_000.0)

    assert expected == found
    assert list(expected) == list(found)


def test_a_request_with_a_past_says_it_all() -> None:
    request = USUAL._replace(
        queue=0.125,
        connect=0.0625,
        attempts=3,
        tries=(("a", 100.0, 100.1, "connect_failed", b""), ("b", 100.1, 100.2, "reset", b"")),
        explored=True,
        propensity=0.1,
        tls="TLSv1.3",
        forwarded_for=b"198.51.100.7",
        modern=False,
        cache="miss",
        referer=b"http://example.com/",
        termination="endpoint_body",
        reason="connection_lost",
    )
    found = read(request)

    assert (0.125, 0.0625) == (found["queue"], found["connect"])
    assert (3, ["a", "b"]) == (found["attempts"], found["tried"])
    assert (True, 0.1) == (found["explored"], found["propensity"])
    assert ("TLSv1.3", "HTTP/1.0", "198.51.100.7") == (
        found["tls"], found["version"], found["forwarded_for"],
    )  # fmt: skip
    assert ("miss", "http://example.com/") == (found["cache"], found["referer"])
    assert ("endpoint_body", "connection_lost") == (found["termination"], found["reason"])


def test_what_was_not_reached_is_null() -> None:
    """Null, not minus one: nobody's mean must be wrong because of it."""
    found = read(Request(started=1.0, ended=1.5, termination="refused", status=400))

    assert [None] * 3 + [0.5] == [
        found[each] for each in ("queue", "connect", "first_byte", "total")
    ]
    assert [None] * 4 == [
        found[each] for each in ("endpoint", "strategy", "propensity", "trace_id")
    ]
    assert (0, "") == (found["attempts"], found["method"])


@pytest.mark.parametrize(
    ("connect", "first_byte_at"), [(-1.0, 2.0), (0.5, -1.0), (-1.0, -1.0), (0.0, 2.0)]
)
def test_each_timer_stands_for_itself(connect: float, first_byte_at: float) -> None:
    found = read(
        USUAL._replace(started=1.0, queue=0.25, connect=connect, first_byte_at=first_byte_at)
    )

    assert 0.25 == found["queue"]
    assert (None if connect < 0 else connect) == found["connect"]
    assert (None if first_byte_at < 0 else first_byte_at - 1.0) == found["first_byte"]


HOSTILE = st.text(alphabet=st.characters(max_codepoint=255), max_size=30) | st.sampled_from(
    [
        '"}\n{"status": 200',
        '\\"',
        "\r\n",
        "\x1b[2J",
        "\x00",
        "\x7f",
        "é",
        '" 200 1 "-" "-"\n1.2.3.4',
    ]
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_request_can_write_a_line_of_its_own_or_change_another_field(
    target: str, host: str, agent: str, client: str
) -> None:
    """JSON: one object, all values as they came, nothing but printable ASCII in the file."""
    request = USUAL._replace(
        target=target,
        host=host,
        method=host,
        client=client,
        agent=agent.encode("latin-1"),
        referer=target.encode("latin-1"),
        forwarded_for=host.encode("latin-1"),
        request_id=agent,
        endpoint=client,
        strategy=target,
        cache=host,
    )
    text = JsonLines(0.0, 2048).line(plain(request))
    found = json.loads(text)

    assert text[:-1].isprintable() and text.isascii()
    assert [target] * 3 == [found[each] for each in ("target", "referer", "strategy")]
    assert [host] * 4 == [found[each] for each in ("host", "method", "forwarded_for", "cache")]
    assert [agent] * 2 == [found[each] for each in ("user_agent", "request_id")]
    assert [client] * 2 == [found[each] for each in ("client", "endpoint")]
    assert (200, "complete") == (found["status"], found["termination"])


COMBINED = re.compile(
    r'(\S+) - - \[([^]]+)\] "([^"]*) (HTTP/1\.[01])" ([0-9]{3}) ([0-9]+|-) "([^"]*)" "([^"]*)"'
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_in_the_combined_format_no_field_can_end_before_its_quote(
    target: str, referer: str, agent: str
) -> None:
    """A quote inside is escaped, so who splits at quotes finds every field; nothing is lost."""
    line = combined(
        USUAL._replace(
            target=target, referer=referer.encode("latin-1"), agent=agent.encode("latin-1")
        )
    )
    found = COMBINED.fullmatch(line)

    assert line.isprintable()
    assert found is not None
    assert ("200", "1000") == (found[5], found[6])
    assert (referer, agent) == (unescaped(found[7]), unescaped(found[8]))
    assert f"GET {target or '-'}" == unescaped(found[3])


def unescaped(text: str) -> str:
    return re.sub(r"\\x([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)


def test_the_combined_format_is_that_of_other_servers() -> None:
    assert (
        '192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] "GET /report/12?x=1 HTTP/1.1" 200 1000 '
        '"-" "curl/8.5.0"'
    ) == combined(USUAL)


def test_in_the_combined_format_too_what_is_not_there_is_a_dash() -> None:
    request = Request(started=101.0, ended=102.0, client="::1", status=0, modern=False)

    assert '::1 - - [14/Nov/2023:22:13:21 +0000] "- - HTTP/1.0" 000 - "-" "-"' == combined(request)


def test_the_combined_time_is_each_lines_own() -> None:
    lines = CombinedLines(0.0, 100)
    times = [0.0, 0.9, 1.0, 86_400.0 * 365]
    stamps = [
        lines.line(plain(USUAL._replace(started=at))).split("[")[1].split("]")[0] for at in times
    ]

    assert [
        "01/Jan/1970:00:00:00 +0000",
        "01/Jan/1970:00:00:00 +0000",
        "01/Jan/1970:00:00:01 +0000",
        "01/Jan/1971:00:00:00 +0000",
    ] == stamps


def test_long_fields_are_shortened() -> None:
    """A line has a bound, whatever a client sends."""
    long = "x" * 5000
    request = USUAL._replace(
        target=long, agent=long.encode(), referer=long.encode(), forwarded_for=long.encode(),
        host=long, method=long,
    )  # fmt: skip
    found = read(request, longest=20)

    for key in ("target", "user_agent", "referer", "forwarded_for", "host", "method"):
        assert "x" * 20 == found[key], key
    assert 4 * 20 + 100 > len(combined(request, longest=20))


def test_agents_are_remembered_up_to_a_bound() -> None:
    lines = JsonLines(0.0, 2048)
    for number in range(2000):
        agent = b"agent %d" % number
        text = lines.line(plain(USUAL._replace(agent=agent)))
        assert agent.decode() == json.loads(text)["user_agent"]
    lines.line(plain(USUAL._replace(agent=b"x" * 1000)))

    assert access_lines._Escaped.MOST == len(lines._agents)
    assert max(map(len, lines._agents)) <= access_lines._Escaped.LONGEST


def test_every_key_is_documented() -> None:
    text = DOCUMENT.read_text("utf-8")
    table = text.split("### JSON")[1].split("###")[0]
    rows = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
    documented = [key for row in rows for key in re.findall(r"`(\w+)`", row)]

    assert sorted(read(USUAL)) == sorted(documented)
