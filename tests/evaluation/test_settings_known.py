"""evaluation.settings_known: which settings there are."""

import pytest

from evaluation.settings_known import known, nested

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "path",
    [
        "servers",
        "load_balancer.port",
        "load_balancer.deadlines.connect_seconds",
        "load_balancer.request_log.path",
    ],
)
def test_a_setting_is_found_in_sections_and_in_dataclasses(path: str) -> None:
    assert known(path)


@pytest.mark.parametrize("path", ["server", "load_balancer.prot", "load_balancer.port.x", ""])
def test_what_is_no_setting_is_not(path: str) -> None:
    assert not known(path)


def test_paths_become_a_tree_without_the_unknown_ones() -> None:
    """What a version does not know must not make its configuration invalid."""
    assert nested(
        {"load_balancer.port": 1, "load_balancer.request_log.path": "x", "load_balancer.nope": 2}
    ) == {"load_balancer": {"port": 1, "request_log": {"path": "x"}}}
