"""Before anything else: one line that says what this machine lacks, and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from config import preflight

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = (
    "backend/run_servers.py",
    "backend/server.py",
    "load_balancer/main.py",
    "run_experiment.py",
    "traffic/generator.py",
)


@pytest.mark.unit
def test_nothing_is_said_where_all_is_there() -> None:
    """This very Python passes."""
    preflight.check("program")


@pytest.mark.unit
def test_an_old_python_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the program, what is needed, and what there is."""
    monkeypatch.setattr(preflight, "OLDEST", (99, 0))

    with pytest.raises(SystemExit) as ended:
        preflight.check("program")

    assert 2 == ended.value.code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("program: Python 3.11 or newer is needed, this is 3.")


@pytest.mark.integration
@pytest.mark.parametrize("script", SCRIPTS)
def test_without_the_packages_a_script_says_which_one_is_missing(script: str) -> None:
    """Run by path with the bare standard library: no traceback."""
    done = subprocess.run(
        [sys.executable, "-S", str(ROOT / script)], capture_output=True, text=True, timeout=30
    )

    assert 2 == done.returncode
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{Path(script).name}: the package ")
    assert "make setup" in line


@pytest.mark.integration
@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run_by_path_from_anywhere(script: str, tmp_path: Path) -> None:
    """``--help`` answers, whatever the working folder is."""
    done = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "usage" in done.stdout
