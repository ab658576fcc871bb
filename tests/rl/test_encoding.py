"""Load levels and request classes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.encoding import (
    LEVELS,
    MAX_SEGMENTS,
    LoadEncoding,
    Thresholds,
    request_class,
    route_template,
)
from rl.vocabulary import Endpoint, EndpointStats

pytestmark = pytest.mark.unit

LOW, MEDIUM, HIGH = range(3)

# Text that looks like paths: many slashes, digits, hexadecimal words and what clients try.
PATHS = st.one_of(
    st.text(),
    st.lists(
        st.one_of(
            st.text(alphabet="0123456789abcdefABCDEF-", max_size=40),
            st.sampled_from(["", "..", "%2e", "{n}", "{uuid}", "*", "a\nb", "report"]),
            st.uuids().map(str),
        ),
        max_size=15,
    ).map(lambda segments: "/" + "/".join(segments)),
)


def level_of(encoding: LoadEncoding, cpu: float, active: int, latency: float) -> int:
    measured = EndpointStats(Endpoint("a", "h", 1))
    measured.cpu, measured.in_flight, measured.latency = cpu, active, latency
    (level,) = encoding.levels([measured])
    return level


@pytest.mark.parametrize(
    ("value", "level"), [(0, LOW), (49.9, LOW), (50, MEDIUM), (79.9, MEDIUM), (80, HIGH)]
)
def test_a_threshold_itself_belongs_to_the_level_above(value: float, level: int) -> None:
    assert level == Thresholds(50, 80).level(value)


@pytest.mark.parametrize(("low", "medium"), [(5, 4), (-1, 4), (math.nan, 4), (1, math.nan)])
def test_thresholds_that_do_not_rise_are_refused(low: float, medium: float) -> None:
    with pytest.raises(ValueError, match="thresholds must rise"):
        Thresholds(low, medium)


@pytest.mark.parametrize(
    ("cpu", "active", "latency", "level"),
    [
        (0.0, 0, 0.0, LOW),
        (0.49, 4, 0.099, LOW),
        (0.5, 0, 0.0, MEDIUM),
        (0.0, 5, 0.0, MEDIUM),
        (0.0, 0, 0.1, MEDIUM),
        (0.79, 9, 0.199, MEDIUM),
        (0.8, 0, 0.0, HIGH),
        (0.0, 10, 0.0, HIGH),
        (0.0, 0, 0.2, HIGH),
        (0.8, 5, 0.0, HIGH),
    ],
)
def test_the_worst_metric_decides_at_document_003s_thresholds(
    cpu: float, active: int, latency: float, level: int
) -> None:
    """50/80 per cent, 5/10 requests, 100/200 ms, from shares and seconds."""
    assert level == level_of(LoadEncoding(), cpu, active, latency)


@settings(deadline=None)
@given(
    st.floats(allow_nan=True), st.integers(min_value=0, max_value=100), st.floats(allow_nan=True)
)
def test_a_level_is_the_highest_of_its_metrics_levels(
    cpu: float, active: int, latency: float
) -> None:
    """The comparison in one go says the same as the thresholds one by one, NaN included."""
    encoding = LoadEncoding()

    assert level_of(encoding, cpu, active, latency) == max(
        encoding.cpu_thresholds.level(cpu * 100.0),
        encoding.active_requests_thresholds.level(active),
        encoding.response_time_thresholds_ms.level(latency * 1000.0),
    )


def test_what_cannot_be_known_counts_as_high() -> None:
    """NaN is below no threshold."""
    assert HIGH == level_of(LoadEncoding(), math.nan, 0, 0.0)
    assert HIGH == level_of(LoadEncoding(), 0.0, 0, math.nan)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("", ""),
        ("*", "*"),
        ("/report", "/report"),
        ("/report/8841?x=1", "/report/{n}"),
        ("/report/8841/lines/2", "/report/{n}/lines/{n}"),
        ("/u/123e4567-e89b-12d3-a456-426614174000", "/u/{uuid}"),
        ("/u/123E4567-E89B-12D3-A456-426614174000/x", "/u/{uuid}/x"),
        ("/blob/d41d8cd98f00b204", "/blob/{hash}"),
        ("/blob/d41d8cd", "/blob/d41d8cd"),
        ("/deadbeef/feedback", "/deadbeef/feedback"),
        ("/v1/items", "/v1/items"),
        ("/12a", "/12a"),
        ("/a/", "/a/"),
        ("/?q=/1/2", "/"),
        ("/1/2/3/4/5/6/7/8", "/{n}/{n}/{n}/{n}/{n}/{n}/{n}/{n}"),
        ("/a/b/c/d/e/f/g/h/i", "/a/b/c/d/e/f/g/h/*"),
        ("/a/b/c/d/e/f/g/h/i/j/k", "/a/b/c/d/e/f/g/h/*"),
    ],
)
def test_identifiers_fold_and_words_stay(path: str, template: str) -> None:
    assert template == route_template(path)


@settings(deadline=None)
@given(PATHS)
def test_a_template_is_bounded_has_no_query_and_folds_to_itself(path: str) -> None:
    """Whatever a client sends: no error, at most eight segments and the mark for more."""
    template = route_template(path)

    assert template.count("/") <= MAX_SEGMENTS + 1
    assert "?" not in template
    assert template == route_template(template)


@settings(deadline=None)
@given(st.integers(min_value=0), st.text(alphabet="abcxyz", min_size=1, max_size=7))
def test_every_number_gives_the_same_template(number: int, word: str) -> None:
    """However many reports there are, they make one class."""
    assert f"/{word}/{{n}}" == route_template(f"/{word}/{number}")


def test_a_class_is_method_and_template() -> None:
    assert "GET /report/{n}" == request_class("GET", "/report/17?full=1")
    assert request_class("GET", "/") != request_class("POST", "/")


def test_levels_rise() -> None:
    """An index into the names compares as the load does."""
    assert LEVELS == ("low", "medium", "high")
    assert "high" == LEVELS[HIGH]
