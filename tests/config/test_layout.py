"""Where everything of a network is, and what its nodes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.layout import (
    Address,
    effective_yaml,
    layout,
    node_settings,
    origin_server,
    proxy_server,
    random_seed,
)
from config.network import Network, load_network

pytestmark = pytest.mark.unit

SPELT_OUT = Network.model_validate(
    {
        "base_port": 7000,
        "nodes": {
            "near": {"parents": ["far1", "far2"], "host": "192.0.2.1", "port": 80},
            "far1": {"domains": {"a.test": None, "b.test": "[2001:db8::1]:8000"}},
            "far2": {"domains": {"b.test": "192.0.2.9:8001"}},
        },
    }
)


def test_clients_nodes_come_first_and_origins_last() -> None:
    """As the contract of names and ports has it, for the document's 10 times 10."""
    plan = layout(load_network())
    assert plan.admin.port == 9000
    ports = [plan.nodes[name].port for name in ("1001", "1010", "901", "101", "110")]
    assert ports == [9001, 9010, 9011, 9091, 9100]
    assert [plan.origins[f"domain{n}.com"].port for n in (1, 10)] == [9101, 9110]


def test_without_a_base_port_the_system_chooses_all() -> None:
    plan = layout(load_network(None, ["base_port=0"]))
    assert {address.port for address in (*plan.nodes.values(), *plan.origins.values())} == {0}
    placed = plan.placed({"1001": Address("h", 5)}, {"domain1.com": Address("o", 6)})
    assert (placed.nodes["1001"].port, placed.nodes["1002"].port) == (5, 0)
    assert placed.origin("101", "domain1.com") == Address("o", 6)


def test_a_graph_spelt_out_has_the_addresses_that_it_says() -> None:
    """One domain may have an origin behind each of two nodes."""
    plan = layout(SPELT_OUT)
    assert plan.nodes["near"] == Address("192.0.2.1", 80)
    assert plan.nodes["far1"] == Address("127.0.0.1", 7002)
    assert plan.origins == {"a.test": Address("127.0.0.1", 7004)}
    assert plan.origin("far1", "b.test") == Address("2001:db8::1", 8000)
    assert plan.origin("far2", "b.test") == Address("192.0.2.9", 8001)
    assert str(plan.origin("far1", "b.test")) == "[2001:db8::1]:8000"


def test_a_node_is_told_its_parents_and_its_origins() -> None:
    plan = layout(SPELT_OUT)
    near = node_settings(SPELT_OUT, plan, "near")
    assert [(s.id, s.proxy_node, s.domains) for s in near.servers] == [
        ("far1", True, ()),
        ("far2", True, ()),
    ]
    far = node_settings(SPELT_OUT, plan, "far1")
    assert [(s.id, s.proxy_node, s.domains) for s in far.servers] == [
        ("a.test", False, ("a.test",)),
        ("b.test", False, ("b.test",)),
    ]
    balancer = near.load_balancer
    assert (balancer.node_name, balancer.host, balancer.port) == ("near", "192.0.2.1", 80)
    assert (balancer.limits.own_hops, near.metrics.check) == (1, "off")
    with pytest.raises(KeyError):
        node_settings(SPELT_OUT, plan, "none")


def test_a_long_way_is_no_loop() -> None:
    """The bound on hops is at least the number of levels."""
    deep = Network(levels=60, width=1)
    settings = node_settings(deep, layout(deep), "6001")
    assert settings.load_balancer.limits.hops == 61


def test_each_node_has_files_of_its_own() -> None:
    node = {"cache": {"disk": "cache.db"}, "request_log": {"path": "logs/requests.jsonl"}}
    network = Network.model_validate({"node": node})
    balancer = node_settings(network, layout(network), "1001").load_balancer
    assert balancer.cache.disk == "cache-1001.db"
    assert balancer.request_log.path == str(Path("logs/requests-1001.jsonl"))


def test_each_node_throws_dice_of_its_own_and_the_same_ones_again() -> None:
    seeds = {random_seed(0, str(name)) for name in range(101, 1011)}
    assert len(seeds) == 910
    assert random_seed(3, "101") == random_seed(3, "101") != random_seed(4, "101")


def test_a_domain_that_is_no_id_has_one() -> None:
    assert origin_server("[::1]", Address("h", 8)).id == "origin-8"
    assert proxy_server("1001", Address("h", 9)).proxy_node


@pytest.mark.parametrize("network", [SPELT_OUT, load_network(None, ["levels=3", "seed=5"])])
def test_the_graph_in_force_is_read_again_as_the_same(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "network.yaml"
    plan = layout(network)
    path.write_text(effective_yaml(network, plan))
    again = load_network(path)
    other = layout(again)
    assert (other.nodes, other.origins) == (plan.nodes, plan.origins)
    assert {p.name: p for p in other.topology.places} == {p.name: p for p in plan.topology.places}
    for name in plan.nodes:
        assert node_settings(again, other, name) == node_settings(network, plan, name)
