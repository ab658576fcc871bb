"""W3C Trace Context and Server-Timing, byte by byte."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_balancer.forwarding import tracing

pytestmark = pytest.mark.unit

TRACE = b"0af7651916cd43dd8448eb211c80319c"
PARENT = b"b7ad6b7169203331"
SPAN = b"00f067aa0ba902b7"
VALID = b"00-" + TRACE + b"-" + PARENT + b"-01"
FORM = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]")


def test_a_child_is_of_the_same_trace_below_its_own_span() -> None:
    assert b"00-" + TRACE + b"-" + SPAN + b"-01" == tracing.child(VALID, SPAN)


@pytest.mark.parametrize(
    ("came", "goes"),
    [(b"00", b"00"), (b"01", b"01"), (b"02", b"02"), (b"03", b"03"), (b"04", b"00"), (b"ff", b"03"),
     (b"fd", b"01"), (b"a2", b"02")],
)  # fmt: skip
def test_the_known_flags_go_on_and_the_others_are_cleared(came: bytes, goes: bytes) -> None:
    """Level 2, sections 3.2.2.5.1 to 3.2.2.5.3: sampled, random, and what nobody has defined."""
    child = tracing.child(VALID[:-2] + came, SPAN)

    assert child is not None and goes == child[-2:]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        TRACE,
        VALID[:-1],
        VALID + b"0",
        VALID + b"-",
        VALID + b"-more",
        VALID + b"\n",
        b" " + VALID,
        VALID + b" ",
        VALID.upper(),
        VALID.replace(b"-", b"_"),
        VALID.replace(b"0af", b"0AF"),
        VALID.replace(b"0af", b"0ag"),
        VALID.replace(PARENT, PARENT.upper()),
        VALID.replace(TRACE, b"0" * 32),
        VALID.replace(PARENT, b"0" * 16),
        VALID.replace(TRACE, TRACE[:-1]),
        VALID.replace(PARENT, PARENT + b"0"),
        VALID[:-2] + b"0x",
        VALID[:-2] + b"1",
        VALID[:-2] + b"-1",
        b"ff" + VALID[2:],
        b"0" + VALID,
        b"0A" + VALID[2:],
        b"cc" + VALID[2:] + b"more",
        VALID + b"," + VALID,
    ],
)
def test_what_is_not_valid_is_not_continued(value: bytes) -> None:
    """Section 3.2.2 and the W3C's own test suite: lower case, exact lengths, no ids of zeros."""
    assert tracing.child(value, SPAN) is None
    assert not tracing.is_traceparent(value)


@pytest.mark.parametrize("more", [b"", b"-", b"-what-the-future-brings"])
def test_a_later_version_is_read_as_ours(more: bytes) -> None:
    """Section 4.3: by its first four parts; what goes on is version 00."""
    value = b"cc" + VALID[2:] + more

    assert tracing.is_traceparent(value)
    assert b"00-" + TRACE + b"-" + SPAN + b"-01" == tracing.child(value, SPAN)


@given(
    st.binary(max_size=80) | st.text("0123456789abcdef-", min_size=50, max_size=60).map(str.encode)
)
def test_whatever_came_what_goes_on_is_valid(value: bytes) -> None:
    child = tracing.child(value, SPAN)

    assert (child is not None) == tracing.is_traceparent(value)
    assert child is None or FORM.fullmatch(child)


@given(
    st.integers(min_value=1, max_value=2**128 - 1),
    st.integers(min_value=1, max_value=2**64 - 1).map(lambda bits: b"%016x" % bits),
)
def test_a_new_trace_is_valid_and_says_that_its_id_is_random(bits: int, span_id: bytes) -> None:
    sampled = tracing.start(bits, span_id)
    unsampled = tracing.start_unsampled(bits, span_id)

    for value, flags in ((sampled, b"03"), (unsampled, b"02")):
        assert FORM.fullmatch(value)
        assert (bits, span_id, flags) == (
            int(value[tracing.TRACE_ID], 16), value[tracing.SPAN_ID], value[tracing.FLAGS],
        )  # fmt: skip


def test_a_tracer_continues_what_can_be_continued() -> None:
    outgoing, parent = tracing.Tracer(0.0, random.Random(1)).onward(VALID)

    assert VALID == parent
    assert outgoing is not None and FORM.fullmatch(outgoing)
    assert (TRACE, VALID[-2:]) == (outgoing[tracing.TRACE_ID], outgoing[tracing.FLAGS])
    assert PARENT != outgoing[tracing.SPAN_ID]


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("incoming", [b"", b"nonsense", VALID + b"," + VALID])
def test_a_tracer_starts_anew_what_it_cannot_read(incoming: bytes, share: float) -> None:
    """Section 4.3; nobody asked for it to be recorded, unless the node starts traces anyway."""
    outgoing, parent = tracing.Tracer(share, random.Random(1)).onward(incoming)

    assert parent is None
    assert outgoing is not None and FORM.fullmatch(outgoing)
    assert (b"03" if share else b"02") == outgoing[tracing.FLAGS]


def test_a_tracer_starts_its_share_of_traces() -> None:
    """Binomial(10000, 0.1) is within five standard deviations of its mean; no two are the same."""
    tracer = tracing.Tracer(0.1, random.Random(1))
    started = [out for out, _ in (tracer.onward(None) for _ in range(10_000)) if out is not None]

    assert 850 <= len(started) <= 1150
    assert len(started) == len(set(started))
    assert all(FORM.fullmatch(each) and each[tracing.FLAGS] == b"03" for each in started)


def test_a_tracer_that_starts_none_leaves_requests_alone() -> None:
    assert (None, None) == tracing.Tracer(0.0, random.Random(1)).onward(None)


def test_a_tracer_sends_no_ids_of_zeros() -> None:
    class Zeros(random.Random):
        def getrandbits(self, k: int) -> int:
            return 0

    outgoing, _ = tracing.Tracer(1.0, Zeros()).onward(None)

    assert outgoing is not None and tracing.is_traceparent(outgoing)


def test_a_trace_is_one_or_two_field_lines() -> None:
    assert b"traceparent: " + VALID + b"\r\n" == tracing.lines(VALID)
    assert b"traceparent: " + VALID + b"\r\ntracestate: a=1\r\n" == tracing.lines(VALID, b"a=1")


def test_another_try_has_a_span_of_its_own() -> None:
    """Only the field itself changes, wherever else the same bytes stand."""
    wire = (
        b"GET /" + VALID + b" HTTP/1.1\r\nHost: a\r\ntraceparent: " + VALID + b"\r\nx: " + VALID
        + b"\r\n\r\n"
    )  # fmt: skip
    new_wire, new = tracing.renewed(wire, VALID, SPAN)

    assert b"00-" + TRACE + b"-" + SPAN + b"-01" == new
    assert 2 == new_wire.count(VALID)
    assert b"\r\ntraceparent: " + new + b"\r\n" in new_wire
    assert len(wire) == len(new_wire)


@pytest.mark.parametrize(
    ("values", "goes"),
    [
        ([b"a=1"], b"a=1"),
        ([b"  a=1, b=2\t"], b"a=1, b=2"),
        ([b"a=1", b"b=2"], b"a=1,b=2"),
        ([b""], b""),
        ([b"anything at all"], b"anything at all"),
        ([b",".join(b"k%d=v" % n for n in range(32))], b",".join(b"k%d=v" % n for n in range(32))),
    ],
)
def test_a_tracestate_within_the_limits_goes_on_as_it_came(
    values: list[bytes], goes: bytes
) -> None:
    """Section 3.3: a node that does not change it must not; several fields are one list."""
    assert goes == tracing.state(values)


def test_of_too_many_members_the_last_ones_go() -> None:
    members = [b"k%d=v" % number for number in range(40)]

    assert b",".join(members[:32]) == tracing.state([b", ".join(members)])


def test_of_too_long_a_list_the_longest_members_go_first() -> None:
    """Section 3.3.1.5."""
    long = b"big=" + b"x" * 200
    short = [b"k%d=%b" % (number, b"v" * 50) for number in range(8)]

    assert b",".join(short) == tracing.state([b",".join([short[0], long, *short[1:]])])


def test_then_the_last_members_go() -> None:
    members = [b"k%02d=%b" % (number, b"v" * 96) for number in range(10)]
    state = tracing.state([b",".join(members)])

    assert b",".join(members[:5]) == state
    assert len(state) <= tracing.LONGEST_STATE


@given(st.lists(st.text("ab=, \t", max_size=300).map(str.encode), min_size=1, max_size=6))
def test_a_tracestate_never_grows_beyond_its_limits(values: list[bytes]) -> None:
    state = tracing.state(values)

    assert len(state) <= tracing.LONGEST_STATE
    assert state.count(b",") < tracing.MOST_MEMBERS
    assert state == state.strip(b" \t")


def test_server_timing_is_in_milliseconds() -> None:
    """W3C Server Timing section 3: names, ``dur``, and ``desc`` for the endpoint."""
    line = tracing.server_timing(0.0, 0.000412, 0.0120834)
    named = tracing.server_timing(0.5, 0.0, 1.25, b"server1")

    assert b"Server-Timing: queue;dur=0.000, connect;dur=0.412, first_byte;dur=12.083\r\n" == line
    assert (
        b"Server-Timing: queue;dur=500.000, connect;dur=0.000, first_byte;dur=1250.000, "
        b'endpoint;desc="server1"\r\n'
    ) == named
