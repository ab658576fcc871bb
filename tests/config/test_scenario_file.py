"""Variants, fleets and loads of a scenario's file, turned into plain settings."""

from pathlib import Path

import pytest

from config.loading import ConfigError, load, scenario_names
from config.scenario_file import split, variant_names
from config.schema import Settings

pytestmark = pytest.mark.unit

FLEET = "fleet: {count: 3, service: {slots: 4}}\n"


def loaded(tmp_path: Path, text: str, variant: str = "") -> Settings:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load(scenario=f"{path}{variant}", environ={})


def problems(tmp_path: Path, text: str, variant: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, variant)
    return [each.replace(f"{tmp_path}/", "") for each in caught.value.problems]


def test_a_name_may_have_a_variant() -> None:
    assert ("S4", ".5") == split("S4:.5")
    assert ("S2", None) == split("S2")
    assert ("here/s.yaml", "a") == split("here/s.yaml:a")
    assert ["b", "1"] == variant_names({"variants": {"b": {}, 1: {}}})
    assert [] == variant_names({"variants": 3})


def test_servers_of_a_fleet_follow_the_listed_ones(tmp_path: Path) -> None:
    text = "servers: [{id: first, port: 1}]\nfleet: {base_delay_ms: [20, 30], service: {slots: 2}}"
    servers = loaded(tmp_path, text).servers

    assert ["first", "server2", "server3"] == [each.id for each in servers]
    assert [50, 20, 30] == [each.base_delay_ms for each in servers]
    assert [None, 2, 2] == [each.service.slots for each in servers]
    assert [1, 9001, 9002] == [each.port for each in servers]


def test_what_is_drawn_is_the_same_in_every_run(tmp_path: Path) -> None:
    text = "fleet: {count: 200, drawn_ms: [30, 120], seed: %d}"
    delays = [each.base_delay_ms for each in loaded(tmp_path, text % 1).servers]

    assert delays == [each.base_delay_ms for each in loaded(tmp_path, text % 1).servers]
    assert delays != [each.base_delay_ms for each in loaded(tmp_path, text % 2).servers]
    assert 30 <= min(delays) < 35
    assert 115 < max(delays) <= 120


def test_one_of_a_fleet_may_be_different(tmp_path: Path) -> None:
    but = "but: {server2: {weight: 3, service: {phases: [{kind: fail, start: 1}]}}}"
    settings = loaded(tmp_path, f"fleet: {{count: 2, service: {{slots: 4}}, {but}}}")
    first, second = settings.servers

    assert (1, 3) == (first.weight, second.weight)
    assert (0, 1) == (len(first.service.phases), len(second.service.phases))
    assert 4 == second.service.slots


def test_a_load_is_a_share_of_the_capacity(tmp_path: Path) -> None:
    """Three servers that finish 4 requests in 50 ms: 240 a second."""
    settings = loaded(tmp_path, f"{FLEET}load: 0.5\nexperiment: {{requests: 7}}")

    assert (120, 7) == (settings.experiment.request_rate, settings.experiment.requests)


def test_a_variant_lies_over_the_file(tmp_path: Path) -> None:
    text = FLEET + 'load: 0.5\nvariants: {"a": {}, ".9": {load: 0.9, fleet: {count: 4}}}'

    assert loaded(tmp_path, text) == loaded(tmp_path, text, ":a")
    over = loaded(tmp_path, text, ":.9")
    assert (4, 4) == (len(over.servers), over.servers[0].service.slots)
    assert pytest.approx(288) == over.experiment.request_rate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fleet: {conut: 3}", "s.yaml:1: fleet.conut: unknown key; did you mean 'count'?"),
        ("fleet: {}", "s.yaml:1: fleet: count is missing"),
        (
            "fleet: {count: 3, base_delay_ms: [1, 2]}",
            "s.yaml:1: fleet: count 3: base_delay_ms lists 2",
        ),
        (
            "fleet: {base_delay_ms: [1, 2], drawn_ms: [1, 2]}",
            "s.yaml:1: fleet: base_delay_ms is a list, so drawn_ms has no meaning",
        ),
        (
            "fleet: {count: 1, drawn_ms: [2, 1]}",
            "s.yaml:1: fleet: drawn_ms must rise, not fall from 2 to 1",
        ),
        (
            "fleet: {count: 9000, first_port: 60000}",
            "s.yaml:1: fleet: there are not 9000 ports from 60000 on",
        ),
        (
            "fleet:\n  count: 1\n  but: {server9: {}}",
            "s.yaml:3: fleet.but.server9: there is no server 'server9' in this fleet"
            " (given: 'server9')",
        ),
        (
            "fleet:\n  count: 1\n  but:\n    server1: {wieght: 1}",
            "s.yaml:4: servers[0].wieght: unknown key; did you mean 'weight'?",
        ),
        ("load: 0.5", "s.yaml:1: load: needs servers in the same file (given: 0.5)"),
        (
            "fleet: {count: 1}\nload: 0.5",
            "s.yaml:2: load: needs servers with slots, a base_delay_ms and no routes (given: 0.5)",
        ),
        ("fleet: {count: 1}\nload: x", "s.yaml:2: load: Input should be a valid number, unable to"
         " parse string as a number (given: 'x')"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, expected: str, tmp_path: Path) -> None:
    assert [expected] == problems(tmp_path, text)


def test_an_unknown_variant_is_told_with_the_nearest(tmp_path: Path) -> None:
    found = problems(tmp_path, f'{FLEET}variants: {{".75": {{}}}}', ":.7")

    assert 1 == len(found)
    assert found[0].startswith("no variant '.7' of scenario ")
    assert found[0].endswith("; did you mean '.75'?")
    with pytest.raises(ConfigError, match=r"no scenario 'S44:\.5'; did you mean 'S4'"):
        load(scenario="S44:.5", environ={})


def test_a_files_first_variant_is_the_file_itself() -> None:
    """So that a name without a variant means something that has one."""
    families = {name.partition(":")[0]: name for name in reversed(scenario_names())}
    for family, first in families.items():
        assert load(scenario=first, environ={}) == load(scenario=family, environ={})
