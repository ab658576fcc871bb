"""Federated rounds over Flower instead of our own endpoint: what a SuperLink and SuperNodes run.

The rounds, the bounds and the merging are those of a node (``load_balancer/federation/rounds.py``,
``memory.py`` beside it); Flower carries messages. A site is a file of parameters by learner, as
a node writes and reads it: whoever learns takes it up from there. Runs in Flower's own environment,
with this project on the path; it needs numpy and nothing else of ours.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords

from load_balancer.federation.memory import Memory, Model
from load_balancer.federation.rounds import Rounds, SiteTally, Stale
from rl.federated import averaging
from rl.federated.terms import Terms
from rl.marginal_cost.policy import MarginalCost, MarginalCostParameters
from rl.merging import Mergeable
from rl.vocabulary import Parameters

BODY, MODEL, OFFER = "body", "model", "offer"
TRAIN, QUERY = "train", "query"
NEW = "new"
NOBODY = ""

server = ServerApp()
client = ClientApp()


def learners(name: str) -> Mergeable | None:
    """Who merges what only its own learner understands."""
    if name.rpartition("/")[2] == "marginal_cost":
        return MarginalCost(MarginalCostParameters(), random.Random(0))
    return None


# The SuperLink's side.


@server.main()
def coordinate(grid: Grid, context: Context) -> None:
    """Rounds with whoever answers in time; then all are told what all know."""
    wanted = context.run_config
    terms = Terms(method=wanted["method"])
    rounds = Rounds(
        f"flower-{context.run_id}",
        NOBODY,
        [],
        int(wanted["least-sites"]),
        terms,
        random.Random(int(wanted["seed"])),
        learners,
    )
    seconds = float(wanted["deadline-seconds"])
    _wait_for(grid, int(wanted["least-sites"]), seconds)
    difference = 0.0
    for _ in range(int(wanted["rounds"])):
        replies = _ask(grid, rounds, TRAIN, seconds)
        offers = dict(_received(rounds, replies))
        work = rounds.close()
        if work is None:
            continue
        outcome = work.done()
        rounds.finish(work, outcome)
        difference = max(difference, _difference(work.offers, work.base))
    _ask(grid, rounds, QUERY, seconds)
    _report(str(wanted["report"]), rounds, offers, difference)


def _wait_for(grid: Grid, least: int, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while len(list(grid.get_node_ids())) < least:
        if time.monotonic() > ends:
            raise TimeoutError(f"fewer than {least} SuperNodes after {seconds:g} s")
        time.sleep(0.2)


def _ask(grid: Grid, rounds: Rounds, kind: str, seconds: float) -> list[Message]:
    messages = []
    for node in grid.get_node_ids():
        tally = rounds.sites.setdefault(str(node), SiteTally())
        head = {"run": rounds.run, "round": rounds.round, "included": tally.included}
        body = json.dumps({**head, "parameters": json.loads(rounds.body)}).encode()
        content = RecordDict({MODEL: ConfigRecord({BODY: body})})
        messages.append(
            grid.create_message(content, kind, dst_node_id=node, group_id=str(rounds.round))
        )
    return list(grid.send_and_receive(messages, timeout=seconds))


def _received(rounds: Rounds, replies: Iterable[Message]) -> Iterable[tuple[str, list[str]]]:
    """The learners of each site that can be merged."""
    for reply in replies:
        site = str(reply.metadata.src_node_id)
        if reply.has_error():
            rounds.refuse(site, reply.error.reason)
            continue
        try:
            offer = json.loads(_body(reply, OFFER))
            examined = rounds.examine(offer["parameters"])
            rounds.receive(site, offer["run"], offer["round"], offer["id"], examined)
            yield site, list(examined.fitting)
        except (ValueError, KeyError, TypeError, Stale) as error:
            rounds.refuse(site, str(error) or type(error).__name__)


def _difference(
    offers: Mapping[str, Mapping[str, Parameters]], base: Mapping[str, Parameters]
) -> float:
    """Between our plain mean and Flower's own FedAvg, over the networks of a round."""
    plain = Terms(clip_ratio=None, most_share=1.0)
    worst = 0.0
    for name, began in base.items():
        given = {site: offered[name] for site, offered in offers.items() if name in offered}
        merged: Any = averaging.merge(began, given, plain)
        given = {site: each for site, each in given.items() if merged.taken.get(site)}
        if not given or "arrays" not in began:
            continue
        theirs = aggregate_arrayrecords([_record(each, began) for each in given.values()], NEW)
        for key, each in merged.parameters["arrays"].items():
            worst = max(worst, float(np.abs(np.array(each) - theirs[key].numpy()).max()))
    return worst


def _record(parameters: Any, began: Any) -> RecordDict:
    arrays = {key: Array(np.array(each)) for key, each in parameters["arrays"].items()}
    new = MetricRecord({NEW: parameters["experience"] - began["experience"]})
    return RecordDict({"arrays": ArrayRecord(arrays), "metrics": new})


def _report(path: str, rounds: Rounds, offers: Mapping[str, list[str]], difference: float) -> None:
    report = {
        "rounds": rounds.round - 1,
        "unmerged": rounds.unmerged,
        "learners": rounds.names,
        "difference_to_flowers_fedavg": difference,
        "last_offers": offers,
        "sites": {
            site: {"merged": tally.merged, "refused": tally.refused, "refusal": tally.refusal}
            for site, tally in rounds.sites.items()
            if site != NOBODY
        },
    }
    Path(path).write_text(json.dumps(report, indent=1), encoding="utf-8")


def _body(message: Message, name: str) -> bytes:
    body = message.content[name][BODY]
    if not isinstance(body, bytes):
        raise ValueError(f"{name}: must be bytes")
    return body


# A SuperNode's side.


@client.train()
def offer(message: Message, context: Context) -> Message:
    """Go on from what all know, and offer what this site knows now."""
    model, now = _joined(message, context)
    memory = Memory(f"{model.run}/{model.round}", learners)
    made = {
        "run": model.run,
        "round": model.round,
        "id": memory.offer(now),
        "parameters": now,
    }
    body = json.dumps(made).encode()
    context.state[OFFER] = ConfigRecord({BODY: body})
    context.state[MODEL] = ConfigRecord({BODY: _body(message, MODEL)})
    return Message(RecordDict({OFFER: ConfigRecord({BODY: body})}), reply_to=message)


@client.query()
def take(message: Message, context: Context) -> Message:
    """Go on from what all know."""
    _joined(message, context)
    return Message(RecordDict({}), reply_to=message)


def _joined(message: Message, context: Context) -> tuple[Model, dict[str, Any]]:
    file = Path(str(context.node_config["parameters"]))
    now: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    model = _model(_body(message, MODEL))
    memory = _remembered(context)
    found = memory.join(model, now)
    now.update(found.parameters)
    # Written beside and moved: whoever reads it meanwhile gets the old or the new one.
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, delete=False
    ) as written:
        json.dump(now, written)
    os.replace(written.name, file)
    return model, now


def _remembered(context: Context) -> Memory:
    """A message may be served by a new process: what the site offered last stands in its state."""
    if OFFER not in context.state:
        return Memory(NOBODY, learners)
    before = _model(bytes(context.state[MODEL][BODY]))
    offered = json.loads(bytes(context.state[OFFER][BODY]))
    memory = Memory(f"{before.run}/{before.round}", learners)
    memory.begin(before)
    memory.offer(offered["parameters"])
    return memory


def _model(body: bytes) -> Model:
    told = json.loads(body)
    return Model(told["run"], told["round"], told["parameters"], told["included"])
