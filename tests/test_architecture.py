"""The house, enforced: who may import whom, what is pure, mirrored tests, file lengths, no places
or hosts of any one machine in what is committed."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("backend", "config", "evaluation", "load_balancer", "metrics", "rl", "traffic")
LEARNER_NAMERS = {"load_balancer/assembly.py", "load_balancer/strategies/__init__.py"}

# Room -> the modules of ours (and all below them) that it may import, besides itself.
MAY_IMPORT = {
    "rl": (),
    "config": ("rl",),
    "metrics": ("rl.vocabulary",),
    "traffic": ("config",),
    "backend": ("config", "rl.simulation", "rl.fog"),
    "load_balancer": (
        "rl.vocabulary",
        "rl.merging",
        "rl.federated",
        "rl.shaping",
        "rl.stored",
        "metrics",
        "config",
    ),
    "evaluation": ROOMS,
}

PURE = (
    "rl/",
    "config/scenario_scale.py",
    "config/topology.py",
    "load_balancer/attempt.py",
    "load_balancer/combined.py",
    "load_balancer/node.py",
    "load_balancer/reloading.py",
    "load_balancer/domains.py",
    "load_balancer/health.py",
    "load_balancer/load.py",
    "load_balancer/membership.py",
    "load_balancer/budget.py",
    "load_balancer/hedging.py",
    "load_balancer/limits.py",
    "load_balancer/outliers.py",
    "load_balancer/recovery.py",
    "load_balancer/retries.py",
    "load_balancer/waiting.py",
    "load_balancer/q_headers.py",
    "load_balancer/shaping/",
    "load_balancer/strategies/",
    "load_balancer/federation/memory.py",
    "load_balancer/federation/rounds.py",
    "load_balancer/forwarding/affinity.py",
    "load_balancer/forwarding/answers.py",
    "load_balancer/forwarding/body.py",
    "load_balancer/forwarding/certificates.py",
    "load_balancer/forwarding/fields.py",
    "load_balancer/forwarding/forwarded.py",
    "load_balancer/forwarding/heads.py",
    "load_balancer/forwarding/json_field.py",
    "load_balancer/forwarding/proxy_protocol.py",
    "load_balancer/forwarding/responses.py",
    "load_balancer/forwarding/tracing.py",
    "load_balancer/forwarding/way.py",
    "load_balancer/caching/",
    "metrics/counters.py",
    "metrics/table.py",
    "metrics/ewma.py",
    "metrics/histogram.py",
    "metrics/merging.py",
    "metrics/summary.py",
    "traffic/arrivals.py",
    "traffic/paths.py",
    "traffic/traces.py",
    "traffic/workload.py",
    "evaluation/agreement.py",
    "evaluation/bench/cases.py",
    "evaluation/bench/comparison.py",
    "evaluation/bench/tables.py",
    "evaluation/bootstrap.py",
    "evaluation/caveats.py",
    "evaluation/conformance/baseline.py",
    "evaluation/conformance/page.py",
    "evaluation/curves.py",
    "evaluation/faults/measures.py",
    "evaluation/faults/page.py",
    "evaluation/federated/analysis.py",
    "evaluation/federated/traffic.py",
    "evaluation/fog/analysis.py",
    "evaluation/fog/wording.py",
    "evaluation/kinds.py",
    "evaluation/metrics_analyzer.py",
    "evaluation/network/analysis.py",
    "evaluation/network/records.py",
    "evaluation/network/recovery.py",
    "evaluation/network/values.py",
    "evaluation/network/view.py",
    "evaluation/network/wording.py",
    "evaluation/notation.py",
    "evaluation/records.py",
    "evaluation/report_tables.py",
    "evaluation/seed_tables.py",
    "evaluation/seeds.py",
    "evaluation/simulate/comparison.py",
    "evaluation/simulate/measures.py",
    "evaluation/simulate/random_scenarios.py",
    "evaluation/simulate/reference.py",
    "evaluation/simulate/tables.py",
    "evaluation/simulate/variants.py",
    "evaluation/shaping/analysis.py",
    "evaluation/shaping/records.py",
    "evaluation/shaping/wording.py",
    "evaluation/soak/page.py",
    "evaluation/story.py",
    "evaluation/tables.py",
    "evaluation/wording.py",
)
IMPURE = {
    "asyncio",
    "fastapi",
    "httptools",
    "httpx",
    "logging",
    "os",
    "psutil",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "time",
    "uvicorn",
    "yaml",
}
# Of an optional extra -> the only places that import it.
ONLY_IN = {
    "flwr": ("evaluation/federated/flower_app.py",),
    "gymnasium": ("rl/fog/", "rl/simulation/shaping_env.py", "evaluation/"),
    "pettingzoo": ("rl/fog/", "rl/simulation/shaping_env.py", "evaluation/"),
    "stable_baselines3": ("evaluation/fog/stable.py",),
    "torch": ("rl/fog/deep_q.py", "rl/shaping/deep_q.py", "rl/shaping/proximal.py", "evaluation/"),
}
STANDARD_LIBRARY_TRAPS = {"http", "types", "queue", "logging", "random", "statistics", "select"}
LONGEST = 400


def sources() -> list[Path]:
    found = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [*found, ROOT / "run_experiment.py"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> list[str]:
    """Every module that the file imports, at whatever depth, absolute."""
    modules = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            modules.append(node.module or "")
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return modules


def within(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(allowed + ".")


@pytest.mark.parametrize("path", sources(), ids=name)
def test_rooms_import_only_what_the_table_allows(path: Path) -> None:
    """Design section 2: the table of rooms."""
    room = name(path).split("/")[0]
    if room not in MAY_IMPORT or name(path) in LEARNER_NAMERS:
        return
    allowed = (room, *MAY_IMPORT[room])
    for module in imports(path):
        if module.split(".")[0] not in ROOMS:
            continue
        # ``from rl import vocabulary`` shows up as "rl" and as "rl.vocabulary".
        reached = any(within(module, each) or within(each, module) for each in allowed)
        assert reached, f"{name(path)} may not import {module}"


@pytest.mark.parametrize(
    "path", [path for path in sources() if name(path).startswith(PURE)], ids=name
)
def test_pure_modules_touch_nothing_outside(path: Path) -> None:
    """No I/O, clock or log in a pure module, and no dice but those it is handed."""
    for module in imports(path):
        assert module.split(".")[0] not in IMPURE, f"{name(path)} imports {module}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "random"
        ):
            assert node.attr == "Random", f"{name(path)} uses random.{node.attr}"


@pytest.mark.parametrize("path", sources(), ids=name)
def test_extras_are_imported_where_they_belong(path: Path) -> None:
    for module in imports(path):
        places = ONLY_IN.get(module.split(".")[0])
        assert not places or name(path).startswith(places), f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", sources(), ids=name)
def test_every_source_file_has_its_test_file(path: Path) -> None:
    """tests/ mirrors the tree."""
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    stem = path.parent.name if path.name == "__init__.py" else path.stem
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    mirrored = ROOT / "tests" / folder.relative_to(ROOT) / f"test_{stem}.py"
    assert mirrored.exists(), f"{mirrored.relative_to(ROOT)} is missing"


@pytest.mark.parametrize("path", sources(), ids=name)
def test_no_file_is_longer_than_one_thing(path: Path) -> None:
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST, f"{name(path)} has {length} lines"


@pytest.mark.parametrize("path", sources(), ids=name)
def test_no_module_hides_the_standard_library(path: Path) -> None:
    """Scripts run by path put their own folder first on the module path."""
    assert path.stem not in STANDARD_LIBRARY_TRAPS


@pytest.mark.parametrize("path", sources(), ids=name)
def test_nobody_imports_the_locust_file_or_pickle(path: Path) -> None:
    """Locust patches the whole process; a pickle runs whatever it holds."""
    for module in imports(path):
        assert not within(module, "traffic.locustfile")
        assert module.split(".")[0] not in {"pickle", "shelve", "marshal"}


def test_evaluation_is_imported_by_nobody() -> None:
    for path in sources():
        if name(path).startswith("evaluation/") or name(path) == "run_experiment.py":
            continue
        assert not any(within(module, "evaluation") for module in imports(path)), name(path)


def test_no_folder_is_named_after_a_pattern() -> None:
    for path in sources():
        parts = set(path.relative_to(ROOT).parts)
        assert not parts & {"core", "utils", "helpers", "managers", "common"}, name(path)


def test_no_machine_path_or_package_host_is_committed() -> None:
    """What is committed runs anywhere: no path of one machine, no package index by name."""
    machine = re.compile(r"(?<![\w./])/(?:work|tmp|root|farm)/")
    hosts = re.compile(r"\b(?:pypi\.org|pythonhosted|index-url|extra-index|registry\.npmjs)\b")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    for each in filter(None, listed):
        path = ROOT / each
        if path == Path(__file__) or not path.is_file() or path.suffix in {".png", ".gif"}:
            continue
        text = path.read_text(encoding="utf-8")
        assert not machine.search(text), f"{each}: {machine.search(text)}"
        assert not hosts.search(text), f"{each}: {hosts.search(text)}"
