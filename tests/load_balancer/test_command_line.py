"""The words of the command line."""

from __future__ import annotations

import pytest

from load_balancer.command_line import COMMANDS, Mistake, overrides, overview, parse, parser_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        ([], "run"),
        (["--port", "0"], "run"),
        (["check"], "check"),
        (["--config", "check", "endpoints"], "endpoints"),
        (["--config=x", "reload", "--set", "a.b=1"], "reload"),
        (["--until-stdin-closes"], "run"),
        (["--json", "endpoints"], "endpoints"),
        (["drain", "server1"], "drain"),
        (["worker"], "worker"),
    ],
)
def test_the_command_is_the_first_word_that_is_no_options_value(
    argv: list[str], command: str
) -> None:
    assert command == parse(argv).command


def test_an_endpoint_may_be_named_like_a_command() -> None:
    arguments = parse(["drain", "check"])
    assert ("drain", "check") == (arguments.command, arguments.endpoint)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["chekc"], ("'chekc'", "did you mean 'check'")),
        (["start"], ("'start'", "run")),
        (["--prot", "check"], ("--prot", "did you mean '--port'")),
        (["run", "--wokers=2"], ("--wokers", "did you mean '--workers'")),
        (["endpoints", "--strategy", "x"], ("--strategy",)),
        (["run", "now"], ("run takes no 'now'",)),
        (["reload", "--timeout", "soon"], ("--timeout", "positive number of seconds", "soon")),
        (["reload", "--timeout", "-1"], ("--timeout",)),
        (["run", "--port"], ("--port", "expected one argument")),
    ],
)
def test_a_mistake_is_one_line_with_the_nearest_word(
    argv: list[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(Mistake) as raised:
        parse(argv)
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_options_are_settings_after_those_of_set() -> None:
    """They win over --set, and say the same key."""
    arguments = parse(
        ["run", "--set", "metrics.rise=2", "--port", "1", "--admin-port=2", "--workers", "3"]
    )
    assert [
        "metrics.rise=2",
        "load_balancer.port=1",
        "load_balancer.admin_port=2",
        "load_balancer.workers=3",
    ] == overrides(arguments)


def test_the_overview_names_every_command_with_an_example() -> None:
    text = overview()
    assert text.startswith("usage: ")
    for command in COMMANDS:
        assert f"  {command} " in text
    assert "worker " not in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command: str) -> None:
    """With examples and its exit codes."""
    text = parser_of(command).format_help()
    assert "examples:" in text
    assert "exit codes: 0 " in text
    for option in parser_of(command).options():
        assert option in text


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["run", "--help"], ["drain", "-h"]])
def test_help_is_printed(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(argv)
    assert raised.value.code == 0
    assert capsys.readouterr().out.startswith("usage: ")
