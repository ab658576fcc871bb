"""The words of a fog's configuration: the original's keys, and ours.

``ORIGINAL`` knows the keys of the original, ``OWN`` our names for the same, which have their units
in them; they are also the keys of ``config/fog.yaml``, under their sections. Both give the values
that ``rl.fog.drafts`` turns into settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from rl.fog.applications import MEGABYTE
from rl.fog.reading import (
    Read,
    arrivals,
    channels,
    graphs,
    how_many,
    inverted,
    items,
    number,
    numbers,
    one_of,
    point,
    points,
    rows,
    scaled,
    simtype,
    text,
    truth,
    truths,
    weights,
    whole,
    wholes,
)

CHANNELS = ("wireless", "fibre")
APPLICATIONS = ("basic", "dag", "trace")
TOPOLOGIES = ("random", "manual", "grid", "ring", "full", "bridged")
ACTIONS = ("index", "batch")


class FogConfigError(ValueError):
    """A configuration that cannot be; the message begins with the key at fault."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Key:
    """Attributes:
    field: of the draft; "" is read, checked and dropped.
    section: of the YAML file.
    """

    field: str
    read: Read
    section: str = ""


ORIGINAL: dict[str, Key] = {
    "random.seed": Key("seed", whole),
    "SCALE": Key("ticks_per_second", whole),
    "SIZE": Key("size", whole),
    "CYCLE": Key("decision_ticks", whole),
    "CYCLES": Key("duration_seconds", whole),
    "MINDELAY": Key("least_jitter_ticks", scaled(number, 0.01)),
    "MAXDELAY": Key("most_jitter_ticks", scaled(number, 0.01)),
    "DROP": Key("drop_probability", number),
    "CONTROLLERS": Key("agents", wholes),
    "CLOUD_EXISTS": Key("clouds", how_many),
    "NO_LAYERS": Key("layers", whole),
    "NO_NODES_PER_LAYERS": Key("nodes_per_layer", wholes),
    "CLOUD_ACCESS": Key("cloud_access", truths),
    "CLOUD_POS": Key("cloud_positions_meters", points),
    "clientLayers": Key("client_layers", wholes),
    "layersThatGetTasks": Key("task_layers", wholes),
    "clientIsSelf": Key("client_is_self", truth),
    "FREQS": Key("instructions_per_core_second", numbers),
    "NO_CORES": Key("cores", wholes),
    "Q_MAX": Key("queue_limits", wholes),
    "VARIATIONS": Key("frequency_variations", numbers),
    "protocol.wrk.FREQ": Key("instructions_per_core_second", numbers),
    "protocol.wrk.NO_CORES": Key("cores", wholes),
    "protocol.wrk.Q_MAX": Key("queue_limits", wholes),
    "protocol.cld.no_vms": Key("cloud_machines", whole),
    "protocol.cld.VMProcessingPower": Key("cloud_instructions_per_second", number),
    "init.Net1.r": Key("radius_meters", number),
    "protocol.mng.cycle": Key("", whole),
    "utility_reward": Key("utility_reward", number),
    "protocol.mng.r_u": Key("utility_reward", number),
    "delay_weight": Key("delay_weights", weights),
    "protocol.mng.X_d": Key("delay_weights", weights),
    "overload_weight": Key("overload_weight", number),
    "protocol.mng.X_o": Key("overload_weight", number),
    "no_op_reward": Key("no_op_reward", number),
    "simtype": Key("application", simtype),
    "protocol.clt.numberOfTasks": Key("task_count", whole),
    "protocol.clt.weight": Key("task_weights", numbers),
    "protocol.clt.CPI": Key("task_cycles_per_instruction", numbers),
    "protocol.clt.T": Key("task_sizes_bytes", scaled(numbers, MEGABYTE)),
    "protocol.clt.I": Key("task_instructions", numbers),
    "protocol.clt.taskArrivalRate": Key("arrivals_per_second", number),
    "schedules": Key("schedules", arrivals),
    "protocol.clt.numberOfDAG": Key("dag_count", whole),
    "protocol.clt.dagWeights": Key("dag_weights", numbers),
    "protocol.clt.edges": Key("dag_edges", graphs),
    "protocol.clt.vertices": Key("dag_vertices", wholes),
    "protocol.clt.minDeadline": Key("least_deadline_seconds", whole),
    "protocol.clt.defaultCPUWorkload": Key("trace_instructions_per_core_second", number),
    "protocol.clt.defaultMemoryWorkload": Key("trace_unit_bytes", scaled(number, MEGABYTE)),
    "protocol.clt.workloadPath": Key("trace_path", text),
    "protocol.props.B": Key("bandwidth_hertz", scaled(number, 1e6)),
    "protocol.props.Beta1": Key("path_loss_constant", number),
    "protocol.props.Beta2": Key("path_loss_exponent", number),
    "protocol.props.P_ti": Key("power_dbm", number),
    "RANDOMIZEPOSITIONS": Key("random_positions", truth),
    "init.Net0.POSITIONS": Key("positions_meters", points),
    "RANDOMIZETOPOLOGY": Key("topology", inverted),
    "init.Net1.TOPOLOGY": Key("neighbours", rows),
    "MANUAL_CONFIG": Key("per_node", truth),
    "MANUAL_CORES": Key("node_cores", wholes),
    "MANUAL_FREQS": Key("node_instructions_per_core_second", numbers),
    "MANUAL_QMAX": Key("node_queue_limits", wholes),
    "protocol.urt.channelTypes": Key("channels", channels),
    "protocol.urt.channelTypesBetweenLayers": Key("channels_between_layers", rows),
    "protocol.urt.SNR": Key("fibre_snr_db", number),
    "protocol.wrk.energyCostComm": Key("energy_per_megabyte", number),
    "protocol.wrk.energyCostComp": Key("energy_per_instruction", number),
    "protocol.wrk.maxTimeAfterDeadline": Key("expiry_ticks", whole),
}
"""By the original's key. Keys with the same field are names of one thing from different years."""


def nearest(key: str, valid: Iterable[str]) -> str:
    """The valid key most like this one, whatever its letters' case and the parts before its last
    dot, which are easily taken for others."""

    def alike(name: str) -> tuple[float, float]:
        whole = SequenceMatcher(None, key.lower(), name.lower()).ratio()
        end, other = (each.lower().rpartition(".")[2] for each in (key, name))
        return max(whole, SequenceMatcher(None, end, other).ratio()), whole

    return max(valid, key=alike)


def _section(name: str, **reads: Read) -> dict[str, Key]:
    return {field: Key(field, read, name) for field, read in reads.items()}


OWN: dict[str, Key] = {
    **_section(
        "time",
        seed=whole,
        ticks_per_second=whole,
        decision_ticks=whole,
        duration_seconds=whole,
    ),
    **_section(
        "messages",
        least_jitter_ticks=number,
        most_jitter_ticks=number,
        drop_probability=number,
        retransmission_ticks=whole,
        most_transmissions=whole,
    ),
    **_section(
        "nodes",
        nodes_per_layer=wholes,
        agents=wholes,
        instructions_per_core_second=numbers,
        cores=wholes,
        queue_limits=wholes,
        frequency_variations=numbers,
        node_instructions_per_core_second=numbers,
        node_cores=wholes,
        node_queue_limits=wholes,
        expiry_ticks=whole,
    ),
    **_section(
        "cloud",
        clouds=how_many,
        cloud_access=truths,
        cloud_positions_meters=points,
        cloud_machines=whole,
        cloud_instructions_per_second=number,
    ),
    **_section(
        "clients",
        client_layers=wholes,
        task_layers=wholes,
        client_is_self=truth,
        arrivals_per_second=number,
        schedules=arrivals,
    ),
    **_section(
        "tasks",
        application=one_of(APPLICATIONS),
        task_types=items,
        dags=items,
        least_deadline_seconds=whole,
        trace_path=text,
        trace_instructions_per_core_second=number,
        trace_unit_bytes=number,
    ),
    **_section(
        "links",
        topology=one_of(TOPOLOGIES),
        topology_path=text,
        radius_meters=number,
        neighbours=rows,
        positions_meters=points,
        area_meters=point,
        bandwidth_hertz=number,
        power_dbm=number,
        fibre_snr_db=number,
        path_loss_constant=number,
        path_loss_exponent=number,
        channels=channels,
        channels_between_layers=rows,
        link_contention=truth,
    ),
    **_section("actions", actions=one_of(ACTIONS), never_to_longer_queue=truth),
    **_section(
        "rewards",
        utility_reward=number,
        delay_weights=weights,
        overload_weight=number,
        no_op_reward=number,
    ),
    **_section("energy", energy_per_megabyte=number, energy_per_instruction=number),
    **_section(
        "changes",
        node_meters_per_second=number,
        client_meters_per_second=number,
        failures_per_second=number,
        repair_seconds=number,
    ),
    **_section("model", compat=truth),
}
"""By our name."""
