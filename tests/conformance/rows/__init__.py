"""The table: every row, in the order of its areas."""

from tests.conformance.rows import exchanges, requests, upstreams

ROWS = (*requests.ROWS, *exchanges.ROWS, *upstreams.ROWS)
