"""What every group of settings is, and the kinds of values that several of them have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _no_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not a truth value")
    return value


def _no_number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("must be true or false, not a number")
    return value


# In Python 1 and True are equal; in a configuration one of them is a mistake.
Number = BeforeValidator(_no_truth)
Flag = Annotated[bool, BeforeValidator(_no_number)]
Seconds = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Number, Field(ge=0, le=1)]
Count = Annotated[int, Number, Field(ge=1)]
Port = Annotated[int, Number, Field(ge=0, le=65535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    """A frozen group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
