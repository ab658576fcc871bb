"""What a node tells about the requests it forwards: access log, traces, Server-Timing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.section import Count, Seconds, Section, Share


def _dash(value: object) -> object:
    # On the command line a dash is, in YAML, the beginning of a list.
    return "-" if value == [None] else value


class AccessLogSettings(Section):
    """One line a client request; off without a path, ``-`` is standard output.

    Of the requests that took ``min_duration_seconds`` or longer, a ``sample`` is written. What
    ended with a status from ``always_log_status_from`` on (600: none), or was cut, is always
    written. Longer fields are shortened to ``field_characters``.
    """

    path: Annotated[Annotated[str, Field(min_length=1)] | None, BeforeValidator(_dash)] = None
    format: Literal["json", "combined"] = "json"
    sample: Share = 1.0
    always_log_status_from: Annotated[int, Field(ge=100, le=600)] = 500
    min_duration_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    field_characters: Annotated[int, Field(ge=16, le=65_536)] = 2048
    queue_lines: Count = 20_000


class Tracing(Section):
    """Whether the node takes part in traces (W3C Trace Context); if not, it passes them on.

    ``start`` is the share of the requests without a ``traceparent`` for which a sampled trace is
    begun. With ``export_url``, a collector's address for OTLP over HTTP, such as
    ``http://localhost:4318/v1/traces``, sampled requests are told to it as spans (extra ``otel``).
    """

    enabled: bool = False
    start: Share = 0.0
    export_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")] | None = None
    export_timeout_seconds: Seconds = 5.0
    queue_requests: Count = 4096

    @model_validator(mode="after")
    def _export_needs_spans(self) -> Tracing:
        if self.export_url is not None and not self.enabled:
            raise ValueError("export_url needs enabled: true")
        return self


def _word(value: object) -> object:
    # YAML 1.1 takes these two words for truth values.
    if isinstance(value, bool):
        return "on" if value else "off"
    return value


class ServerTiming(Section):
    """Whether answers say how long their parts took: never, always, or for requests with the header
    ``X-Server-Timing: 1``, of everybody or of trusted proxies only."""

    when: Annotated[Literal["off", "on", "header"], BeforeValidator(_word)] = "off"
    trusted_only: bool = False
    endpoint: bool = False
