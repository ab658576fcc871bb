"""A cache in Prometheus's words."""

import pytest

from metrics.cache_exposition import CacheSeen, DiskSeen, families

pytestmark = pytest.mark.unit


def names(seen: CacheSeen) -> set[str]:
    return {family.name for family in families(seen)}


def test_a_cache_without_a_disk_says_nothing_of_one() -> None:
    memory = names(CacheSeen())
    both = names(CacheSeen(disk=DiskSeen(0, 0, 0, 0, {})))
    assert {name for name in memory if "disk" in name} == set()
    assert both - memory == {name for name in both if "disk" in name} != set()


def test_every_result_is_a_series_of_its_own() -> None:
    (requests,) = [
        family
        for family in families(CacheSeen({"hit": 3, "miss": 0}))
        if family.name == "slb_cache_requests"
    ]
    found = {sample.labels["result"]: sample.value for sample in requests.samples}
    assert found == {"hit": 3, "miss": 0}
