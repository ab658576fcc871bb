"""What a supervisor asks its workers."""

import json

import pytest

from config.schema import Settings
from load_balancer.hand_over import settings_json
from load_balancer.worker_routes import LEARNED, SETTINGS
from tests.load_balancer.fakes import FakeWorker
from tests.load_balancer.test_repertoire import teach, visits

pytestmark = pytest.mark.integration


async def test_settings_are_taken_up_as_they_were_given() -> None:
    worker = FakeWorker(1)
    wanted = Settings.model_validate(
        {"load_balancer": {"admin_token": "correct-horse", "limits": {"hops": 3}}}
    )
    answer = await worker.ask("POST", SETTINGS, settings_json(wanted))
    assert (200, ["load_balancer.port"]) == (answer.status_code, answer.json()["restart"])
    assert wanted == worker.wants


@pytest.mark.parametrize(
    ("content", "refuses"),
    [(settings_json(Settings()), "no"), (b'{"load_balancer": {"port": -1}}', "")],
)
async def test_settings_that_cannot_be_taken_up_are_refused(content: bytes, refuses: str) -> None:
    worker = FakeWorker(1)
    before = worker.wants
    worker.refuses = refuses
    answer = await worker.ask("POST", SETTINGS, content)
    assert 422 == answer.status_code
    assert refuses in answer.json()["detail"]
    assert before is worker.wants


async def test_what_was_learned_goes_out_and_comes_back() -> None:
    one, other = FakeWorker(1), FakeWorker(2)
    teach(one.repertoire, 3)
    told = await one.ask("GET", LEARNED)
    assert ["q_learning"] == list(told.json())
    assert 200 == (await other.ask("POST", LEARNED, told.content)).status_code
    assert 3 == visits(other.repertoire)
    broken = await one.ask("POST", LEARNED, json.dumps({"q_learning": 5}).encode())
    assert (422, "q_learning: must hold keys and values") == (
        broken.status_code,
        broken.json()["detail"],
    )


async def test_no_published_interface_tells_of_it() -> None:
    paths = (await FakeWorker(1).ask("GET", "/openapi.json")).json()["paths"]
    assert {} == paths
