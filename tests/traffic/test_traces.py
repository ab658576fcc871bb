"""traffic.traces: what was asked once, read from CSV and from access logs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.access_lines import CombinedLines, JsonLines
from metrics.access_record import Request
from traffic.arrivals import WorkloadError
from traffic.traces import TracedRequest, parse_trace

pytestmark = pytest.mark.unit


def test_a_trace_has_offsets_alone_or_with_method_and_path() -> None:
    text = 'offset,method,path\n# a comment\n\n0\n0.5,POST,/x?y=1\n0.5, GET ,"/a,b"\n'
    assert parse_trace(text) == [
        TracedRequest(0.0),
        TracedRequest(0.5, "POST", "/x?y=1"),
        TracedRequest(0.5, "GET", "/a,b"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\nsoon\n", "t.csv:2: offset 'soon' is not a number"),
        ("0\noffset\n", "t.csv:2: offset 'offset' is not a number"),
        ("0\n\n-1\n", "t.csv:3: offset -1 must be seconds >= 0"),
        ("nan\n", "t.csv:1: offset nan must be"),
        ("1\n0.5\n", "t.csv:2: offset 0.5 is before 1 above it"),
        ("0,GET\n", "t.csv:1: 2 fields"),
        ("0,GET,/a,b\n", "t.csv:1: 4 fields"),
        ("0,get,/\n", "t.csv:1: method 'get'"),
        ("0,GET,there\n", "t.csv:1: path 'there'"),
        ('0,GET,"/a\n', "t.csv:1: not CSV"),
        ("# nothing\n", "t.csv: no request in it"),
    ],
)
def test_a_bad_trace_is_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(WorkloadError) as raised:
        parse_trace(text, "t.csv")
    assert str(raised.value).startswith(message)


def test_a_trace_too_long_to_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traffic.traces.MOST_REQUESTS", 2)
    with pytest.raises(WorkloadError, match="t: more than 2 requests"):
        parse_trace("0\n1\n2\n", "t")


def logged(*asked: tuple[float, str, str]) -> list[Request]:
    """As the data path would have written them down."""
    return [
        Request(at, at + 1.0, method=method, target=target, status=200, client="::1")
        for at, method, target in asked
    ]


def test_our_access_log_is_a_trace_in_order_of_time() -> None:
    """A line is written when its request ends, and the slow one began first."""
    lines = JsonLines(wall_offset=1e9, field_characters=2048)
    requests = logged((7.5, "GET", "/b"), (7.0, "POST", "/a?x=1"), (9.0, "", "/"))
    found = parse_trace("".join(map(lines.line, requests)))
    assert [(each.method, each.path) for each in found] == [("POST", "/a?x=1"), ("GET", "/b")]
    assert [each.offset for each in found] == pytest.approx([0.0, 0.5])


def test_json_lines_need_a_time_and_may_leave_the_rest_to_the_mix() -> None:
    assert parse_trace('{"offset": 3}\n{"timestamp": 4.5, "path": "/x"}\n') == [
        TracedRequest(0.0),
        TracedRequest(1.5, "GET", "/x"),
    ]


def test_a_log_of_whole_seconds_is_spread_over_them() -> None:
    lines = CombinedLines(wall_offset=1e9, field_characters=2048)
    asked = [(5.1, "GET", "/a"), (5.9, "GET", '/"b\\'), (7.0, "PUT", "/c"), (7.5, "-", "/")]
    found = parse_trace("".join(map(lines.line, logged(*asked))))
    assert [each.offset for each in found] == [0.0, 0.5, 2.0]
    assert [each.method for each in found] == ["GET", "GET", "PUT"]


def test_the_common_format_and_zones_are_understood() -> None:
    text = (
        '::1 - ann [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326\n'
        '::1 - - [10/Oct/2000:22:55:38 +0200] "GET /b HTTP/1.1" 304 -\n'
        '::1 - - [10/Oct/2000:20:55:38 +0000] "\\x16\\x03\\x01" 400 0\n'
        '::1 - - [10/Oct/2000:20:55:38 +0000] "OPTIONS * HTTP/1.1" 200 0 "-" "a \\"quoted\\" one"\n'
    )
    assert parse_trace(text) == [
        TracedRequest(0.0, "GET", "/a.gif"),
        TracedRequest(2.0, "GET", "/b"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"time": 1}\n{"time": "x"}', "t:2: has no number of seconds as offset or time"),
        ('{"time": true}', "t:1: has no number of seconds"),
        ('{"time": 1}\n{', "t:2: not JSON"),
        ('{"time": 1}\n[1]', "t:2: is no JSON object"),
        (
            '::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1\nwhat',
            "t:2: is not of the Common",
        ),
        ('::1 - - [31/Feb/2000:13:55:36 +0000] "GET / HTTP/1.0" 200 1', "t:1: is at no time"),
        ('::1 - - [10/Okt/2000:13:55:36 +0000] "GET / HTTP/1.0" 200 1', "t:1: is at no time"),
        ('::1 - - [10/Oct/2000:13:55:36 +0000] "-" 400 0', "t: no request in it"),
    ],
)
def test_a_bad_log_is_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(WorkloadError) as raised:
        parse_trace(text, "t")
    assert str(raised.value).startswith(message)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["", "0\n", '{"time": 0}\n', '::1 - - [01/Jan/2000:00:00:00 +0000] "']),
    st.text(max_size=80),
)
def test_whatever_stands_in_it_a_trace_is_read_or_refused(first: str, rest: str) -> None:
    try:
        found = parse_trace(first + rest)
    except WorkloadError:
        return
    assert found
    assert all(each.offset >= 0 for each in found)
