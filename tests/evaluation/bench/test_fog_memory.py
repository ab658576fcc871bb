"""The growth of a process, measured in this one, which has everything already."""

import pytest

from evaluation.bench import fog_memory

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("kind", ["single", "vector"])
def test_it_prints_one_number(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fog_memory, "STEPS", 2)
    assert fog_memory.main([kind, "2"]) == 0

    float(capsys.readouterr().out)
