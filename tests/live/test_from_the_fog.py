"""What a policy learned in an agent's seat of the fog, in the state file of a live node."""

import asyncio
import random
from pathlib import Path

import pytest

from config.schema import Settings
from load_balancer.app import App
from load_balancer.state_file import StateFile
from load_balancer.strategies import build
from metrics.table import EndpointTable
from rl.fog.env import FogEnv
from rl.fog.seam import Seam, play
from rl.reward import RewardParameters
from rl.reward import build as build_reward
from rl.vocabulary import Learner
from tests.live.origin import Origin, Visit, answer, done
from tests.live.rig import settings_for
from tests.live.wire import Clients

pytestmark = pytest.mark.integration


async def backend(visit: Visit) -> None:
    while not await done(visit):
        await visit.request()
        visit.send(answer(str(visit.origin.port).encode()))


def learned(strategy: str) -> Learner:
    """One busy node and two neighbours of ten times its power, which are learned to be quicker."""
    fog = {
        "NO_NODES_PER_LAYERS": "1,2",
        "CONTROLLERS": 0,
        "CLOUD_EXISTS": 0,
        "FREQS": "1e6,1e7",
        "NO_CORES": 1,
        "protocol.clt.I": 2e6,
        "protocol.clt.T": 0.1,
        "topology": "full",
        "CYCLES": 120,
    }
    env = FogEnv(fog)
    policy = build(strategy, Settings(), random.Random(1))
    assert isinstance(policy, Learner)
    seam = Seam(env, {"worker_0": policy}, build_reward(RewardParameters()), EndpointTable(()))
    play(env, seam, seed=1)
    return policy


@pytest.mark.parametrize("strategy", ["q_learning", "marginal_cost"])
async def test_what_was_learned_in_the_fog_is_what_a_live_node_knows(
    tmp_path: Path, strategy: str
) -> None:
    policy = learned(strategy)
    path = tmp_path / "state.json"
    StateFile(path).save({strategy: policy.parameters()})
    async with Origin(backend) as a, Origin(backend) as b, Origin(backend) as c:
        settings = settings_for(
            a,
            b,
            c,
            endpoints=[{"id": f"worker_{number}"} for number in range(3)],
            strategy=strategy,
            learning={"state_file": str(path)},
        )
        app = App(settings, asyncio.get_running_loop())
        await app.start()
        try:
            live = app.node.strategy.policy
            assert isinstance(live, Learner)
            assert live.parameters() == policy.parameters()
            async with Clients() as clients:
                client = await clients.connect(app.port)
                for _ in range(5):
                    client.send(b"POST /task-0 HTTP/1.1\r\nHost: fog\r\nContent-Length: 0\r\n\r\n")
                    assert (await client.answer()).status == 200
            assert live.parameters() != policy.parameters()
        finally:
            await app.stop()
