"""The configuration's sources, how they lie over each other, and how they are written out."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from config.loading import effective_yaml, load, nearest, scenario_names
from config.schema import Server, Settings
from rl.encoding import LoadEncoding, Thresholds
from rl.q_learning import QLearningParameters
from tests.config.place import Place

pytestmark = pytest.mark.integration

# What document 003's implementation has in its two files, key by key.
DOCUMENT_003_CONFIG = """\
servers:
  - id: server1
    host: localhost
    port: 8001
    base_delay_ms: 50
  - id: server2
    host: localhost
    port: 8002
    base_delay_ms: 75
  - id: server3
    host: localhost
    port: 8003
    base_delay_ms: 100

load_balancer:
  host: localhost
  port: 8080

metrics:
  polling_interval_seconds: 1.0

traffic:
  target_url: http://localhost:8080
  request_rate: 10
  duration_seconds: 60
"""
DOCUMENT_003_RL_CONFIG = """\
q_learning:
  learning_rate: 0.1
  discount_factor: 0.9
  exploration_rate: 0.1
  exploration_decay: 0.995
  min_exploration_rate: 0.01

state_encoding:
  cpu_thresholds:
    low: 50
    medium: 80
  active_requests_thresholds:
    low: 5
    medium: 10
  response_time_thresholds_ms:
    low: 100
    medium: 200

reward:
  failure_penalty: -1000
"""


def test_document_003s_own_files_load_as_they_are(place: Place) -> None:
    settings = place.load(DOCUMENT_003_CONFIG, learning=DOCUMENT_003_RL_CONFIG)

    assert (
        Server(id="server1", port=8001, base_delay_ms=50),
        Server(id="server2", port=8002, base_delay_ms=75),
        Server(id="server3", port=8003, base_delay_ms=100),
    ) == settings.servers
    assert ("localhost", 8080) == (settings.load_balancer.host, settings.load_balancer.port)
    assert 1.0 == settings.metrics.polling_interval_seconds
    assert ("http://localhost:8080", 10.0, 60.0) == (
        settings.traffic.target_url,
        settings.traffic.request_rate,
        settings.traffic.duration_seconds,
    )
    assert QLearningParameters(0.1, 0.9, 0.1, 0.995, 0.01) == settings.q_learning
    assert (
        LoadEncoding(Thresholds(50, 80), Thresholds(5, 10), Thresholds(100, 200))
        == settings.state_encoding
    )
    assert -1000 == settings.reward.failure_penalty


def test_our_own_files_are_the_defaults() -> None:
    """What is written there is what holds without them."""
    assert Settings() == load(environ={})


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_of_ours_loads_and_can_be_written_out(name: str, place: Place) -> None:
    settings = place.load(scenario=name)
    few = settings.model_copy(update={"servers": settings.servers[:20]})

    assert settings.experiment.description
    assert few == place.load(effective_yaml(few))


def test_an_empty_file_leaves_the_defaults(place: Place) -> None:
    assert Settings() == place.load("") == place.load("# nothing\n")


def test_the_learners_file_may_be_missing_or_loaded_alone(place: Place) -> None:
    place.load("", learning="q_learning: {learning_rate: 0.5}")

    assert 0.5 == load(place.learning, environ={}).q_learning.learning_rate
    assert 0.1 == place.load("").q_learning.learning_rate


def test_a_section_may_stand_in_either_file(place: Place) -> None:
    settings = place.load("q_learning: {learning_rate: 0.5}", learning="metrics: {fall: 9}")

    assert (0.5, 9) == (settings.q_learning.learning_rate, settings.metrics.fall)


def test_later_sources_win_key_by_key(place: Place, tmp_path: Path) -> None:
    """Files, scenario, environment, arguments; what none of them names stays."""
    scenario = tmp_path / "over.yaml"
    scenario.write_text("load_balancer: {port: 2, admin_port: 2000, strategy: two}")
    settings = place.load(
        "load_balancer: {port: 1, admin_port: 1000, strategy: one, node_name: first}",
        "load_balancer.port=4",
        scenario=str(scenario),
        environ={"SLB_LOAD_BALANCER__PORT": "3", "SLB_LOAD_BALANCER__ADMIN_PORT": "3000"},
    )
    balancer = settings.load_balancer

    assert (4, 3000, "two", "first") == (
        balancer.port,
        balancer.admin_port,
        balancer.strategy,
        balancer.node_name,
    )


def test_a_list_is_replaced_as_a_whole(place: Place, tmp_path: Path) -> None:
    scenario = tmp_path / "over.yaml"
    scenario.write_text("servers: [{id: b, port: 2}]")

    assert ["b"] == [
        each.id
        for each in place.load("servers: [{id: a, port: 1}]", scenario=str(scenario)).servers
    ]


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("SLB_LOAD_BALANCER__PORT", "9", "load_balancer.port", 9),
        ("slb_load_balancer__port", "9", "load_balancer.port", 9),
        ("SLB_LOAD_BALANCER__SEED", "7", "load_balancer.seed", 7),
        ("SLB_LOAD_BALANCER__NODE_NAME", "123", "load_balancer.node_name", "123"),
        ("SLB_LOAD_BALANCER", '{"port": 9}', "load_balancer.port", 9),
        (
            "SLB_LOAD_BALANCER__DEADLINES__HEAD_SECONDS",
            "3",
            "load_balancer.deadlines.head_seconds",
            3,
        ),
        ("SLB_Q_LEARNING__LEARNING_RATE", "0.3", "q_learning.learning_rate", 0.3),
        ("SLB_EXPERIMENT__SEEDS", "[5, 6]", "experiment.seeds", (5, 6)),
        ("SLB_REWARD__SCALE", "2", "reward.scale", 2.0),
    ],
)
def test_a_variable_sets_what_it_names(
    place: Place, name: str, value: str, path: str, expected: object
) -> None:
    found: object = place.load(environ={name: value, "PATH": "/bin", "SLBX": "1"})
    for part in path.split("."):
        found = getattr(found, part)

    assert expected == found


def test_a_variable_for_one_key_goes_before_one_for_its_section(place: Place) -> None:
    environ = {
        "SLB_LOAD_BALANCER__PORT": "2",
        "SLB_LOAD_BALANCER": '{"port": 1, "admin_port": 7}',
    }
    balancer = place.load(environ=environ).load_balancer

    assert (2, 7) == (balancer.port, balancer.admin_port)


def test_the_processs_environment_is_read_by_default(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.load("")
    monkeypatch.setenv("SLB_LOAD_BALANCER__PORT", "77")

    assert 77 == load(place.config).load_balancer.port


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("load_balancer.port=9", "load_balancer.port", 9),
        ("load_balancer.seed=", "load_balancer.seed", None),
        ("load_balancer={port: 9}", "load_balancer.port", 9),
        ("traffic.target_url=http://h/?a=b", "traffic.target_url", "http://h/?a=b"),
        ("experiment.strategies=[random]", "experiment.strategies", ("random",)),
        ("load_balancer.request_log.path=log.jsonl", "load_balancer.request_log.path", "log.jsonl"),
    ],
)
def test_an_argument_sets_what_it_names(
    place: Place, override: str, path: str, expected: object
) -> None:
    found: object = place.load("load_balancer: {seed: 5}", override)
    for part in path.split("."):
        found = getattr(found, part)

    assert expected == found


# Writing it out.


def test_the_effective_configuration_reads_back_as_it_is(place: Place) -> None:
    settings = place.load(
        "load_balancer: {trusted_proxies: [10.0.0.0/8, '::1/128', 10.1.2.3], node_name: 'no'}\n"
        'experiment: {description: "a: b # c\\n\'é\\t"}\n'
        "traffic: {request_rate: 1.0e-5}\n"
        "servers:\n"
        " - id: '1'\n"
        "   port: 1\n"
        "   tags: ['yes', '2024-01-01', '~', '']\n"
        "   service:\n"
        "     slots: 4\n"
        "     routes: [{prefix: /a, factor: 2}]\n"
        "     phases:\n"
        "     - {kind: slow, start: 5, factor: 3}\n"
        "     - {kind: fail, start: 1, end: 2, probability: 0.5, status: 503}\n"
    )
    text = effective_yaml(settings)

    assert settings.servers[0].service.phases[0].end is None
    assert settings == place.load(text)
    assert text == effective_yaml(place.load(text))


def test_the_effective_configuration_names_every_key(place: Place) -> None:
    data = yaml.safe_load(effective_yaml(Settings()))

    assert list(Settings.model_fields) == list(data)
    assert {"port", "deadlines", "learning", "seed"} <= data["load_balancer"].keys()
    assert {each.name for each in fields(QLearningParameters)} == data["q_learning"].keys()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings_of_hypothesis(max_examples=40)
@given(texts, texts, st.floats(min_value=1e-300, max_value=1e5), st.none() | st.integers())
def test_any_value_reads_back_as_it_is(
    description: str, tag: str, rate: float, seed: int | None
) -> None:
    """Words that YAML could take for numbers, dates or truths; small floats; large integers."""
    settings = Settings(
        experiment={"description": description, "request_rate": rate},  # type: ignore[arg-type]
        load_balancer={"seed": seed},  # type: ignore[arg-type]
        servers=({"id": "a", "port": 1, "tags": (tag,)},),  # type: ignore[arg-type]
    )

    assert settings == Settings(**yaml.safe_load(effective_yaml(settings)))


# The nearest word.


@pytest.mark.parametrize(
    ("word", "valid", "expected"),
    [
        ("prot", ["host", "port"], "; did you mean 'port'?"),
        ("zzz", ["b", "a"], "; valid: a, b"),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_word_or_all_or_nothing(word: str, valid: list[str], expected: str) -> None:
    assert expected == nearest(word, valid)
