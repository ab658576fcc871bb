"""traffic.options: what the command line may say, and how it is told that it may not."""

from pathlib import Path

import pytest

from config.schema import MixEntry
from traffic.options import Allowance, BadArgument, Run, checked, parser

pytestmark = pytest.mark.unit


def run(*argv: str) -> Run:
    return checked(parser().parse_args(argv))


def test_what_is_not_given_comes_from_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "traffic: {target_url: 'http://127.0.0.1:9', request_rate: 4, duration_seconds: 2,"
        " arrivals: uniform, seed: 3, timeout_seconds: 7, mix: [{path: /x}]}"
    )
    found = run("--config", str(config), "--timeout", "1.5")
    assert (found.url, found.rate, found.duration) == ("http://127.0.0.1:9", 4, 2)
    assert (found.seed, found.timeout, found.concurrent) == (3, 1.5, None)
    assert [(each.offset, each.path) for each in found.plan[:2]] == [(0, "/x"), (0.25, "/x")]
    assert len(found.plan) == 8


def test_a_seed_makes_the_plan() -> None:
    assert run("--seed", "1").plan == run("--seed", "1").plan
    assert run("--seed", "1").plan != run("--seed", "2").plan


def test_a_mix_is_read_from_a_file(tmp_path: Path) -> None:
    mix = tmp_path / "mix.yaml"
    mix.write_text("- {path: /a, weight: 2}\n- {path: /b, method: POST, body_bytes: 10}\n")
    assert run("--mix", str(mix)).mix == (
        MixEntry(path="/a", weight=2.0),
        MixEntry(path="/b", method="POST", body_bytes=10),
    )


def test_a_trace_needs_no_more_than_its_file_and_has_its_own_length(tmp_path: Path) -> None:
    trace = tmp_path / "t"
    trace.write_text("0\n100\n200\n")
    assert len(run("--trace", str(trace)).plan) == 3
    assert len(run("--trace", str(trace), "--duration", "150").plan) == 2


def test_the_output_is_tried_first_and_not_touched(tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text("kept")
    run("--json", str(old))
    run("--json", str(tmp_path / "new.json"))
    assert old.read_text() == "kept"
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--rate", "0"], "--rate 0: must be above 0"),
        (["--rate", "nan"], "--rate nan: must be above 0"),
        (["--duration", "-1"], "--duration -1: must be above 0"),
        (["--duration", "inf"], "--duration inf: must be above 0"),
        (["--timeout", "0"], "--timeout 0: must be above 0"),
        (["--concurrent", "0"], "--concurrent 0: must be at least 1"),
        (["--url", "localhost"], "--url localhost: must begin with http"),
        (["--max-failures", "some"], "--max-failures some: must be a number"),
        (["--mix", "nowhere.yaml"], "--mix nowhere.yaml: cannot be read: No such file"),
        (["--trace", "nowhere"], "--trace nowhere: cannot be read: No such file"),
        (["--arrivals", "trace"], "--arrivals trace: needs --trace FILE"),
        (["--arrivals", "uniform", "--trace", "t"], "--trace t: --arrivals uniform does not use"),
        (["--json", "no/such/folder/x.json"], "--json no/such/folder/x.json: cannot be written"),
        (["--rate", "1e6", "--duration", "1e6"], "about 1000000000000 requests are too many"),
        (["--rate", "0.001", "--duration", "0.001"], "no request falls into the given time"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(
    argv: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadArgument) as raised:
        run(*argv)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {path: /a, wait: 1}", "[0].wait: Extra inputs are not permitted"),
        ("- {path: /a, weight: 0}", "[0].weight: Input should be greater than 0"),
        ("path: /a", "the file: Input should be a valid tuple"),
        ("[]", "the list is empty"),
        ("- {path: /a\n- ]", ":2: is not YAML"),
    ],
)
def test_a_mix_that_cannot_be_used_is_explained(text: str, message: str, tmp_path: Path) -> None:
    mix = tmp_path / "mix.yaml"
    mix.write_text(text)
    with pytest.raises(BadArgument) as raised:
        run("--mix", str(mix))
    assert str(raised.value).startswith(f"--mix {mix}")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_mix_of_bytes_is_explained(tmp_path: Path) -> None:
    mix = tmp_path / "mix"
    mix.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadArgument, match="not UTF-8"):
        run("--mix", str(mix))


@pytest.mark.parametrize(
    ("text", "failed", "requests", "exceeded"),
    [
        ("0", 0, 10, False),
        ("0", 1, 10, True),
        ("3", 3, 10, False),
        ("10%", 1, 10, False),
        ("10%", 2, 10, True),
    ],
)
def test_an_allowance_is_a_number_or_a_share(
    text: str, failed: int, requests: int, exceeded: bool
) -> None:
    assert Allowance.parse(text).exceeded_by(failed, requests) == exceeded


@pytest.mark.parametrize("text", ["-1", "101%", "-1%", "nan%", "", "1.5"])
def test_an_allowance_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Allowance.parse(text)
