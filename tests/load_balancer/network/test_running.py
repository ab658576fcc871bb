"""A network of 3 times 3 nodes with its origins: asked, joined, left, failed and moved in."""

from __future__ import annotations

import itertools
import os
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from config.network import Network
from load_balancer.network.running import RunningNetwork
from load_balancer.notify import Notifier
from load_balancer.serving import Operation, StartError
from tests.load_balancer.fakes import until
from tests.load_balancer.network.stage import Stage, running, small

pytestmark = pytest.mark.integration

LEARNED = 40
"""Requests for one domain after which a network of this size surely knows a way."""


async def learn(stage: Stage, domain: str, times: int = LEARNED) -> list[int]:
    """Statuses of so many requests for pages that nobody has cached, until the last ten are good.

    They are at most ten times as many: where a choice is explored is up to the dice.
    """
    statuses: list[int] = []
    for number in itertools.count():
        page = f"/path-1/page.html?{domain}-{len(statuses)}-{number}"
        statuses.append((await stage.page(domain, page)).status_code)
        if len(statuses) >= times and statuses[-10:] == [200] * 10:
            break
        assert len(statuses) < 10 * times, statuses
    return statuses


async def test_a_page_shows_its_whole_way() -> None:
    """Body, Q and reward, every hop, what each cache did, and how old it is the second time."""
    async with running(small()) as stage:
        await learn(stage, "domain3.com")
        page = await stage.page("domain3.com", "/path-4/page.html")
        assert (page.status_code, page.http_version) == (200, "HTTP/1.1")
        assert "A page from domain3.com/path-4/page.html" in page.text
        via = [each.strip().split() for each in page.headers.get_list("via", split_commas=True)]
        assert [name[0] for _, name in via] == ["1", "2", "3"]
        assert float(page.headers["Q"]) < 0 and float(page.headers["QReward"]) < 0
        assert page.headers["Cache-Status"].count("stored") == 3
        again = await stage.page("domain3.com", "/path-4/page.html")
        assert again.text == page.text
        assert '"301"; hit' in again.headers["Cache-Status"]
        assert (float(again.headers["Q"]), again.headers["Age"]) == (0.0, again.headers["Age"])
        assert int(again.headers["Age"]) < 60


async def test_it_tells_its_graph_and_what_each_link_learned() -> None:
    async with running(small()) as stage:
        await learn(stage, "domain1.com")
        view = await stage.view("DOMAIN1.com")
        assert view["levels"] == 3
        assert [node["name"] for node in view["nodes"]][:3] == ["301", "302", "303"]
        assert {node["state"] for node in view["nodes"]} == {"serves"}
        assert {node["process"] for node in view["nodes"]} == {os.getpid()}
        learned = [each for each in view["links"] if each["q"]]
        assert learned and {key for each in learned for key in each["q"]} == {"domain1.com"}
        assert all(each["visits"]["domain1.com"] >= 0 for each in learned)
        edges = [each for each in view["links"] if each["kind"] == "origin"]
        assert {each["from"][0] for each in edges} == {"1"}
        table = await stage.client.get(f"{stage.admin}/nodes/301/q?format=json")
        assert table.json()["routing_strategy"] == "q_routing"
        assert (await stage.client.get(f"{stage.admin}/nodes/301/metrics")).status_code == 200
        assert (await stage.client.get(f"{stage.admin}/readyz")).json() == {"status": "ready"}


async def test_whoever_fails_is_learned_around() -> None:
    """Its neighbours find out by themselves; clients see next to nothing of it."""
    async with running(small("node.retries.budget_minimum_per_second=1000")) as stage:
        await learn(stage, "domain2.com")
        best = max(
            (each for each in (await stage.view("domain2.com"))["links"] if each["from"] == "301"),
            key=lambda each: each["completed"],
        )["to"]
        assert (await stage.post(f"/nodes/{best}/fail")).status_code == 200
        assert (await stage.node(best))["state"] == "failed"
        assert await stage.parents("301") != []
        assert (await learn(stage, "domain2.com")).count(502) == 0
        again = await stage.post(f"/nodes/{best}/fail")
        assert (again.status_code, again.json()) == (404, {"detail": f"node '{best}': failed"})


async def test_nodes_join_and_leave_while_it_runs() -> None:
    """A newcomer is asked from then on; who leaves is told to those before it first."""
    async with running(small()) as stage:
        await learn(stage, "domain1.com")
        joined = await stage.post(
            "/nodes",
            {
                "name": "209",
                "parents": ["101", "102"],
                "children": ["301"],
                "domains": {"domain1.com": None},
            },
        )
        assert joined.status_code == 201
        direct = await stage.page("domain1.com", at=joined.json()["url"])
        assert (direct.status_code, direct.headers["Via"]) == (200, "1.1 209")
        assert "209" in await stage.parents("301")
        assert (await stage.node("209"))["level"] == 2
        await learn(stage, "domain1.com")
        asked = [each for each in (await stage.view())["links"] if each["to"] == "209"]
        assert asked[0]["completed"] > 0
        left = await stage.post("/nodes/209/leave")
        assert left.json() == {"name": "209", "connections_cut": 0}
        assert "209" not in await stage.parents("301")
        assert (await stage.node("209"))["state"] == "left"
        assert set(await learn(stage, "domain1.com")) <= {200, 503}
        with pytest.raises(httpx.ConnectError):
            await stage.page("domain1.com", at=joined.json()["url"])


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "301"}, 409, "there is a node '301' already"),
        ({"name": "x", "parents": ["999"]}, 422, "parents: there is no node '999'"),
        ({"name": "x", "children": ["999"]}, 404, "there is no node '999'"),
        ({"name": "x", "domains": {"other.test": None}}, 422, "domains.other.test: no origin"),
        ({"name": "x", "host": "192.0.2.1"}, 409, "cannot listen"),
        ({"name": "x", "parent": []}, 422, "Extra inputs"),
    ],
)
async def test_who_cannot_join_is_told_why(body: object, status: int, said: str) -> None:
    network = Network.model_validate(
        {"base_port": 0, "nodes": {"301": {"domains": {"a.test": "h:1"}}}}
    )
    async with running(network) as stage:
        answer = await stage.post("/nodes", body)
        assert answer.status_code == status
        assert said in answer.text
        assert [each["name"] for each in (await stage.view())["nodes"]] == ["301"]


async def test_an_origin_moves_to_another_edge() -> None:
    """By the ordinary routes of the two edge nodes; then all learn the other way."""
    async with running(small()) as stage:
        await learn(stage, "domain2.com")
        view = await stage.view()
        edges = ["101", "102", "103"]
        knowing = [
            each["from"]
            for each in view["links"]
            if each["kind"] == "origin" and each["domains"] == ["domain2.com"]
        ]
        url = next(each["url"] for each in view["origins"] if each["domain"] == "domain2.com")
        entry = {
            "id": "domain2.com",
            "host": "127.0.0.1",
            "port": int(url.rpartition(":")[2]),
            "domains": ["domain2.com"],
        }
        new = next(each for each in edges if each not in knowing)
        assert (await stage.post(f"/nodes/{new}/endpoints", entry)).status_code == 200
        for old in knowing:
            gone = await stage.post(f"/nodes/{old}/endpoints/domain2.com/remove")
            assert gone.status_code == 200
        await learn(stage, "domain2.com")
        page = await stage.page("domain2.com", "/path-1/page.html?moved")
        assert page.headers["Via"].startswith(f"1.1 {new}")
        assert "domain2.com" in (await stage.node(new))["domains"]


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["level", "node"])
async def test_several_processes_are_one_network(
    processes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked, joined and left as in one; a process that is killed is told of, and learned around;
    nothing is left of any."""
    async with running(small(), "level" if processes == "level" else "node") as stage:
        count = 3 if processes == "level" else 9
        assert len({node["process"] for node in (await stage.view())["nodes"]}) == count
        await learn(stage, "domain1.com")
        body = {"name": "209", "parents": ["101", "102", "103"], "children": ["301"]}
        assert (await stage.post("/nodes", body)).status_code == 201
        assert len({node["process"] for node in (await stage.view())["nodes"]}) == count + 1
        victim = await stage.node("209")
        os.kill(victim["process"], signal.SIGKILL)
        await until(lambda: "209" not in stage.network._population.links)
        assert (await stage.node("209"))["state"] == "its process was ended by SIGKILL"
        assert "the process of 209 was ended by SIGKILL" in capsys.readouterr().err
        await learn(stage, "domain1.com")
        assert (await stage.post("/nodes/302/leave")).status_code == 200
        folder = stage.network._population._directory
    assert [] == psutil.Process().children()
    assert not folder.exists()


async def test_a_taken_port_is_said_and_nothing_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        nodes = {"a": {"port": port, "domains": {"a.test": None}}}
        network = Network.model_validate({"base_port": 0, "nodes": nodes})
        made = RunningNetwork(network, Operation(None, Notifier({}, lambda: 0.0, 1)))
        with pytest.raises(StartError, match=rf"node a cannot listen on 127\.0\.0\.1:{port}") as e:
            await made.start()
        assert e.value.exit_code == 2
    assert [] == psutil.Process().children()


@pytest.mark.parametrize(
    ("only", "said"),
    [(("far",), "cannot listen"), (("none",), "--only: there is no node 'none'")],
)
async def test_a_node_of_another_host_is_not_started_here(only: tuple[str, ...], said: str) -> None:
    """Unless it is asked for, which then fails; the others are."""
    nodes = {
        "near": {"parents": ["far"]},
        "far": {"host": "192.0.2.1", "port": 9, "domains": {"a.test": "h:1"}},
    }
    network = Network.model_validate({"base_port": 0, "nodes": nodes})
    async with running(network) as stage:
        states = {node["name"]: node["state"] for node in (await stage.view())["nodes"]}
        assert states == {"near": "serves", "far": "elsewhere"}
        assert (await stage.post("/nodes/far/leave")).json() == {"detail": "node 'far': elsewhere"}
    made = RunningNetwork(network, Operation(None, Notifier({}, lambda: 0.0, 1)), only=only)
    with pytest.raises(StartError, match=said):
        await made.start()


async def test_its_admin_port_is_guarded(tmp_path: Path) -> None:
    """As that of a node: a token where one is set, and other names for this machine refused."""
    token = tmp_path / "token"
    token.write_text("correct-horse\n")
    nodes = {"a": {"domains": {"a.test": "h:1"}}}
    node = {"admin_token_file": str(token)}
    network = Network.model_validate({"base_port": 0, "nodes": nodes, "node": node})
    async with running(network) as stage:
        assert (await stage.post("/nodes/a/fail")).status_code == 401
        shown = {"Authorization": "Bearer correct-horse"}
        answer = await stage.client.get(f"{stage.admin}/network", headers=shown)
        assert answer.status_code == 200
