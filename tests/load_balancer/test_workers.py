"""One worker: its process, and what can be asked of it."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from load_balancer import workers
from load_balancer.worker_routes import LEARNED
from load_balancer.workers import NoAnswer, WorkerError, ending, reachable, start
from tests.live.rig import settings_for
from tests.load_balancer.fakes import place

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a name that is short enough for a unix socket."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def test_it_serves_until_its_standard_input_ends(folder: Path) -> None:
    """As it does when the supervisor is killed; and it answers on its socket before."""
    worker = await start(place(folder, settings_for(1)), 20)
    assert 200 == (await worker.ask("GET", "/readyz")).status_code
    assert {} == (await worker.ask("GET", LEARNED)).json()
    worker.close()
    assert 0 == await worker.ended()
    worker.signal(signal.SIGTERM)  # to nobody
    with pytest.raises(NoAnswer, match="worker 1: "):
        await worker.ask("GET", "/readyz")


async def test_one_that_is_killed_says_by_what(folder: Path) -> None:
    worker = await start(place(folder, settings_for(1), 7), 20)
    worker.signal(signal.SIGKILL)
    assert "was ended by SIGKILL" == ending(await worker.ended())


async def test_one_that_cannot_start_is_an_error_with_its_exit_code(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It has said itself what is wrong."""
    settings = settings_for(1, request_log={"path": str(folder)})
    with pytest.raises(WorkerError, match="worker 1 ended with exit code") as raised:
        await start(place(folder, settings), 20)
    assert raised.value.exit_code == 2
    assert f"request_log.path: {folder} cannot be written" in capfd.readouterr().err


async def test_one_that_is_late_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = folder / "late.py"
    late.write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setattr(workers, "MAIN", late)
    with pytest.raises(WorkerError, match=r"not ready in 0\.2 s") as raised:
        await start(place(folder, settings_for(1)), 0.2)
    assert raised.value.exit_code is None


def test_the_system_bounds_a_sockets_path() -> None:
    assert reachable(Path("/run/slb-abcdefgh/1.sock"))
    assert not reachable(Path("/" + "x" * 120))


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with exit code 0"), (-9, "was ended by SIGKILL"), (-250, "ended by signal 250")],
)
def test_an_end_in_words(code: int, words: str) -> None:
    assert ending(code).endswith(words)
