"""What the requests of a node have in common at its cache, and how its bounds change."""

from __future__ import annotations

import pytest

from config.balancer import LoadBalancer
from config.schema import Settings
from load_balancer.caching.vocabulary import CacheRequest
from load_balancer.forwarding.live_cache import (
    ALONE_SECONDS,
    REMEMBERED_ALONE,
    LiveCache,
    cache_for,
    refilled,
)
from load_balancer.live_settings import cache_step
from load_balancer.reloading import Reloader
from tests.live.asking import get
from tests.live.caching import Held, cache_of, caching, counted, dated, did
from tests.live.origin import Origin, Visit, done
from tests.live.rig import proxy

FRESH = "Cache-Control: max-age=100000"


def live(**cache: object) -> LiveCache:
    settings = LoadBalancer.model_validate({"cache": {"enabled": True, **cache}})
    made = cache_for(settings, lambda: 0.0)
    assert made is not None
    return made


def store(cache: LiveCache, target: str, body: bytes = b"x") -> None:
    request = CacheRequest("GET", "a", target, [])
    fields = [(b"Cache-Control", b"max-age=100")]
    cache.cache.store(request, 0.0, 0.0, 200, b"OK", fields, body)


@pytest.mark.unit
def test_there_is_none_unless_it_is_wanted() -> None:
    assert cache_for(LoadBalancer(), lambda: 0.0) is None


@pytest.mark.unit
def test_keys_that_are_nobody_elses_are_remembered_for_a_while_and_up_to_a_bound() -> None:
    cache = live()
    cache.not_shared("a", 0.0)
    assert cache.alone("a", ALONE_SECONDS - 1)
    assert not cache.alone("a", ALONE_SECONDS + 1)
    for number in range(REMEMBERED_ALONE + 1):
        cache.not_shared(str(number), 0.0)
    assert not cache.alone("0", 1.0)
    assert cache.alone("1", 1.0)
    cache.shared("1")
    assert not cache.alone("1", 1.0)


@pytest.mark.unit
def test_the_last_used_fit_into_a_smaller_one() -> None:
    cache = live()
    for target in ("/1", "/2", "/3"):
        store(cache, target)
    settings = LoadBalancer.model_validate({"cache": {"enabled": True, "entries": 2}}).cache
    small = refilled(settings, cache.cache, None)
    assert [each.key for each in small] == ["http://a/2", "http://a/3"]
    assert small.counters.stored == 3


@pytest.mark.unit
def test_what_began_before_a_purge_counts_as_purged() -> None:
    cache = live()
    store(cache, "/1")
    store(cache, "/2/3")
    assert (cache.purge("http://a/1"), cache.purge_prefix("http://a/2")) == (1, 1)
    assert cache.purges == 2


@pytest.mark.integration
async def test_what_is_under_way_at_a_purge_is_not_stored() -> None:
    held = Held()
    async with Origin(held.script) as origin, caching(origin) as (rig, _):
        client = await rig.client()
        client.send(get("/a"))
        await held.request(1)
        cache_of(rig).purge("http://origin.test/a")
        await held.answer(1, dated(b"old", FRESH))
        assert (await client.answer()).body == b"old"
        client.send(get("/a"))
        await held.answer(2, dated(b"new", FRESH))
        assert (await client.answer()).body == b"new"
        client.send(get("/a"))
        assert did(await client.answer()) == "hit"


def changed(settings: Settings, **cache: object) -> Settings:
    plain = settings.model_dump()
    plain["load_balancer"]["cache"].update(cache)
    return Settings.model_validate(plain)


@pytest.mark.integration
async def test_a_reload_changes_bounds_and_switches_on_and_off() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin, caching(origin) as (rig, _):
        reloader = Reloader(rig.settings, [cache_step(rig.listener)])
        client = await rig.client()

        async def said(target: str) -> str:
            client.send(get(target))
            return did(await client.answer())

        for target in ("/1", "/2", "/3"):
            await said(target)
        applied = reloader.apply(changed(rig.settings, entries=2, collapse=False))
        assert set(applied.changed) == {
            "load_balancer.cache.entries",
            "load_balancer.cache.collapse",
        }
        assert await said("/3") == "hit"
        assert (await said("/1")).startswith("fwd=uri-miss")
        reloader.apply(changed(rig.settings, enabled=False))
        assert rig.listener.cache is None
        client.send(get("/3"))
        assert not (await client.answer()).all("cache-status")
        reloader.apply(rig.settings)
        cache_of(rig).clock = lambda: 1_790_000_000.0
        assert (await said("/3")).startswith("fwd=uri-miss")
        assert await said("/3") == "hit"
        assert reloader.apply(changed(rig.settings, disk="/x")).restart


@pytest.mark.integration
async def test_a_failed_reload_leaves_the_cache_as_it_was() -> None:
    async with Origin(counted(dated(b"hello", FRESH))) as origin:
        async with proxy(origin, cache={"enabled": True}) as rig:
            before = cache_of(rig).cache
            swap = cache_step(rig.listener).prepare(rig.settings, changed(rig.settings, entries=1))
            undo = swap()
            assert cache_of(rig).cache is not before
            undo()
            assert cache_of(rig).cache is before
            assert cache_of(rig).settings == rig.settings.load_balancer.cache


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("X-Forwarded-Proto", ("http", "https")),
        ("X-Forwarded-Host", ("a.test", "b.test")),
        ("X-Forwarded-Port", ("80", "8443")),
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
async def test_what_a_trusted_proxy_says_was_asked_for_tells_requests_apart(
    name: str, values: tuple[str, str], trusted: bool
) -> None:
    async def echo(visit: Visit) -> None:
        while not await done(visit):
            request = await visit.request()
            visit.send(dated(request.one(name).encode(), FRESH))

    proxies = ["127.0.0.0/8"] if trusted else []
    async with Origin(echo) as origin, caching(origin, trusted_proxies=proxies) as (rig, _):
        answers = [await rig.ask(get("/a", f"{name}: {each}")) for each in values]
        if trusted:
            assert [each.body.decode() for each in answers] == list(values)
        else:
            # It changes nothing of what goes on, so one answer is for both.
            assert did(answers[1]) == "hit"
            assert answers[1].body.decode() not in values[1:]


@pytest.mark.integration
async def test_answers_vary_by_what_goes_on() -> None:
    """Not by a field that is for one hop only: else what is stored for who has it would have been
    answered to somebody without."""

    async def echo(visit: Visit) -> None:
        while not await done(visit):
            said = ",".join((await visit.request()).all("accept-language"))
            visit.send(dated(said.encode() or b"none", FRESH, "Vary: Accept-Language"))

    async with Origin(echo) as origin, caching(origin) as (rig, _):
        for connection, body in (("Accept-Language", b"none"), ("keep-alive", b"de")):
            lines = ("Accept-Language: de", f"Connection: {connection}")
            assert (await rig.ask(get("/a", *lines))).body == body


@pytest.mark.integration
async def test_clients_are_told_apart_where_answers_vary_by_the_way() -> None:
    async def echo(visit: Visit) -> None:
        while not await done(visit):
            said = (await visit.request()).one("x-forwarded-for")
            visit.send(dated(said.encode(), FRESH, "Vary: X-Forwarded-For"))

    async with (
        Origin(echo) as origin,
        caching(origin, proxy_protocol="required", trusted_proxies=["127.0.0.0/8"]) as (rig, _),
    ):
        for address in ("192.0.2.1", "192.0.2.2"):
            line = f"PROXY TCP4 {address} 192.0.2.9 1 2\r\n".encode()
            assert (await rig.ask(line + get("/a"))).body.decode() == address
