"""What every group of settings has in common."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import config.schema
from config.section import Count, Flag, Port, Seconds, Section, Share

pytestmark = pytest.mark.unit

assert config.schema  # defines the sections


REQUIRED: dict[str, dict[str, Any]] = {
    "Certificate": {"certificate": "a.crt", "key": "a.key"},
    "Server": {"id": "a", "port": 1},
    "MixEntry": {"path": "/"},
    "Fleet": {"count": 1},
    "Rule": {"name": "a"},
    "DnsSource": {"id": "a", "name": "a.example", "port": 1},
    "EndpointEntry": {"id": "a", "host": "a.example", "port": 1},
    "FileSource": {"path": "endpoints.yaml"},
    "Path": {"pool": "batch"},
    "WeightChange": {"weight": 1.0},
}


def sections() -> list[type[Section]]:
    return sorted(Section.__subclasses__(), key=lambda each: each.__name__)


def build(section: type[BaseModel], **values: object) -> BaseModel:
    return section(**(REQUIRED.get(section.__name__, {}) | values))


class Kinds(Section):
    """One of each."""

    count: Count = 1
    flag: Flag = False
    port: Port = 1
    seconds: Seconds = 1.0
    share: Share = 1.0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", True),
        ("flag", 0),
        ("flag", 1.0),
        ("port", True),
        ("seconds", True),
        ("share", True),
    ],
)
def test_a_number_is_no_truth_and_a_truth_no_number(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match="must be"):
        build(Kinds, **{key: value})


def test_words_from_the_environment_are_read() -> None:
    made = build(Kinds, count="2", flag="true", seconds="0.5")

    assert {"count": 2, "flag": True, "port": 1, "seconds": 0.5, "share": 1.0} == made.model_dump()


@pytest.mark.parametrize("section", sections(), ids=lambda each: each.__name__)
def test_no_section_can_be_changed_or_given_what_it_does_not_know(section: type[Section]) -> None:
    made = build(section)
    key = next(iter(section.model_fields))

    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, key, getattr(made, key))
    with pytest.raises(ValidationError, match="Extra inputs"):
        build(section, surely_not=1)
