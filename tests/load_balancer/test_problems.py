"""Errors as RFC 9457 has them, and bodies that are read strictly."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
from fastapi import Request
from pydantic import BaseModel, Field, ValidationError

from load_balancer.problems import PROBLEM, described, details, first_of, is_json, problem, read

pytestmark = pytest.mark.unit


class Wanted(BaseModel):
    size: Annotated[int, Field(ge=1)]


def request(body: bytes, kind: str = "application/json") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    scope = {"type": "http", "headers": [(b"content-type", kind.encode())]}
    return Request(scope, receive)


def test_a_problem_is_what_it_says() -> None:
    answer = problem(405, "only so", {"Allow": "GET"})

    assert (405, PROBLEM, "GET") == (
        answer.status_code,
        answer.headers["content-type"],
        answer.headers["allow"],
    )
    body = json.loads(bytes(answer.body))
    assert {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "only so",
    } == body


def test_what_cannot_be_written_is_told_of_all_the_same() -> None:
    assert "odd \\ud800" == details(422, "odd \ud800")["detail"]


def test_the_description_names_the_kind() -> None:
    assert [PROBLEM] == list(described(404, "gone")[404]["content"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/problem+json", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_only_json_is_json(kind: str, expected: bool) -> None:
    assert expected == is_json(kind)


async def test_a_body_is_read_strictly() -> None:
    assert 3 == (await read(request(b'{"size": 3}'), Wanted)).size
    for body, at in ((b'{"size": "3"}', "size"), (b'{"size": 0}', "size"), (b"[", "body")):
        with pytest.raises(ValueError, match=f"^{at}: "):
            await read(request(body), Wanted)
    with pytest.raises(ValueError, match="Content-Type"):
        await read(request(b'{"size": 3}', "text/plain"), Wanted)


def test_a_fault_is_told_with_where_it_stands() -> None:
    with pytest.raises(ValidationError) as caught:
        Wanted.model_validate({"size": 0})
    assert first_of(caught.value, ("[2]",)).startswith("[2].size: ")
