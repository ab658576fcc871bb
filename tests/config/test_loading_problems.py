"""What is said of a wrong configuration: where it stands, which key it is, what to do."""

from pathlib import Path

import pytest

from config.loading import SCENARIOS, ConfigError, load
from config.schema import Settings
from tests.config.place import Place

pytestmark = pytest.mark.integration

SECTIONS = ", ".join(sorted(Settings.model_fields))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("servr: 1", "config.yaml:1: servr: unknown key; did you mean 'servers'?"),
        ("\nfoo: 1", f"config.yaml:2: foo: unknown key; valid: {SECTIONS}"),
        ("_env_file: x", f"config.yaml:1: _env_file: unknown key; valid: {SECTIONS}"),
        ("_cli_parse_args: yes", f"config.yaml:1: _cli_parse_args: unknown key; valid: {SECTIONS}"),
        (
            "load_balancer:\n  host: a\n  prot: 1",
            "config.yaml:3: load_balancer.prot: unknown key; did you mean 'port'?",
        ),
        (
            "q_learning:\n  learning_rte: 1",
            "config.yaml:2: q_learning.learning_rte: unknown key; did you mean 'learning_rate'?",
        ),
        (
            "state_encoding:\n  cpu_thresholds:\n    low: 1\n    medium: 2\n    hihg: 3",
            "config.yaml:5: state_encoding.cpu_thresholds.hihg: unknown key; valid: low, medium",
        ),
        (
            "servers:\n - id: a\n   port: 1\n - id: b\n   port: 2\n   service:\n"
            "     phases:\n     - {kind: slow}\n     - kind: slow\n       strat: 2",
            "config.yaml:10: servers[1].service.phases[1].strat: unknown key; "
            "did you mean 'start'?",
        ),
        (
            "load_balancer:\n  trusted_proxies:\n  - 10.0.0.0/8\n  - nobody",
            "config.yaml:4: load_balancer.trusted_proxies[1]: value is not a valid IPv4 or IPv6 "
            "network (given: 'nobody')",
        ),
        (
            "metrics: {fall: often}",
            "config.yaml:1: metrics.fall: Input should be a valid integer, unable to parse string "
            "as an integer (given: 'often')",
        ),
        (
            "metrics: {jitter: .nan}",
            "config.yaml:1: metrics.jitter: Input should be a finite number (given: nan)",
        ),
        (
            "q_learning: {learning_rate: .nan}",
            "config.yaml:1: q_learning.learning_rate: Input should be a finite number (given: nan)",
        ),
        (
            "traffic: {duration_seconds: .inf}",
            "config.yaml:1: traffic.duration_seconds: Input should be a finite number (given: inf)",
        ),
        (
            "reward: {scale: -1}",
            "config.yaml:1: reward: scale must be a finite number above 0, not -1.0",
        ),
        (
            "servers:\n - id: a\n   port: 1\n   service: {slots: 0}",
            "config.yaml:4: servers[0].service: slots must be at least 1, not 0; "
            "leave it out for no limit",
        ),
        ("servers:\n - id: a", "config.yaml:2: servers[0].port: Field required"),
        ("servers:\n - 5", "config.yaml:2: servers[0]: must hold keys and values (given: 5)"),
        ("servers: 5", "config.yaml:1: servers: must be a list (given: 5)"),
        (
            "servers: []",
            "config.yaml:1: servers: must name one or more unless discovery.dns or .file does",
        ),
        (
            "servers:\n - {id: a, port: 1}\n - {id: a, port: 2}",
            "config.yaml:1: servers: two servers have the id 'a'",
        ),
        (
            "traffic: {}\nload_balancer: {port: 5, admin_port: 5}",
            "config.yaml:2: load_balancer: port and admin_port are both 5",
        ),
        ("metrics:", "config.yaml:1: metrics: must hold keys and values (given: nothing)"),
        ("reward: 5", "config.yaml:1: reward: must hold keys and values (given: 5)"),
        ("metrics: {1: 2}", "config.yaml:1: metrics[1]: a key must be a word (given: 1)"),
        ("servers: &a [*a]", "config.yaml:1: servers[0]: must hold keys and values"),
        (
            "metrics: {fall: 1, rise: 1, fall: 2}",
            "config.yaml:1: metrics.fall: stands twice",
        ),
        ("metrics: {fall: 1}\n\nmetrics: {rise: 2}", "config.yaml:3: metrics: stands twice"),
        (
            "servers:\n - {id: a, port: 1}\n - id: b\n   port: 1\n   port: 2",
            "config.yaml:5: servers[1].port: stands twice",
        ),
        ("1: 2", "config.yaml:1: 1: a key must be a word"),
        ("metrics: {}\nyes: 2", "config.yaml:2: yes: a key must be a word"),
        ("- 1", "config.yaml: the file must hold keys and values, not a list"),
        ("word", "config.yaml: the file must hold keys and values, not a single value"),
        ("metrics: {}\na: b: c", "config.yaml:2: mapping values are not allowed here"),
        (
            "metrics: {fall: 1",
            "config.yaml:1: while parsing a flow mapping, expected ',' or '}', but got "
            "'<stream end>'",
        ),
        (
            "a: 1\n---\nb: 1",
            "config.yaml:2: expected a single document in the stream, but found another document",
        ),
        (
            "? [a]\n: 1",
            "config.yaml:1: while constructing a mapping, found unhashable key",
        ),
        (
            "metrics: !!python/name:os.system",
            "config.yaml:1: could not determine a constructor for the tag "
            "'tag:yaml.org,2002:python/name:os.system'",
        ),
        (
            "experiment: {description: 2024-13-45}",
            "config.yaml: a value cannot be read: month must be in 1..12",
        ),
        ("[" * 500, "config.yaml: nested too deeply"),
        ("\a", "config.yaml: special characters are not allowed"),
        (b"metrics: {fall: 1}\n\xff", "config.yaml: not UTF-8: invalid start byte at byte 19"),
    ],
)
def test_a_wrong_file_is_told_by_line_key_and_remedy(
    place: Place, config: str | bytes, expected: str
) -> None:
    assert [expected] == place.problems(config)


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere/c\.yaml: cannot be read: No such file"):
        load("nowhere/c.yaml", environ={})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, environ={})


def test_an_unreadable_learners_file_is_told(place: Place) -> None:
    place.learning.mkdir()
    place.config.write_text("")

    with pytest.raises(ConfigError, match=r"rl_config\.yaml: cannot be read"):
        load(place.config, environ={})


def test_a_section_in_both_files_is_told_for_each(place: Place) -> None:
    assert [
        "metrics: stands in both config.yaml and rl_config.yaml",
        "reward: stands in both config.yaml and rl_config.yaml",
    ] == place.problems(
        "reward: {}\nmetrics: {fall: 1}\ntraffic: {}", learning="metrics: {fall: 2}\nreward: {}"
    )


def test_the_learners_file_is_named_for_its_own_keys(place: Place) -> None:
    assert [
        "rl_config.yaml:2: q_learning.alpha: unknown key; valid: discount_factor, "
        "exploration_decay, exploration_rate, learning_rate, max_values, min_exploration_rate"
    ] == place.problems("metrics: {fall: 1}", learning="q_learning:\n  alpha: 1")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"SLB_LOAD_BALANCER__PORT": "abc"},
            "SLB_LOAD_BALANCER__PORT: load_balancer.port: Input should be a valid integer, unable "
            "to parse string as an integer (given: 'abc')",
        ),
        (
            {"SLB_LOAD_BALANCER__PROT": "1"},
            "SLB_LOAD_BALANCER__PROT: load_balancer.prot: unknown key; did you mean 'port'?",
        ),
        ({"SLB_SERVER": "1"}, "SLB_SERVER: unknown section 'server'; did you mean 'servers'?"),
        ({"SLB_": "1"}, f"SLB_: unknown section ''; valid: {SECTIONS}"),
        ({"SLB_SERVERS": "a"}, "SLB_SERVERS: must be JSON, for it is a list or a section"),
        (
            {"SLB_LOAD_BALANCER__TRUSTED_PROXIES": "10.0.0.0/8"},
            "SLB_LOAD_BALANCER__TRUSTED_PROXIES: must be JSON, for it is a list or a section",
        ),
        (
            {"SLB_LOAD_BALANCER": "5"},
            "SLB_LOAD_BALANCER: load_balancer: must hold keys and values (given: 5)",
        ),
        ({"SLB_SERVERS__0__PORT": "9"}, "SLB_SERVERS__0__PORT: servers: must be a list"),
        (
            {"SLB_LOAD_BALANCER__PORT__X": "9"},
            "SLB_LOAD_BALANCER__PORT__X: load_balancer.port: Input should be a valid integer",
        ),
        (
            {"SLB_SERVERS": '[{"id": "a", "port": 1}, {"id": "b"}]'},
            "SLB_SERVERS: servers[1].port: Field required",
        ),
        # The file has that key as well: the variable is to blame, not the file's line.
        (
            {"SLB_LOAD_BALANCER": '{"port": "abc"}'},
            "SLB_LOAD_BALANCER: load_balancer.port: Input should be a valid integer, unable to "
            "parse string as an integer (given: 'abc')",
        ),
    ],
)
def test_a_wrong_variable_is_told_by_its_name(
    place: Place, environ: dict[str, str], expected: str
) -> None:
    config = "load_balancer:\n  port: 7\nservers:\n - {id: a, port: 1}\n - {id: b, port: 2}"

    assert [expected] == place.problems(config, environ=environ)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("a", "--set a: must be key.key=value"),
        ("=1", "--set =1: must be key.key=value"),
        ("metrics..fall=1", "--set metrics..fall=1: must be key.key=value"),
        ("metrics.=1", "--set metrics.=1: must be key.key=value"),
        ("metric.fall=1", "--set metric.fall: metric: unknown key; did you mean 'metrics'?"),
        ("metrics.fal=1", "--set metrics.fal: metrics.fal: unknown key; did you mean 'fall'?"),
        (
            "metrics.fall=",
            "--set metrics.fall: metrics.fall: Input should be a valid integer (given: nothing)",
        ),
        (
            "metrics=5",
            "--set metrics: metrics: must hold keys and values (given: 5)",
        ),
        (
            "metrics.fall.x=1",
            "--set metrics.fall.x: metrics.fall: Input should be a valid integer",
        ),
        (
            "servers[0].port=1",
            "--set servers[0].port: servers[0]: unknown key; did you mean 'servers'?",
        ),
        (
            "metrics.fall=[",
            "--set metrics.fall=[: the value is not valid YAML: while parsing a flow node, "
            "expected the node content, but found '<stream end>'",
        ),
        (
            "experiment.description=2024-13-45",
            "--set experiment.description=2024-13-45: the value is not valid YAML: a value cannot "
            "be read: month must be in 1..12",
        ),
        # The file has these paths as well: the argument is to blame, not the file's line.
        ("servers=[{id: b}]", "--set servers: servers[0].port: Field required"),
        (
            "metrics={fall: x}",
            "--set metrics: metrics.fall: Input should be a valid integer, unable to parse string "
            "as an integer (given: 'x')",
        ),
        ("servers=&a [*a]", "--set servers: servers[0]: must hold keys and values"),
    ],
)
def test_a_wrong_argument_is_told_as_it_was_given(
    place: Place, override: str, expected: str
) -> None:
    config = "metrics:\n  fall: 7\nservers:\n - {id: a, port: 1}"

    assert [expected] == place.problems(config, override)


def test_an_unknown_scenario_is_told_with_the_nearest(place: Place) -> None:
    assert ["no scenario 'slow_wthin'; did you mean 'slow_within'?"] == place.problems(
        scenario="slow_wthin"
    )


def test_a_scenario_that_is_a_path_is_read_from_there(place: Place) -> None:
    assert ["nowhere.yaml: cannot be read: No such file or directory"] == place.problems(
        scenario="nowhere.yaml"
    )


def test_everything_that_is_wrong_is_told_at_once(place: Place, tmp_path: Path) -> None:
    """Each source's own faults and each value's; nobody wants to hear of them one by one."""
    scenario = tmp_path / "over.yaml"
    scenario.write_text("traffic:\n  request_rate: -1\n")
    problems = place.problems(
        "metrics: {fall: 0}\nmetrics: {fall: 0}\nfoo: 1\nservers:\n - {id: a, prt: 1}\n - {}",
        "nonsense",
        "metrics.rise=x",
        "reward.scale=[",
        learning="q_learning: {learning_rate: 7}\nmetrics: {jitter: 9}",
        scenario=str(scenario),
        environ={
            "SLB_X": "1",
            "SLB_Y__Z": "1",
            "SLB_EXPERIMENT__SEEDS": "one",
            "SLB_EXPERIMENT__REQUESTS": "0",
        },
    )
    where = [each.split(": ")[0] for each in problems]

    assert sorted(
        [
            "config.yaml:2",
            "metrics",
            "SLB_EXPERIMENT__SEEDS",
            "SLB_X",
            "SLB_Y__Z",
            "--set nonsense",
            "--set reward.scale=[",
            "config.yaml:3",
            "config.yaml:5",
            "config.yaml:5",
            "config.yaml:6",
            "config.yaml:6",
            "config.yaml:2",
            "rl_config.yaml:2",
            "--set metrics.rise",
            "over.yaml:2",
            "SLB_EXPERIMENT__REQUESTS",
            "rl_config.yaml:1",
        ]
    ) == sorted(where)


def test_an_unreadable_file_hides_nothing_of_the_others_form(place: Place) -> None:
    """Values are not judged then: what is missing may stand in the file that cannot be read."""
    assert [
        "config.yaml:1: while parsing a flow node, expected the node content, but found "
        "'<stream end>'",
        "rl_config.yaml: the file must hold keys and values, not a list",
        "no scenario 'zzz'; valid: "
        + ", ".join(sorted(each.stem for each in SCENARIOS.glob("*.yaml"))),
        f"SLB_X: unknown section 'x'; valid: {SECTIONS}",
        "--set a: must be key.key=value",
        f"--set foo: foo: unknown key; valid: {SECTIONS}",
    ] == place.problems(
        "a: [",
        "a",
        "foo=1",
        "metrics.fall=x",
        learning="- 1",
        scenario="zzz",
        environ={"SLB_X": "1"},
    )


def test_an_alias_bomb_is_read_once(place: Place) -> None:
    """Nine levels of nine are 387 million values if each is looked at where it is mentioned."""
    levels = ["a: &l0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    problems = place.problems("\n".join(levels))

    assert 10 == len(problems)


def test_merged_keys_count_as_written(place: Place) -> None:
    """YAML's ``<<``: the nearer key wins, and nothing stands twice."""
    settings = place.load(
        "servers:\n - &first {id: a, port: 1, weight: 3}\n - {<<: *first, id: b, port: 2}"
    )

    assert [("a", 1, 3), ("b", 2, 3)] == [(s.id, s.port, s.weight) for s in settings.servers]
