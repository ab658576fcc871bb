"""The command line, as far as it can be tried without a process of its own."""

from __future__ import annotations

import socket
import warnings
from pathlib import Path

import pytest
import yaml

from config.loading import load
from config.network import load_network
from config.schema import Settings
from load_balancer.main import main
from load_balancer.strategies import names

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _warnings_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


def write(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text)
    return str(path)


def test_check_prints_a_configuration_that_means_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Complete, defaults included; reading it again gives the same settings."""
    config = write(tmp_path, "servers: [{id: one, port: 9001}]\nload_balancer: {port: 9000}\n")
    arguments = ["--config", config, "--strategy", "q_learning", "--set", "metrics.jitter=0.5"]

    assert main(["check", *arguments]) == 0
    printed = capsys.readouterr().out
    again = tmp_path / "again.yaml"
    again.write_text(printed)
    settings = load(again, environ={})
    assert settings.load_balancer.strategy == "q_learning"
    assert settings.metrics.jitter == 0.5
    assert [server.id for server in settings.servers] == ["one"]
    assert yaml.safe_load(printed).keys() == Settings.model_fields.keys()


def test_check_names_every_mistake_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each, on stderr, with exit code 2."""
    config = write(
        tmp_path,
        "load_balancer:\n  prot: 8080\n  port: 99999\nmetrics: {jitter: 2}\nnonsense: 1\n",
    )

    assert main(["check", "--config", config]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 4
    for key in ("load_balancer.prot", "load_balancer.port", "metrics.jitter", "nonsense"):
        assert sum(key in line for line in lines) == 1
    assert any("'port'" in line for line in lines if "prot" in line)


@pytest.mark.parametrize("command", ["check", "run"])
def test_an_unknown_strategy_is_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--strategy", "round-robin", "--port", "0", "--admin-port", "0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("load_balancer.strategy: unknown strategy 'round-robin'")
    assert "'round_robin'" in line


@pytest.mark.parametrize("name", names())
def test_every_strategy_can_be_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--strategy", name]) == 0
    assert f"strategy: {name}\n" in capsys.readouterr().out


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.yaml"

    assert main(["run", "--config", str(missing)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{missing}: cannot be read: No such file or directory"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_admin_port_that_others_can_reach_needs_a_token(
    workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--port", "0", "--admin-port", "0", "--workers", workers]

    assert main([*arguments, "--set", "load_balancer.admin_host=0.0.0.0"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("load_balancer.admin_host: 0.0.0.0 can be reached from other machines")


def test_check_tells_of_a_missing_token_beside_the_other_mistakes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["check", "--strategy", "none", "--set", "load_balancer.admin_host=0.0.0.0"]

    assert main(arguments) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("load_balancer.strategy: unknown strategy")
    assert second.startswith("load_balancer.admin_host: 0.0.0.0 can be reached")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "load_balancer: {tls: {certificates: [{certificate: /none.crt, key: /none.key}]}}",
            "load_balancer.tls.certificates[0].certificate: /none.crt cannot be read",
        ),
        (
            "servers: [{id: a, port: 443, tls: {enabled: true, ca_file: /none.pem}}]",
            "the endpoint a: tls.ca_file: /none.pem cannot be read",
        ),
    ],
)
def test_check_reads_the_files_of_tls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, problem: str
) -> None:
    assert main(["check", "--config", write(tmp_path, content)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(problem)


def test_a_token_is_never_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither where it is right nor where it is wrong."""
    for token, code in (("correct-horse", 0), ("short", 2)):
        assert main(["check", "--set", f"load_balancer.admin_token={token}"]) == code
        printed = capsys.readouterr()
        assert token not in printed.out + printed.err


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("key", ["port", "admin-port"])
def test_a_taken_port_is_one_line(
    key: str, workers: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = "admin-port" if key == "port" else "port"
        arguments = ["--host", "127.0.0.1", f"--{key}", str(port), f"--{other}", "0"]
        arguments += ["--workers", workers]

        assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"load_balancer.{key.replace('-', '_')}: cannot listen on 127.0.0.1:{port}" in line


def test_a_log_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = f"load_balancer.request_log.path={tmp_path}"

    assert main(["--port", "0", "--admin-port", "0", "--set", setting]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"load_balancer.request_log.path: {tmp_path} cannot be written")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prot", "1"], ("--prot", "did you mean '--port'")),
        (["--conf=x"], ("--conf", "did you mean '--config'")),
        (["--port"], ("--port", "expected one argument")),
        (
            ["start"],
            ("'start'", "valid: check, drain, endpoints, healthcheck, network, reload, run"),
        ),
        (["chekc"], ("'chekc'", "did you mean 'check'")),
        (["worker"], ("worker: only a supervisor starts it",)),
        (["group"], ("group: only a network starts it",)),
        (["network", "--set", "levles=3"], ("levles: unknown key", "did you mean 'levels'")),
        (["network", "--no-orgins"], ("--no-orgins", "did you mean '--no-origins'")),
        (["network", "--processes", "two"], ("--processes", "invalid choice")),
        (["network", "--only", "none", "--set", "base_port=0"], ("--only", "no node 'none'")),
        (["run", "--workers", "0"], ("load_balancer.workers",)),
        (["check", "--set", "load_balancer.port"], ("load_balancer.port",)),
    ],
)
def test_a_wrong_argument_is_one_line(
    arguments: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as raised:
        code = raised.code
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    for word in words:
        assert word in line


def test_help_tells_where_the_keys_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    assert raised.value.code == 0
    assert "check" in capsys.readouterr().out


def test_the_graph_of_a_network_can_be_seen_before_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is a configuration itself."""
    assert main(["network", "--check", "--set", "levels=2", "--set", "width=2"]) == 0
    shown = capsys.readouterr().out
    path = tmp_path / "network.yaml"
    path.write_text(shown)
    assert [place.name for place in load_network(path).topology().places] == [
        "101",
        "102",
        "201",
        "202",
    ]
    assert main(["network", "--check", "--config", str(path)]) == 0
    assert capsys.readouterr().out == shown
