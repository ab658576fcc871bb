"""What there is to say of a request, and that it is explained."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from metrics.access_record import TERMINATIONS, AccessRecord, Request

pytestmark = pytest.mark.unit

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def test_the_tuple_and_its_names_are_one() -> None:
    """Who makes the tuple and who reads it by name mean the same: types agree place by place."""
    assert list(get_type_hints(Request).values()) == list(get_args(AccessRecord))


def test_every_termination_is_documented() -> None:
    """docs/observability.md has a row for each, and for no other."""
    text = DOCUMENT.read_text("utf-8")
    table = text.split("### Termination")[1].split("##")[0]

    assert list(TERMINATIONS) == re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(TERMINATIONS) == len(set(TERMINATIONS))
