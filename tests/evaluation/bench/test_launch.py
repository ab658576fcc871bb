"""evaluation.bench.launch: free ports and versions."""

from importlib.metadata import version

import pytest

from evaluation.bench.launch import free_ports, versions

pytestmark = pytest.mark.unit


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5


def test_a_version_that_is_not_there_is_called_missing() -> None:
    assert versions("httptools", "no-such-package-anywhere") == {
        "httptools": version("httptools"),
        "no-such-package-anywhere": "missing",
    }
