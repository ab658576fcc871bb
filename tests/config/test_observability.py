"""What must hold between the settings of what a node tells."""

import pytest
from pydantic import ValidationError

from config.observability import AccessLogSettings, ServerTiming, Tracing
from tests.config.place import Place

pytestmark = pytest.mark.unit


def test_nothing_is_told_by_default() -> None:
    assert AccessLogSettings().path is None
    assert (False, 0.0, None) == (Tracing().enabled, Tracing().start, Tracing().export_url)
    assert "off" == ServerTiming().when


def test_spans_are_exported_only_where_the_node_takes_part_in_traces() -> None:
    """The endpoint's spans would name a parent that nobody has."""
    url = "http://localhost:4318/v1/traces"

    assert url == Tracing(enabled=True, export_url=url).export_url
    with pytest.raises(ValidationError, match="export_url needs enabled"):
        Tracing(export_url=url)


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://h/", "http://", "http://a b/"])
def test_an_export_url_is_one_of_http(url: str) -> None:
    with pytest.raises(ValidationError, match="export_url"):
        Tracing(enabled=True, export_url=url)


@pytest.mark.parametrize("word", ["off", "on", "header"])
def test_the_words_for_server_timing_may_stand_in_yaml_without_quotes(
    place: Place, word: str
) -> None:
    """YAML reads off and on as truth values."""
    settings = place.load(f"load_balancer:\n  server_timing:\n    when: {word}\n")

    assert word == settings.load_balancer.server_timing.when


def test_any_other_word_for_server_timing_is_refused(place: Place) -> None:
    (problem,) = place.problems("load_balancer:\n  server_timing:\n    when: sometimes\n")

    assert "load_balancer.server_timing.when" in problem


@pytest.mark.parametrize(
    ("config", "override"),
    [
        ('load_balancer: {access_log: {path: "-"}}', "load_balancer.access_log.format=json"),
        ("", "load_balancer.access_log.path=-"),
        ("", "load_balancer.access_log.path='-'"),
    ],
)
def test_standard_output_is_a_dash_in_a_file_and_on_the_command_line(
    place: Place, config: str, override: str
) -> None:
    """Where YAML takes a bare one for a list."""
    assert "-" == place.load(config, override).load_balancer.access_log.path
