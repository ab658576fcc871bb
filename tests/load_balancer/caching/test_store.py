"""The store: bounds, order, and exact sums."""

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from load_balancer.caching.store import Store
from load_balancer.caching.vocabulary import Stored
from tests.load_balancer.caching.rig import FRESH, NOW, Rig, asking

pytestmark = pytest.mark.unit


def entry(key: str, size: int = 10, variant: str = "") -> Stored:
    found = Stored()
    found.key = key
    found.size = size
    found.varying = ((b"v", variant.encode()),) if variant else ()
    return found


def keys(store: Store) -> str:
    return "".join(each.key for each in store)


def filled(store: Store, text: str) -> Store:
    for key in text:
        assert store.put(entry(key))
    return store


def test_the_one_used_longest_ago_goes_first() -> None:
    """Document 000 has four places; its own list kept the oldest."""
    store = filled(Store(4, 10_000, 4), "abcde")

    assert keys(store) == "bcde"
    assert store.variants("a") is None
    assert store.evicted == 1


def test_use_renews() -> None:
    store = filled(Store(4, 10_000, 4), "abcd")
    variants = store.variants("a")
    assert variants is not None
    store.touch(variants[0])

    filled(store, "e")

    assert keys(store) == "cdae"


def test_bytes_bound_as_well() -> None:
    store = filled(Store(100, 35, 4), "abcd")

    assert keys(store) == "bcd"
    assert store.bytes == 30


def test_what_is_too_large_goes_in_nowhere_and_ends_what_it_replaces() -> None:
    store = filled(Store(100, 35, 4), "ab")

    assert not store.put(entry("a", 36))
    assert keys(store) == "b"
    assert store.bytes == 10


def test_equal_variants_replace_each_other() -> None:
    store = Store(100, 1000, 4)
    for size, variant in ((10, "x"), (20, "y"), (30, "x")):
        store.put(entry("a", size, variant))

    variants = store.variants("a")
    assert variants is not None
    assert [each.size for each in variants] == [30, 20]
    assert (len(store), store.bytes, store.evicted) == (2, 50, 0)


def test_a_key_has_so_many_variants() -> None:
    told: list[Stored] = []
    store = Store(100, 1000, 2, told.append)
    for variant in "xyz":
        store.put(entry("a", 10, variant))

    assert len(store) == 2
    assert [each.varying for each in told] == [((b"v", b"x"),)]


def test_who_goes_for_want_of_room_is_told_and_who_is_removed_is_not() -> None:
    told: list[Stored] = []
    store = Store(2, 1000, 2, told.append)
    filled(store, "abc")
    store.remove_key("b")

    assert [each.key for each in told] == ["a"]
    assert keys(store) == "c"


def test_removing() -> None:
    store = filled(Store(100, 1000, 4), "abc")
    variants = store.variants("a")
    assert variants is not None
    a = variants[0]

    assert store.remove(a)
    assert not store.remove(a)
    store.touch(a)
    store.remove_variant("b", ((b"v", b"x"),))
    assert keys(store) == "bc"
    store.remove_variant("b", ())
    assert store.remove_key("c") == 1
    assert store.remove_key("c") == 0
    assert (len(store), store.bytes) == (0, 0)


def test_removing_by_prefix() -> None:
    store = Store(100, 1000, 4)
    for key in ("ab", "abc", "abd", "b"):
        store.put(entry(key))
    store.put(entry("abc", 10, "x"))

    assert store.remove_prefix("abc") == 2
    assert store.remove_prefix("ab") == 2
    assert [each.key for each in store] == ["b"]


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), max_size=60),
    st.integers(min_value=1, max_value=5),
)
def test_it_holds_the_last_that_were_used(uses: list[tuple[str, bool]], most: int) -> None:
    """Against the law: the last ``most`` distinct keys that were put or found, in that order."""
    store = Store(most, 10_000, 4)
    order: list[str] = []
    for key, looks in uses:
        variants = store.variants(key)
        assert (variants is not None) == (key in order)
        if looks and variants is None:
            continue
        if looks and variants is not None:
            store.touch(variants[0])
        else:
            store.put(entry(key))
        order = [*(each for each in order if each != key), key][-most:]

    assert keys(store) == "".join(order)


class Sums(RuleBasedStateMachine):
    """Whatever is done, the sums are right and no bound is passed."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(5, 100, 2)

    @rule(
        key=st.sampled_from("abcd"),
        size=st.integers(min_value=1, max_value=120),
        variant=st.sampled_from(["", "x", "y"]),
    )
    def put(self, key: str, size: int, variant: str) -> None:
        assert self.store.put(entry(key, size, variant)) is (size <= 100)

    @rule(key=st.sampled_from("abcd"))
    def touch(self, key: str) -> None:
        for each in self.store.variants(key) or ():
            self.store.touch(each)

    @rule(key=st.sampled_from("abcd"))
    def remove(self, key: str) -> None:
        for each in [*(self.store.variants(key) or ())]:
            assert self.store.remove(each)

    @rule(prefix=st.sampled_from(["", "a"]))
    def purge(self, prefix: str) -> None:
        before = len(self.store)
        assert self.store.remove_prefix(prefix) == before - len(self.store)

    @invariant()
    def sums_are_right(self) -> None:
        held = list(self.store)
        by_key = [each for key in "abcd" for each in self.store.variants(key) or ()]
        assert set(held) == set(by_key)
        assert len(self.store) == len(held) == len(by_key) <= 5
        assert self.store.bytes == sum(each.size for each in held) <= 100
        assert all(each in self.store for each in held)
        assert all(len(self.store.variants(key) or ()) <= 2 for key in "abcd")
        assert all(self.store.variants(key) != [] for key in "abcd")


TestSums = Sums.TestCase


def test_memory_is_what_is_counted() -> None:
    """What Python takes for the responses, found once each, is no more than they count for."""
    rig = Rig(entries=100_000)
    count = 300
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(count):
            request = asking(target=f"/{number}")
            rig.keep(
                FRESH,
                f'ETag: "{number}"',
                *(f"X-{each}-{number}: {each} {number}" for each in range(5)),
                request=request,
                body=b"%d" % number * 50,
            )
            assert rig.cache.lookup(request, NOW).answer is not None
        del request
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert len(rig.cache.held) == count
    assert taken <= rig.cache.held.bytes <= 2 * taken


def test_many_keys_leave_a_bounded_store() -> None:
    rig = Rig(entries=100, memory_bytes=1 << 20)
    for number in range(3000):
        rig.keep(FRESH, request=asking(target=f"/{number}"))

    assert len(rig.cache.held) == 100
    assert rig.cache.held.evicted == 2900
