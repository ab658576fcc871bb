"""The settings of federated learning: nodes that share what they have learned, never what they
have seen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from config.section import Count, Flag, Number, Seconds, Section
from rl.federated.terms import Terms

Url = Annotated[
    str,
    Field(pattern=r"^https?://[^\s/?#@]+/?$", max_length=256),
    AfterValidator(lambda url: url.rstrip("/")),
]
Above0 = Annotated[float, Number, Field(gt=0)]


class Federation(Section):
    """Rounds in which the learners of several nodes are merged; off unless ``enabled``.

    One node is the coordinator, the others name its admin port. Every ``seconds`` the coordinator
    merges what those sites have offered that are there, if they are ``least_sites`` with itself.
    ``token_file`` holds, for the coordinator, a line ``site token`` for every other site; for a
    site its token.

    ``share`` says what takes part: the agents of adaptive shaping, and strategies that can be
    merged. Which way, by ``method`` and the bounds after it, is the coordinator's to say; they are
    explained at ``rl.federated.terms.Terms``. No body may be larger than ``body_bytes``, and no
    exchange may take longer than ``timeout_seconds``.
    """

    enabled: Flag = False
    coordinator: Url | None = None
    token_file: Annotated[str, Field(min_length=1)] | None = None
    seconds: Annotated[float, Number, Field(ge=0.1, le=86_400)] = 60.0
    share: Annotated[tuple[Literal["agents", "strategies"], ...], Field(min_length=1)] = (
        "agents",
        "strategies",
    )
    least_sites: Count = 2
    method: Literal["mean", "median"] = "mean"
    clip_norm: Above0 | None = None
    clip_ratio: Above0 | None = 3.0
    noise: Annotated[float, Number, Field(ge=0)] = 0.0
    largest: Above0 = 1e6
    most_share: Annotated[float, Number, Field(ge=0.5, le=1)] = 0.5
    caution: Annotated[float, Number, Field(ge=0)] = 10.0
    body_bytes: Annotated[int, Number, Field(ge=1024, le=1 << 28)] = 8 << 20
    timeout_seconds: Seconds = 10.0

    @model_validator(mode="after")
    def _goes_together(self) -> Federation:
        if self.enabled and self.token_file is None:
            raise ValueError("token_file: sites must be told from others by their tokens")
        self.terms()
        return self

    def terms(self) -> Terms:
        """How sites are merged."""
        return Terms(
            self.method,
            self.clip_norm,
            self.clip_ratio,
            self.noise,
            self.largest,
            self.most_share,
            self.caution,
        )
