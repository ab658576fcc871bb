"""The settings of a proxy network."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loading import DIRECTORY, ConfigError
from config.network import NODE, Network, load_network, page_paths

pytestmark = pytest.mark.unit

FILES = [DIRECTORY / "proxy_network.yaml", *sorted((DIRECTORY / "networks").glob("*.yaml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_network_of_ours_is_one(path: Path) -> None:
    network = load_network(path)
    assert network.node.strategy == "q_routing"
    assert network.node.q_headers.enabled and network.node.cache.enabled
    assert not network.topology().stranded()


def test_the_default_is_the_documents_graph() -> None:
    """10 levels of 10 nodes, 10 origins of 10 pages, caches of 4 entries."""
    network = load_network()
    topology = network.topology()
    assert (len(topology.places), topology.levels, len(topology.origins)) == (100, 10, 10)
    assert topology.origins[2].domain == "domain3.com"
    assert "/path-4/page.html" in topology.origins[2].pages
    assert (network.node.cache.entries, network.node.decline_load) == (4, 100)
    assert network.node.no_service_status == 503
    assert load_network(DIRECTORY / "networks" / "document.yaml").node.no_service_status == 501


def test_nodes_keep_what_is_not_said_of_them(tmp_path: Path) -> None:
    """A key of ``node`` is laid over that one of ours, and over no other beside it."""
    path = tmp_path / "network.yaml"
    path.write_text("node: {limits: {hops: 50}, cache: {entries: 9}, strategy: random}\n")
    node = load_network(path).node
    assert (node.limits.hops, node.limits.own_hops) == (50, 1)
    assert (node.cache.entries, node.cache.enabled) == (9, True)
    assert (node.strategy, node.q_headers.enabled) == ("random", True)
    assert NODE["cache"]["entries"] == 4


def test_the_same_seed_is_the_same_graph() -> None:
    one, same, other = (Network(seed=seed).topology() for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("levles: 3", ":1: levles: unknown key; did you mean 'levels'?"),
        ("node:\n  cahce: {}", ":2: node.cahce: unknown key; did you mean 'cache'?"),
        ("node: {limits: {own_hop: 1}}", ":1: node.limits.own_hop: unknown key; did you mean"),
        ("nodes:\n  a:\n    parnts: []", ":3: nodes.a.parnts: unknown key; did you mean 'parents'"),
        ("levels: 0", ":1: levels: Input should be greater than or equal to 1 (given: 0)"),
        ("width: 100", ":1: width: Input should be less than 100 (given: 100)"),
        ("levels: true", ":1: levels: must be a number, not a truth value (given: True)"),
        ("base_port: 65500", "base_port: the last port would be 65610, above 65535"),
        ("levels: 2\nnodes: {a: {domains: {b.test: }}}", "levels: is of a generated graph"),
        ("nodes: {a: {parents: [b]}}", "nodes: node 'a' has an unknown parent 'b'"),
        ("nodes: {a: {}}", "nodes: node 'a' reaches no origin"),
        ("nodes: {a: {domains: {b.test: nowhere}}}", ":1: nodes.a.domains.b.test: String should"),
        ("node: {strategy: [1]}", ":1: node.strategy: Input should be a valid string"),
        ("node: 5", ":1: node: must hold keys and values (given: 5)"),
        ("nodes: {a b: {}}", ":1: nodes.a b"),
        ("q_routing: {learning_rate: 2}", "learning_rate must lie between 0 and 1"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_key(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "network.yaml"
    path.write_text(text + "\n")
    with pytest.raises(ConfigError) as raised:
        load_network(path)
    assert problem in str(raised.value)
    assert len(raised.value.problems) == 1


def test_settings_can_be_laid_over_the_file() -> None:
    network = load_network(None, ["levels=2", "node.cache.entries=7", "origins.pages=3"])
    assert (network.levels, network.node.cache.entries, network.origins.pages) == (2, 7, 3)
    with pytest.raises(ConfigError, match=r"--set levles: levles: unknown key; did you mean"):
        load_network(None, ["levles=2"])


def test_pages_are_named_as_in_the_document() -> None:
    assert page_paths(2) == ("/path-1/page.html", "/path-2/page.html")
