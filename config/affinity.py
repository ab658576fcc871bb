"""The settings of what of a request names its kin: the key that repeats are kept together by, and
the fields that request classes may be told by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.endpoints import FieldName, Stickiness
from config.section import Section

JsonName = Annotated[str, Field(min_length=1, max_length=64)]


class AffinityKey(Section):
    """What repeats should be kept together by, as strategies that look for affinity see it.

    ``path`` with its query; the value of a ``header`` or ``cookie``; ``body_field``: the beginning
    of the first of ``fields`` in a JSON body, as for prompts. A request without it goes by its
    path.
    """

    kind: Literal["path", "header", "cookie", "body_field"] = "path"
    header: FieldName = "X-Session-ID"
    cookie: FieldName = "session"
    # Members of the body's outermost object; which of them comes first there counts.
    fields: Annotated[tuple[JsonName, ...], Field(min_length=1, max_length=8)] = (
        "prompt",
        "messages",
    )
    prefix_characters: Annotated[int, Field(ge=1, le=4096)] = 256
    # So much of the body is waited for and looked at before the decision, and for so long.
    read_bytes: Annotated[int, Field(ge=64, le=1 << 20)] = 8 * 1024
    wait_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 0.25


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({name.lower() for name in names}) != len(names):
        raise ValueError("names a field twice")
    return names


class RequestClassSettings(Section):
    """What requests are told apart by besides method, route and size: values of ``headers``."""

    headers: Annotated[tuple[FieldName, ...], Field(max_length=4), AfterValidator(_distinct)] = ()


def check_affinity(affinity: AffinityKey, stickiness: Stickiness, buffer_bytes: int) -> None:
    """What cannot be had together.

    Raises:
        ValueError: it names the key.
    """
    if affinity.kind != "path" and stickiness.kind in ("cookie", "header"):
        raise ValueError(
            f"affinity.kind: {affinity.kind} does not go with stickiness.kind "
            f"{stickiness.kind}, which is the request's one key"
        )
    if affinity.kind == "body_field" and affinity.read_bytes > buffer_bytes:
        raise ValueError(
            f"affinity.read_bytes {affinity.read_bytes} is above limits.buffer_bytes {buffer_bytes}"
        )
