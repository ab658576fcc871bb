"""How sites are merged."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from rl.federated.terms import Terms

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "mode"),
        ("clip_norm", 0.0),
        ("clip_norm", nan),
        ("clip_ratio", -1.0),
        ("largest", inf),
        ("noise", -0.1),
        ("noise", nan),
        ("caution", -1.0),
        ("caution", nan),
        ("most_share", 0.4),
        ("most_share", 1.1),
    ],
)
def test_what_means_nothing_is_refused_by_its_key(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        Terms(**{key: value})


def test_noise_needs_the_norm_that_it_is_a_multiple_of() -> None:
    with pytest.raises(ValueError, match="noise: needs clip_norm"):
        Terms(noise=0.1)

    assert 0.1 == Terms(noise=0.1, clip_norm=1.0).noise
