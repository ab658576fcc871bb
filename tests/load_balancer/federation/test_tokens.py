"""Who is who among sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from load_balancer.federation.tokens import MOST_BYTES, read_sites, read_token

pytestmark = pytest.mark.unit


def test_a_site_is_who_shows_its_token(tmp_path: Path) -> None:
    file = tmp_path / "sites"
    file.write_text("# who may\nnorth token-of-north\n\nsouth token-of-south # for now\n")
    tokens = read_sites(str(file))

    assert ["north", "south"] == tokens.sites
    assert "north" == tokens.site("Bearer token-of-north")
    assert "south" == tokens.site("bearer  token-of-south ")
    for shown in (
        "",
        "Bearer",
        "Bearer ",
        "Bearer token-of-nort",
        "Basic token-of-north",
        "Bearer é",
    ):
        assert tokens.site(shown) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("north", "line 1: must hold a site and its token"),
        ("north a b", "line 1: must hold a site and its token"),
        ("north token-one\n-x token-two", "line 2: '-x' is no name"),
        ("north token-one\nnorth token-two", "line 2: the site 'north' stands twice"),
        ("north token-one\nsouth token-one", "line 2: two sites have the same token"),
        ("north short", "line 1: the token must be 8 or more"),
        ("north token\x01one", "line 1: the token must be 8 or more"),
        ("# nobody", "names no site"),
        ("\n".join(f"n{i} token-{i:05}" for i in range(1001)), "there may be 1000 sites"),
        ("é", "is not ASCII at byte 0"),
        ("#" * (MOST_BYTES + 1), "has more than"),
    ],
)
def test_a_wrong_file_is_refused_by_its_line(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "sites"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ValueError, match=words) as caught:
        read_sites(str(file))
    assert str(caught.value).startswith("load_balancer.shaping.adaptive.federation.token_file: ")


def test_a_sites_own_token_may_stand_beside_its_name(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for content in ("token-of-north\n", "# mine\nnorth token-of-north\n"):
        file.write_text(content)
        assert "token-of-north" == read_token(str(file))
    for content, words in (("", "holds no token"), ("short", "line 1: the token must be")):
        file.write_text(content)
        with pytest.raises(ValueError, match=words):
            read_token(str(file))
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_token(str(tmp_path / "none"))
