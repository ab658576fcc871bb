"""Errors of the admin port as RFC 9457 has them, and JSON bodies that are read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

PROBLEM = "application/problem+json"
BELOW = ("/shaping/adaptive",)
"""Paths under which all errors are problems; elsewhere some are older than that."""

Model = TypeVar("Model", bound=BaseModel)


class ProblemDetails(BaseModel):
    """RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def described(status: int, text: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an error."""
    schema = ProblemDetails.model_json_schema()
    return {status: {"description": text, "content": {PROBLEM: {"schema": schema}}}}


def details(status: int, detail: str) -> dict[str, Any]:
    """The members of a problem. What a client sent may be in it, and need not be text that can be
    written."""
    written = detail.encode("utf-8", "backslashreplace").decode("utf-8")
    title = HTTPStatus(status).phrase
    return ProblemDetails(title=title, status=status, detail=written).model_dump()


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that something cannot be done."""
    return JSONResponse(details(status, detail), status, headers, media_type=PROBLEM)


def is_json(kind: str) -> bool:
    """Whether a Content-Type says so: any web page may send other kinds anywhere."""
    return kind.partition(";")[0].strip().lower() == "application/json"


async def read(request: Request, model: type[Model]) -> Model:
    """The body.

    Raises:
        ValueError: it is not what it must be; the message names the key.
    """
    if not is_json(request.headers.get("content-type", "")):
        raise ValueError("body: must be sent as Content-Type: application/json")
    try:
        return model.model_validate_json(await request.body(), strict=True)
    except ValidationError as error:
        raise ValueError(first_of(error)) from None


def first_of(error: ValidationError, at: tuple[str, ...] = ()) -> str:
    """The first of what is wrong, with its key.

    Args:
        at: where it stands.
    """
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join([*at, *(str(part) for part in first["loc"])])
    text = first["msg"].removeprefix("Value error, ")
    if not path and first["type"] == "value_error":
        return text  # which names the key
    return f"{path or 'body'}: {text}"
