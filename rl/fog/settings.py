"""All that one fog is made of, checked, and how it is read.

The fields say what the original's keys say, in our words and with units in their names; where a
field has such a key it stands behind its description. Lists per layer are complete: one entry per
layer. What the original leaves to a second thing it does not check (as many schedules as layers
that get tasks, a channel table as large as the layers are many) is filled in or refused here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rl.fog import drafts
from rl.fog.applications import Dag, Job, TaskType
from rl.fog.checks import check
from rl.fog.completing import Files, completed
from rl.fog.drafts import Draft
from rl.fog.keys import FogConfigError
from rl.fog.rewards import EQUAL, DelayWeights
from rl.fog.schedules import Schedule, constant

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FogSettings:
    """One fog.

    Attributes:
        seed: of all dice. ``random.seed``
        ticks_per_second: how finely time is cut. ``SCALE``
        decision_ticks: from one decision of the agents to the next. ``CYCLE``
        duration_seconds: of an episode. ``CYCLES``
        least_jitter_ticks: added to every message's delay, at the least. ``MINDELAY`` in 1/100
        most_jitter_ticks: and at the most. ``MAXDELAY`` in 1/100
        drop_probability: that a message is lost: a task, a result, an application, or a control
            message, which alone is sent again; nothing in compat. ``DROP``
        retransmission_ticks: until a lost control message is sent again.
        most_transmissions: of one control message; then it is given up.
        nodes_per_layer: workers, whose ids follow the layers. ``NO_NODES_PER_LAYERS``, ``SIZE``
        agents: ids of the nodes that are controlled. ``CONTROLLERS``
        instructions_per_core_second: per layer. ``FREQS``
        cores: per layer; all of them work on one task. ``NO_CORES``
        queue_limits: tasks that a node holds, per layer. ``Q_MAX``
        frequency_variations: per layer; its frequency is off by up to this. ``VARIATIONS``
        per_node: the next three say it per node, instead of the layers. ``MANUAL_CONFIG``
        node_instructions_per_core_second: ``MANUAL_FREQS``
        node_cores: ``MANUAL_CORES``
        node_queue_limits: ``MANUAL_QMAX``
        expiry_ticks: after its deadline, until a queued task is removed.
            ``protocol.wrk.maxTimeAfterDeadline``
        clouds: how many. ``CLOUD_EXISTS``
        cloud_access: per layer, whether its nodes are linked to the clouds. ``CLOUD_ACCESS``
        cloud_positions_meters: one per cloud. ``CLOUD_POS``
        cloud_machines: of each cloud. ``protocol.cld.no_vms``
        cloud_instructions_per_second: of each machine. ``protocol.cld.VMProcessingPower``
        client_layers: layers whose nodes have a client. ``clientLayers``
        task_layers: layers whose nodes take clients' tasks. ``layersThatGetTasks``
        client_is_self: a client asks its own node alone (in compat, when that one is not due, the
            neighbours that are). ``clientIsSelf``
        arrivals_per_second: what the rewards count with. ``protocol.clt.taskArrivalRate``
        schedules: rates per pair of client and target, one per task layer. ``schedules``
        application: basic (one task), dag, or trace. ``simtype``
        task_types: ``protocol.clt.weight``, ``.CPI``, ``.T`` in MB, ``.I``
        dags: ``protocol.clt.dagWeights``, ``.vertices``, ``.edges``
        least_deadline_seconds: a deadline is up to twice as far; 0 is none.
            ``protocol.clt.minDeadline``
        trace_path: file of the trace. ``protocol.clt.workloadPath``
        trace: its jobs.
        trace_instructions_per_core_second: ``protocol.clt.defaultCPUWorkload``
        trace_unit_bytes: size of one unit of memory. ``protocol.clt.defaultMemoryWorkload`` in MB
        topology: how nodes are linked. ``RANDOMIZETOPOLOGY``: random or manual
        topology_path: file that gave the nodes and links.
        radius_meters: random: nodes closer than this are linked. ``init.Net1.r``
        neighbours: manual: per node its own id, then its neighbours'. ``init.Net1.TOPOLOGY``
        positions_meters: per node; empty for random. ``init.Net0.POSITIONS``
        area_meters: in which random positions lie.
        bandwidth_hertz: ``protocol.props.B`` in MHz
        power_dbm: of a transmitter. ``protocol.props.P_ti``
        fibre_snr_db: ``protocol.urt.SNR``
        path_loss_constant: in the reward ``baek`` alone. ``protocol.props.Beta1``
        path_loss_exponent: the same. ``protocol.props.Beta2``
        channels: the kinds of links, by number. ``protocol.urt.channelTypes``
        channels_between_layers: the number of the channel from layer to layer, -1 for none; a last
            row and column beyond the layers are the clouds'. Empty: all have the first.
            ``protocol.urt.channelTypesBetweenLayers``
        link_contention: messages over one link wait for each other.
        actions: ``index`` (of a neighbour; one task) or ``batch`` (neighbour and count).
        never_to_longer_queue: masks neighbours whose queue is longer than the agent's own.
        utility_reward: ``utility_reward``, once ``protocol.mng.r_u``
        delay_weights: ``delay_weight``, once ``protocol.mng.X_d``
        overload_weight: ``overload_weight``, once ``protocol.mng.X_o``
        no_op_reward: of an action without a task. ``no_op_reward``
        energy_per_megabyte: sent. ``protocol.wrk.energyCostComm``
        energy_per_instruction: ``protocol.wrk.energyCostComp``; in compat the former counts for
            instructions as well.
        node_meters_per_second: nodes walk to random places; 0 stands still.
        client_meters_per_second: clients do, and ask the nearest node.
        failures_per_second: of each node.
        repair_seconds: mean time that a failed node is down.
        compat: behave as the original's code does where it departs from its description.

    Raises:
        FogConfigError: naming the field at fault.
    """

    seed: int = 1234567890
    ticks_per_second: int = 1
    decision_ticks: int = 1
    duration_seconds: int = 1000
    least_jitter_ticks: float = 0.0
    most_jitter_ticks: float = 0.0
    drop_probability: float = 0.0
    retransmission_ticks: int = 2
    most_transmissions: int = 5
    nodes_per_layer: tuple[int, ...] = (5, 1)
    agents: tuple[int, ...] = (0, 5)
    instructions_per_core_second: tuple[float, ...] = (1e7, 3e7)
    cores: tuple[int, ...] = (4, 8)
    queue_limits: tuple[int, ...] = (10, 50)
    frequency_variations: tuple[float, ...] = (1e3, 1e3)
    per_node: bool = False
    node_instructions_per_core_second: tuple[float, ...] = ()
    node_cores: tuple[int, ...] = ()
    node_queue_limits: tuple[int, ...] = ()
    expiry_ticks: int = 5
    clouds: int = 1
    cloud_access: tuple[bool, ...] = (False, True)
    cloud_positions_meters: tuple[Point, ...] = ((300.0, 300.0),)
    cloud_machines: int = 3
    cloud_instructions_per_second: float = 1e8
    client_layers: tuple[int, ...] = (0,)
    task_layers: tuple[int, ...] = (0,)
    client_is_self: bool = True
    arrivals_per_second: float = 0.6
    schedules: tuple[Schedule, ...] = (constant(0.6, 1000),)
    application: str = "basic"
    task_types: tuple[TaskType, ...] = (TaskType(),)
    dags: tuple[Dag, ...] = (Dag(),)
    least_deadline_seconds: int = 100
    trace_path: str = ""
    trace: tuple[Job, ...] = ()
    trace_instructions_per_core_second: float = 1e8
    trace_unit_bytes: float = 100e6
    topology: str = "random"
    topology_path: str = ""
    radius_meters: float = 500.0
    neighbours: tuple[tuple[int, ...], ...] = ()
    positions_meters: tuple[Point, ...] = ()
    area_meters: Point = (100.0, 100.0)
    bandwidth_hertz: float = 2e6
    power_dbm: float = 20.0
    fibre_snr_db: float = 45.0
    path_loss_constant: float = 0.001
    path_loss_exponent: float = 4.0
    channels: tuple[str, ...] = ("wireless",)
    channels_between_layers: tuple[tuple[int, ...], ...] = ()
    link_contention: bool = False
    actions: str = "index"
    never_to_longer_queue: bool = False
    utility_reward: float = 10.0
    delay_weights: DelayWeights = EQUAL
    overload_weight: float = 50.0
    no_op_reward: float = 0.0
    energy_per_megabyte: float = 10.0
    energy_per_instruction: float = 1.0
    node_meters_per_second: float = 0.0
    client_meters_per_second: float = 0.0
    failures_per_second: float = 0.0
    repair_seconds: float = 10.0
    compat: bool = False

    def __post_init__(self) -> None:
        check(self)

    @property
    def nodes(self) -> int:
        """Workers, without the clouds. ``SIZE``"""
        return sum(self.nodes_per_layer)

    @property
    def layers(self) -> int:
        return len(self.nodes_per_layer)

    @property
    def last_tick(self) -> int:
        """The episode ends there: it is not part of it."""
        return self.duration_seconds * self.ticks_per_second

    @property
    def node_layers(self) -> tuple[int, ...]:
        """By node, its layer."""
        return tuple(
            layer for layer, count in enumerate(self.nodes_per_layer) for _ in range(count)
        )

    @property
    def frequencies(self) -> tuple[float, ...]:
        """By node, instructions per second and core, before the variations are drawn."""
        if self.per_node:
            return self.node_instructions_per_core_second
        return tuple(self.instructions_per_core_second[layer] for layer in self.node_layers)

    @property
    def all_cores(self) -> tuple[int, ...]:
        """By node."""
        if self.per_node:
            return self.node_cores
        return tuple(self.cores[layer] for layer in self.node_layers)

    @property
    def all_queue_limits(self) -> tuple[int, ...]:
        """By node."""
        if self.per_node:
            return self.node_queue_limits
        return tuple(self.queue_limits[layer] for layer in self.node_layers)

    @classmethod
    def from_keys(cls, keys: Mapping[str, object], files: Files | None = None) -> FogSettings:
        """The original's keys or our names, as many as are given; values may be texts or numbers.

        Our names may stand under their sections, as in the YAML file.

        Args:
            files: gives the text of a file that a key names.

        Raises:
            FogConfigError: naming the key at fault; for an unknown one the nearest valid one.
        """
        return _built(cls, drafts.from_keys(keys), files)

    @classmethod
    def from_yaml(cls, sections: Mapping[str, object], files: Files | None = None) -> FogSettings:
        """The data of our own YAML file: our names under their sections.

        Raises:
            FogConfigError: naming the section and key at fault.
        """
        return _built(cls, drafts.from_sections(sections), files)


def read_properties(text: str) -> dict[str, str]:
    """A properties file's keys: ``key value``, ``key=value`` or ``key: value`` per line.

    Lines that begin with # or ! are comments, and a later line for a key wins, as in Java's. The
    lines of the original's base files that wire its classes together are passed over.

    Raises:
        FogConfigError: a line without a value.
    """
    return drafts.read_properties(text)


def _built(kind: type[FogSettings], draft: Draft, files: Files | None) -> FogSettings:
    try:
        return kind(**completed(draft, files))
    except FogConfigError as error:
        # The settings know fields, the reader the key that gave one.
        raise draft.wrong(error.key, error.problem) from None
