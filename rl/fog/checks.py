"""What must hold of a fog's settings, each rule with the field that it names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rl.fog.keys import ACTIONS, APPLICATIONS, CHANNELS, TOPOLOGIES, FogConfigError

if TYPE_CHECKING:
    from rl.fog.settings import FogSettings

MOST_NODES = 1000
MOST_CLOUDS = 16
MOST_TICKS = 1_000_000_000
LONGEST_QUEUE = 1_000_000
MOST_CORES = 100_000
MOST_TASK_TYPES = 100_000
HUGE = 1e300
SMALLEST = 1e-300

# Least and most of each field, or of each entry of a list.
_RANGES: dict[tuple[float, float], tuple[str, ...]] = {
    (-(2**63), 2**64 - 1): ("seed",),
    (1, 1000): ("ticks_per_second", "most_transmissions", "cloud_machines"),
    (1, MOST_TICKS): ("decision_ticks", "duration_seconds", "retransmission_ticks"),
    (0, MOST_TICKS): ("least_jitter_ticks", "most_jitter_ticks", "expiry_ticks"),
    (0, 1): ("drop_probability",),
    (0, MOST_NODES): ("nodes_per_layer",),
    (0, MOST_CLOUDS): ("clouds",),
    (1, MOST_CORES): ("cores", "node_cores"),
    (1, LONGEST_QUEUE): ("queue_limits", "node_queue_limits"),
    (SMALLEST, HUGE): (
        "instructions_per_core_second",
        "node_instructions_per_core_second",
        "cloud_instructions_per_second",
        "trace_instructions_per_core_second",
        "bandwidth_hertz",
        "area_meters",
        "repair_seconds",
    ),
    (0, HUGE): (
        "frequency_variations",
        "arrivals_per_second",
        "trace_unit_bytes",
        "radius_meters",
        "path_loss_constant",
        "path_loss_exponent",
        "energy_per_megabyte",
        "energy_per_instruction",
        "node_meters_per_second",
        "client_meters_per_second",
        "failures_per_second",
    ),
    (0, 1_000_000): ("least_deadline_seconds",),
    (-1000, 1000): ("power_dbm", "fibre_snr_db"),
    (-HUGE, HUGE): ("utility_reward", "overload_weight", "no_op_reward"),
}


def check(settings: FogSettings) -> None:
    """Raises FogConfigError for the first rule that is broken."""
    for (least, most), names in _RANGES.items():
        for name in names:
            value = getattr(settings, name)
            for each in value if isinstance(value, tuple) else (value,):
                _require(
                    least <= each <= most, name, f"must lie from {least:g} to {most:g}, not {each}"
                )
    for name, choices in (
        ("application", APPLICATIONS),
        ("topology", TOPOLOGIES),
        ("actions", ACTIONS),
    ):
        value = getattr(settings, name)
        _require(value in choices, name, f"must be one of {', '.join(choices)}, not {value!r}")
    _require(
        settings.least_jitter_ticks <= settings.most_jitter_ticks,
        "most_jitter_ticks",
        f"must not be below the least, {settings.least_jitter_ticks:g}",
    )
    _require(
        settings.last_tick <= MOST_TICKS,
        "duration_seconds",
        f"times the ticks of a second must be at most {MOST_TICKS}, not {settings.last_tick}",
    )
    _check_nodes(settings)
    _check_clients(settings)
    _check_links(settings)
    _check_cloud(settings)


def _check_nodes(settings: FogSettings) -> None:
    nodes, layers = settings.nodes, settings.layers
    _require(
        1 <= nodes <= MOST_NODES, "nodes_per_layer", f"must be 1 to {MOST_NODES} nodes, not {nodes}"
    )
    _require(layers <= MOST_NODES, "nodes_per_layer", f"may have {MOST_NODES} layers, not {layers}")
    for name in (
        "instructions_per_core_second",
        "cores",
        "queue_limits",
        "frequency_variations",
        "cloud_access",
    ):
        _count(name, getattr(settings, name), layers, "layers")
    if settings.per_node:
        for name in ("node_instructions_per_core_second", "node_cores", "node_queue_limits"):
            _count(name, getattr(settings, name), nodes, "nodes")
    _members("agents", settings.agents, nodes, "nodes")
    for frequency, layer in zip(settings.frequencies, settings.node_layers, strict=True):
        off = settings.frequency_variations[layer]
        _require(
            off < frequency,
            "frequency_variations",
            f"{off:g} of layer {layer} leaves nothing of a frequency of {frequency:g}",
        )


def _check_clients(settings: FogSettings) -> None:
    _members("client_layers", settings.client_layers, settings.layers, "layers", least=0)
    _members("task_layers", settings.task_layers, settings.layers, "layers", least=0)
    _count("schedules", settings.schedules, len(settings.task_layers), "layers that get tasks")
    types = settings.task_types
    _require(
        1 <= len(types) <= MOST_TASK_TYPES,
        "task_types",
        f"must be 1 to {MOST_TASK_TYPES}, not {len(types)}",
    )
    _require(any(each.weight for each in types), "task_types", "one weight must be above 0")
    _require(1 <= len(settings.dags) <= MOST_TASK_TYPES, "dags", "there must be one at least")
    _require(any(each.weight for each in settings.dags), "dags", "one weight must be above 0")
    _require(
        settings.application != "trace" or bool(settings.trace),
        "trace_path",
        "application trace needs the jobs of a trace",
    )


def _check_links(settings: FogSettings) -> None:
    nodes = settings.nodes
    if settings.positions_meters:
        _count("positions_meters", settings.positions_meters, nodes, "nodes")
    if settings.topology == "manual":
        _count("neighbours", settings.neighbours, nodes, "nodes")
        for node, row in enumerate(settings.neighbours):
            _members("neighbours", row, nodes, "nodes")
            _require(
                row[0] == node,
                "neighbours",
                f"row {node} must begin with {node} itself, not with {row[0]}",
            )
    channels = settings.channels
    _require(bool(channels), "channels", "there must be one at least")
    for name in channels:
        _require(name in CHANNELS, "channels", f"must be of {', '.join(CHANNELS)}, not {name!r}")
    table = settings.channels_between_layers
    if table:
        size = len(table)
        _require(
            size in (settings.layers, settings.layers + 1),
            "channels_between_layers",
            f"must have a row for each of {settings.layers} layers (and one for the clouds, or "
            f"none), not {size}",
        )
        for row in table:
            _count("channels_between_layers", row, size, "columns, as it has rows")
            for each in row:
                _require(
                    -1 <= each < len(channels),
                    "channels_between_layers",
                    f"there is no channel {each}; they are 0 to {len(channels) - 1}, and -1",
                )


def _check_cloud(settings: FogSettings) -> None:
    if settings.clouds:
        _count("cloud_positions_meters", settings.cloud_positions_meters, settings.clouds, "clouds")
    weights = settings.delay_weights
    for name, value in (
        ("queue", weights.queue),
        ("comm", weights.comm),
        ("exec", weights.exec),
    ):
        _require(0 <= value <= HUGE, "delay_weights", f"{name} must be 0 or more, not {value}")


def _require(right: bool, field: str, problem: str) -> None:
    if not right:
        raise FogConfigError(field, problem)


def _count(field: str, values: Sequence[object], count: int, of: str) -> None:
    _require(
        len(values) == count,
        field,
        f"must have an entry for each of {count} {of}, not {len(values)}",
    )


def _members(field: str, values: Collection[int], count: int, of: str, least: int = 1) -> None:
    """Each is the number of one of ``count`` things, and none stands twice."""
    _require(len(values) >= least, field, f"must name {least} of the {of} at least")
    for each in values:
        _require(0 <= each < count, field, f"{each} is none of the {of} 0 to {count - 1}")
    _require(len(set(values)) == len(values), field, "names one twice")
