"""The beginning of a JSON member, however the text is written and split."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from load_balancer.forwarding.json_field import JsonField

pytestmark = pytest.mark.unit

FIELDS = ("prompt", "messages")


def find(text: bytes, characters: int = 256, most: int = 1 << 16, step: int = 0) -> str | None:
    field = JsonField(FIELDS, characters, most)
    for at in range(0, len(text), step or len(text) or 1):
        field.feed(text[at : at + (step or len(text))])
    field.ended()
    assert field.over
    return field.key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"prompt": "hello"}', "hello"),
        (b' \r\n\t{ "model" : "m" , "prompt" : "hello" , "n" : 1 }', "hello"),
        (b'{"a": {"prompt": "not this"}, "prompt": "this"}', "this"),
        (b'{"a": ["prompt", "x"], "b": "prompt", "prompt": "this"}', "this"),
        (b'{"a": "x\\", \\"prompt\\": \\"no", "prompt": "yes"}', "yes"),
        (b'{"a": "\\\\", "prompt": "yes"}', "yes"),
        (b'{"pr\\u006fmpt": "named by escapes"}', "named by escapes"),
        (b'{"prompt": "a\\"b\\\\c\\/d\\n\\t\\u00e9"}', 'a"b\\c/d\n\té'),
        (b'{"prompt": "\\ud83d\\ude00!"}', "\U0001f600!"),
        (b'{"prompt": "\\ud83d!\\ude00"}', "\ufffd!\ufffd"),
        (b'{"prompt": "\\ud83d"}', "\ufffd"),
        (b'{"prompt": "\\uzzzz\\x"}', "\ufffd\ufffd"),
        (
            b'{"messages": [ {"role": "system", "content": "a b"} , 1 ], "x": 2}',
            '[{"role":"system","content":"a b"},1]',
        ),
        (b'{"prompt": 12.5, "x": 1}', "12.5"),
        (b'{"prompt": null}', "null"),
        (b'{"messages": "first", "prompt": "second"}', "first"),
        (b'{"prompt": ""}', None),
        (b'{"other": "x"}', None),
        (b'{"prompt"', None),
        (b'["prompt", "x"]', None),
        (b'"prompt"', None),
        (b'x{"prompt": "x"}', None),
        (b"", None),
        (b"   ", None),
        (b"{}", None),
        (b'{}{"prompt": "behind"}', None),
        (b'}{"prompt": "behind"}', None),
        ('{"prompt": "grüße 世界"}'.encode(), "grüße 世界"),
        (b'{"prompt": "\xff\xfe"}', "\ufffd\ufffd"),
    ],
)
@pytest.mark.parametrize("step", [0, 1, 2, 3, 7])
def test_the_member_is_found_wherever_the_text_is_split(
    text: bytes, expected: str | None, step: int
) -> None:
    assert expected == find(text, step=step)


def test_no_more_is_kept_than_is_wanted() -> None:
    for step in (0, 1, 5):
        assert "aé世b" == find('{"prompt": "aé世bcdefgh"}'.encode(), 4, step=step)


def test_what_is_not_needed_is_not_waited_for() -> None:
    """The rest of a long prompt, and all that comes behind the member."""
    long = JsonField(FIELDS, 4, 1 << 16)
    long.feed(b'{"prompt": "abcde')
    assert (True, "abcd") == (long.over, long.key)

    short = JsonField(FIELDS, 4, 1 << 16)
    short.feed(b'{"prompt": "ab",')
    assert (True, "ab") == (short.over, short.key)


def test_bytes_beyond_the_bound_do_not_count() -> None:
    """However they come, so that the key does not hang upon the network."""
    text = b'{"model": "' + b"x" * 100 + b'", "prompt": "hello"}'
    for step in (0, 1, 9):
        assert find(text, most=50, step=step) is None
        assert "he" == find(text, most=len(text) - 5, step=step)


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"' + b"k" * 5000,
        b'{"prompt":"' + b"\\" * 5001,
        b'{"prompt":"' + b"\x80" * 5000,
        b'{"prompt":' + b"[" * 5000,
        b"{" + b'"":1,' * 1000 + b'"prompt":"x"}',
    ],
)
def test_hostile_text_holds_no_more_than_is_wanted(text: bytes) -> None:
    field = JsonField(FIELDS, 16, 1 << 16)
    for at in range(len(text)):
        field.feed(text[at : at + 1])
        assert len(field._text) <= 8 * 16 + 8
        assert field._name is None or len(field._name) <= 300


@given(st.binary(max_size=200), st.integers(1, 20))
@example(b'{"prompt":"\\u00', 1)
@settings(max_examples=60)
def test_any_bytes_can_be_read_and_splits_mean_nothing(data: bytes, step: int) -> None:
    for text in (data, b'{"a":' + data, b'{"prompt":' + data, b'{"prompt":"' + data):
        assert find(text, 8) == find(text, 8, step=step)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4) | st.just("prompt"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=4), json_values, max_size=3),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.integers(1, 9),
)
@settings(max_examples=60)
def test_a_prompt_is_what_json_says_it_is(
    others: dict[str, Any], prompt: str, plain: bool, indent: int | None, step: int
) -> None:
    others.pop("prompt", None)
    text = json.dumps({**others, "prompt": prompt}, ensure_ascii=plain, indent=indent).encode(
        "utf-8", "surrogatepass"
    )

    assert prompt[:10] == find(text, 10, step=step)
