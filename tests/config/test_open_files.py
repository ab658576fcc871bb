"""Open files: raised as far as the system allows, never lowered."""

import resource

import pytest

from config.open_files import allow_open_files

pytestmark = pytest.mark.unit

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 65_536, (8192, 65_536)),
        (1024, 4096, (4096, 4096)),
        (1024, INFINITE, (8192, INFINITE)),
        (9000, 65_536, None),
        (4096, 4096, None),
        (INFINITE, INFINITE, None),
    ],
)
def test_as_many_as_are_wanted_and_allowed(
    soft: int, hard: int, expected: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hard limit bounds what is asked for; what is enough already is left alone."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))

    allow_open_files(8192)

    assert ([expected] if expected else []) == asked


def test_a_refusal_is_answered_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some systems refuse what their hard limit seems to allow."""
    asked: list[tuple[int, int]] = []

    def refuse_many(_: int, limits: tuple[int, int]) -> None:
        if limits[0] > 10_240:
            raise ValueError("not allowed to raise maximum limit")
        asked.append(limits)

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, INFINITE))
    monkeypatch.setattr(resource, "setrlimit", refuse_many)

    allow_open_files(65_536)

    assert [(10_240, INFINITE)] == asked


def test_a_system_that_gives_nothing_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """No error: fewer connections will do."""

    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, INFINITE))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    allow_open_files(65_536)
