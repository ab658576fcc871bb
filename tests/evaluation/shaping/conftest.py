"""Small pictures: what they show is looked at elsewhere."""

from collections.abc import Iterator

import pytest

from evaluation import style


@pytest.fixture(scope="module", autouse=True)
def small_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 50)
        yield
