"""The processes of a network's nodes."""

from __future__ import annotations

import psutil
import pytest

from config.layout import Address
from load_balancer.network.admin import Change
from load_balancer.network.population import Population
from load_balancer.network.sockets import opened
from load_balancer.serving import StartError
from tests.load_balancer.network.test_group import named

pytestmark = pytest.mark.integration


async def test_a_level_is_a_process() -> None:
    """Sockets are theirs alone, so that the port of one that dies refuses."""
    settings = {name: named(name, 1) for name in ("201", "101", "102")}
    sockets = {name: opened(name, Address("127.0.0.1", 0)) for name in settings}
    population = Population("level", settings["101"].load_balancer)
    try:
        await population.start(settings, sockets, {"201": 2, "101": 1, "102": 1})
        assert [each.fileno() for each in sockets.values()] == [-1, -1, -1]
        states = await population.states()
        assert set(states) == set(settings)
        assert states["101"]["process"] == states["102"]["process"] != states["201"]["process"]
        assert await population.join(named("301", 1)) > 0
        with pytest.raises(Change, match="cannot listen") as raised:
            await population.join(named("302", 1, host="192.0.2.1"))
        assert raised.value.status == 409
        population.forget("301", "left")
        assert population.gone == {"301": "left"}
    finally:
        await population.stop(["201"])
    assert psutil.Process().children() == []


async def test_who_does_not_answer_is_told_to_the_operator(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = {"101": named("101", 1)}
    sockets = {"101": opened("101", Address("127.0.0.1", 0))}
    population = Population("node", settings["101"].load_balancer)
    await population.start(settings, sockets, {"101": 1})
    link = population.links["101"]
    assert (await population.tell(link, "/nodes/101/fail")) == {"failed": "101"}
    await population.stop([])
    assert await population.tell(link, "/nodes/101/fail") == {}
    assert "process 1 has ended" in capsys.readouterr().err


async def test_a_process_that_cannot_start_ends_it(capfd: pytest.CaptureFixture[str]) -> None:
    settings = {"101": named("101", 1, request_log={"path": "."})}
    sockets = {"101": opened("101", Address("127.0.0.1", 0))}
    population = Population("node", settings["101"].load_balancer)
    with pytest.raises(StartError) as raised:
        await population.start(settings, sockets, {"101": 1})
    assert (str(raised.value), raised.value.exit_code) == ("", 2)
    assert "request_log.path" in capfd.readouterr().err
    sockets["101"].close()
    await population.stop([])
