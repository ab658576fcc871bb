"""The table of malformed, ambiguous and unusual exchanges, row by row, on real sockets."""

import pytest

from tests.conformance.judge import ACCEPTED, PASS, REFUSED, judge
from tests.conformance.rows import ROWS
from tests.conformance.rows.model import Row
from tests.conformance.subjects import play_ours

pytestmark = pytest.mark.integration


NOT_OURS = {
    # httptools refuses a tab around the coding, which is legal (RFC 9110 section 5.5).
    "framing-te-tab": REFUSED,
    # httptools takes RTSP/1.0 for HTTP/1.0; what goes on is one clean HTTP/1.1 request.
    "versions-rtsp": ACCEPTED,
}
"""SHOULD rows that the parser fails, and how; the table counts them as failures. A row that no
longer fails must leave this list."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_row(row: Row) -> None:
    """What its law says."""
    verdict = judge(row, await play_ours(row))

    assert NOT_OURS.get(row.id, PASS) == verdict.kind, (
        f"{verdict.kind}, {row.level} by RFC {row.rfc}: {row.law}. {verdict.why}"
    )


def test_the_table_is_a_table() -> None:
    """Ids are unique, and there are as many rows as the documentation says at the least."""
    assert len(ROWS) == len({row.id for row in ROWS})
    assert len(ROWS) >= 200
