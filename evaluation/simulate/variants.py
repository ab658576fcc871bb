"""Strategies with their parameters in the name, so that several settings of one can be compared.

    least_request                as configured
    least_request-ejection       nobody is ejected
    least_request+ejection       ejected is who fails often, as outlier detection advises
    peak_ewma:decay_seconds=1,full_scan=true
    power_of_two:load_balancer.probation.share=1

A parameter is a key of the strategy's own section, or a whole path where it has a dot. Flags stand
before the colon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from config.balancer import FailureShare, SuccessRate
from config.loading import nearest
from config.schema import Settings
from config.yaml_file import NotYaml, parsed
from load_balancer import strategies

EJECTION = "ejection"

CLASSICS = "classics"
"""In the place of a strategy's name: all of ``classics()``."""

CLASSIC_NAMES = (
    "round_robin",
    "weighted_round_robin",
    "random",
    "least_request",
    "power_of_two",
    "peak_ewma",
    "prequal",
    "bounded_hash",
    "client_weighted",
)
"""Rules that are in use elsewhere; the best of them is the bar for whoever learns."""

TUNED: dict[str, tuple[str, ...]] = {
    "peak_ewma": (
        "decay_seconds=1",
        "decay_seconds=0.3",
        "full_scan=false",
        "full_scan=false,decay_seconds=1",
    ),
    "prequal": ("q_rif=0.99", "q_rif=0.5", "q_rif=0.25"),
}
"""What else than their defaults the classics are tried with."""

WITHOUT: dict[str, object] = {
    "consecutive_failures": None,
    "consecutive_gateway_failures": None,
    "success_rate": SuccessRate(enabled=False),
    "failure_share": FailureShare(enabled=False),
    "retry_after_max_seconds": 0.0,
}
WITH: dict[str, object] = {
    "consecutive_failures": 5,
    # A tenth of the answers over a second; with the default of 0.85 over 10 s a server that fails
    # three in ten is never ejected.
    "failure_share": FailureShare(
        enabled=True, threshold=0.1, minimum_endpoints=2, minimum_requests=20
    ),
    "interval_seconds": 1.0,
}


class VariantError(ValueError):
    """A strategy's name with its parameters cannot be used; the message says why."""


def split(text: str) -> list[str]:
    """The strategies of ``a,b:x=1,y=2,c``: a piece with = and without : goes on with the one before
    it. ``classics`` is replaced by all of them."""
    found: list[str] = []
    for piece in filter(None, (each.strip() for each in text.split(","))):
        if found and "=" in piece and ":" not in piece.partition("=")[0]:
            found[-1] += f",{piece}"
        elif piece == CLASSICS:
            found += classics()
        else:
            found.append(piece)
    return list(dict.fromkeys(found))


def is_classic(variant: str) -> bool:
    """Whether its plain strategy is one of ``CLASSIC_NAMES``."""
    return name_of(variant) in CLASSIC_NAMES


def name_of(variant: str) -> str:
    """The plain strategy."""
    head = variant.partition(":")[0]
    return head.partition("+")[0].partition("-")[0]


def classics() -> list[str]:
    """Every classic with ejection as configured, with more of it and without, and as ``TUNED``."""
    found = []
    known = Settings()
    for name in strategies.names():
        if name not in CLASSIC_NAMES:
            continue
        tuned = [f"{name}:{each}" for each in TUNED.get(name, ()) if _applies(each, name, known)]
        heads = [name, f"{name}+{EJECTION}", f"{name}-{EJECTION}"]
        found += [*heads, *tuned]
        found += [each.replace(name, heads[1], 1) for each in tuned]
    return found


def apply(settings: Settings, variant: str) -> tuple[Settings, str]:
    """The settings with the variant's parameters, and the plain name of the strategy.

    Raises:
        VariantError: there is no such strategy, flag or key, or a value is impossible.
    """
    head, colon, tail = variant.partition(":")
    name = name_of(variant)
    known = strategies.names()
    if name not in known:
        raise VariantError(f"no strategy {name!r}{nearest(name, known)}")
    flags = head[len(name) :]
    if flags not in ("", f"+{EJECTION}", f"-{EJECTION}"):
        raise VariantError(f"{variant}: {flags!r} is neither +{EJECTION} nor -{EJECTION}")
    if flags:
        balancer = settings.load_balancer
        ejection = balancer.ejection.model_copy(update=WITH if flags[0] == "+" else WITHOUT)
        balancer = balancer.model_copy(update={"ejection": ejection})
        settings = settings.model_copy(update={"load_balancer": balancer})
    if colon:
        for parameter in tail.split(","):
            key, equals, _ = parameter.partition("=")
            if "." not in key and key and equals:
                parameter = ".".join((*_section(settings, variant, name), parameter))
            settings = with_setting(settings, parameter, variant)
    return settings, name


def with_setting(settings: Settings, setting: str, source: str) -> Settings:
    """The settings with one ``key.key=value`` changed.

    Args:
        source: what a complaint begins with.

    Raises:
        VariantError: there is no such key, or the value is impossible.
    """
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise VariantError(f"{source}: {setting!r} must be key=value")
    try:
        value, _ = parsed(text)
    except NotYaml as error:
        raise VariantError(f"{source}: {key}: not a value: {error}") from None
    path = key.split(".")
    data = settings.model_dump()
    here: Any = data
    for at, part in enumerate(path):
        if not isinstance(here, dict) or part not in here:
            known = nearest(part, here) if isinstance(here, dict) else ""
            raise VariantError(f"{source}: unknown key {'.'.join(path[: at + 1])}{known}")
        if at == len(path) - 1:
            here[part] = value
        else:
            here = here[part]
    section = path[0]
    try:
        changed = type(settings)(**{section: data[section]})
    except ValidationError as error:
        raise VariantError(f"{source}: {key}: {error.errors()[0]['msg']}") from None
    return settings.model_copy(update={section: getattr(changed, section)})


def _applies(parameters: str, name: str, settings: Settings) -> bool:
    try:
        apply(settings, f"{name}:{parameters}")
    except VariantError:
        return False
    return True


def _section(settings: Settings, variant: str, name: str) -> Sequence[str]:
    """Where the strategy's parameters stand."""
    own = settings.strategies
    assert isinstance(own, BaseModel)
    if hasattr(own, name):
        return ("strategies", name)
    if name in type(settings).model_fields:
        return (name,)
    raise VariantError(f"{variant}: {name} has no parameters")
