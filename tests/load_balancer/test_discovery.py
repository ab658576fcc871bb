"""Looking again and again: what is told, what is kept, what a file's change is taken for."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.endpoints import Discovery as DiscoverySettings
from config.endpoints import DnsSource, FileSource
from config.tls import EndpointTls, SecuredEndpoint
from load_balancer.discovery import (
    Discovery,
    EndpointFile,
    dns_source,
    parsed,
    source_names,
)
from load_balancer.lookup import Addresses, Found, LookupFailed
from load_balancer.membership import Membership
from metrics.table import EndpointTable
from rl.vocabulary import Endpoint

pytestmark = pytest.mark.unit

DNS = DnsSource(id="web", name="web.example", port=80, interval_seconds=7.0)


def endpoint(id: str) -> Endpoint:
    return Endpoint(id, "h", 80)


def found(*ids: str, ttl: float | None = None) -> Found:
    return Found(tuple(map(endpoint, ids)), ttl)


class Scripted:
    """A source that has these answers, one after another, and the last one for ever."""

    def __init__(self, *answers: Found | Exception | None) -> None:
        self._answers = list(answers)
        self.looks = 0
        self.closed = False

    async def look(self) -> Found | None:
        self.looks += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


class Scene:
    """A discovery over one scripted source, and all that it said."""

    def __init__(self, source: Scripted, settings: DnsSource = DNS, most: int = 10) -> None:
        self.said: list[str] = []
        self.membership = Membership(EndpointTable(()), (), lambda: None, lambda line: None, most)
        self.results: list[tuple[str, bool]] = []
        self.discovery = Discovery(
            DiscoverySettings(),
            self.membership,
            self.said.append,
            lambda *result: self.results.append(result),
        )
        self.discovery._watched.append(("dns:web", source, settings))
        self.discovery.problems["dns:web"] = ""

    async def look(self) -> float:
        return await self.discovery._look(*self.discovery._watched[0])

    @property
    def ids(self) -> list[str]:
        return [stats.id for stats in self.membership.table.all]

    @property
    def looks(self) -> tuple[int, int, str]:
        """How many looks succeeded and failed, and why the last one did."""
        assert {"dns:web"} >= {name for name, _ in self.results}
        succeeded = sum(well for _, well in self.results)
        return succeeded, len(self.results) - succeeded, self.discovery.problems["dns:web"]


async def test_what_is_found_is_applied() -> None:
    scene = Scene(Scripted(found("a", "b"), found("b", "c")))
    await scene.look()
    assert ["a", "b"] == scene.ids
    await scene.look()

    assert (["b", "c"], (2, 0, ""), []) == (scene.ids, scene.looks, scene.said)


async def test_what_is_found_by_a_name_is_reached_as_the_name_says() -> None:
    """Over TLS, with a certificate for the name and not for the address."""
    tls = EndpointTls(enabled=True)
    scene = Scene(Scripted(found("a")), DNS.model_copy(update={"tls": tls}))
    await scene.look()

    (stats,) = scene.membership.table.all
    assert isinstance(stats.endpoint, SecuredEndpoint)
    assert DNS.name == stats.endpoint.tls.server_name


async def test_a_failed_look_keeps_the_last_good_ones_and_says_so_once() -> None:
    """And once that it is over."""
    wrong = LookupFailed("web.example: no such name")
    scene = Scene(Scripted(found("a", "b"), wrong, wrong, found("a")))
    for _ in range(3):
        await scene.look()
    assert ["a", "b"] == scene.ids
    assert (1, 2, str(wrong)) == scene.looks
    await scene.look()

    assert ["a"] == scene.ids
    assert [
        "endpoints from dns:web: web.example: no such name; the last good ones stay",
        "endpoints from dns:web: known again",
    ] == scene.said


async def test_nothing_changed_is_a_good_look_too() -> None:
    scene = Scene(Scripted(found("a"), LookupFailed("for a moment"), None))
    for _ in range(3):
        await scene.look()

    assert (["a"], (2, 1, "")) == (scene.ids, scene.looks)


async def test_whatever_goes_wrong_the_next_look_is_made() -> None:
    scene = Scene(Scripted(RuntimeError(), found("a")))
    await scene.look()
    await scene.look()

    assert (["a"], (1, 1, "")) == (scene.ids, scene.looks)
    assert "RuntimeError" in scene.said[0]


async def test_what_is_refused_is_taken_as_soon_as_it_fits() -> None:
    """A file's content is read once, and still counts when others have made room."""
    scene = Scene(Scripted(found("a", "b"), None), most=3)
    scene.membership.apply("servers", [endpoint("x"), endpoint("y")])
    for _ in range(2):
        await scene.look()
    assert ["x", "y"] == scene.ids
    assert "4 endpoints are more than the 3" in scene.looks[2]
    scene.membership.apply("servers", [endpoint("x")])
    await scene.look()

    assert (["x", "a", "b"], "") == (scene.ids, scene.looks[2])


@pytest.mark.parametrize(("ttl", "expected"), [(None, 7.0), (0.0, 2.0), (2.5, 2.5), (9e9, 60.0)])
async def test_a_time_to_live_counts_within_its_bounds(ttl: float | None, expected: float) -> None:
    settings = DNS.model_copy(update={"minimum_ttl_seconds": 2.0, "maximum_ttl_seconds": 60.0})

    assert expected == await Scene(Scripted(found("a", ttl=ttl)), settings).look()


async def test_it_looks_once_at_the_start_and_then_again_and_again_until_the_end() -> None:
    source = Scripted(found("a"))
    scene = Scene(source, DNS.model_copy(update={"interval_seconds": 0.001}))
    tasks = asyncio.all_tasks()
    await scene.discovery.start()
    assert (["a"], 1) == (scene.ids, source.looks)
    async with asyncio.timeout(20):
        while source.looks < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    await scene.discovery.stop()

    assert source.closed
    assert tasks == asyncio.all_tasks()


async def test_an_endpoint_is_down_if_it_is_known_and_unhealthy() -> None:
    scene = Scene(Scripted(found("a", "b")))
    await scene.look()
    scene.membership.table.set_healthy(scene.membership.table["a"], False, 0.0)

    assert [True, False, False] == [scene.discovery._is_down(id) for id in "abc"]


def test_the_order_of_the_sources_is_a_fixed_one() -> None:
    settings = DiscoverySettings(dns=(DNS, DNS.model_copy(update={"id": "other"})))

    assert ["servers", "file", "dns:web", "dns:other"] == source_names(settings)


async def test_every_configured_source_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.yaml"
    path.write_text("- {id: a, host: h, port: 1}")
    membership = Membership(EndpointTable(()), (), lambda: None, lambda line: None, 10)
    settings = DiscoverySettings(
        file=FileSource(path=str(path)), dns=(DnsSource(id="me", name="localhost", port=80),)
    )
    results: list[tuple[str, bool]] = []
    discovery = Discovery(
        settings, membership, lambda line: None, lambda *result: results.append(result)
    )
    await discovery.start()
    await discovery.stop()

    assert [("dns:me", True), ("file", True)] == sorted(results)
    assert {"file", "dns:me"} == {membership.source(each.id) for each in membership.table.all}


def test_service_records_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses do not."""
    settings = DnsSource(id="web", name="_http._tcp.web.example", type="srv")
    assert dns_source(settings, bool) is not None
    monkeypatch.setitem(sys.modules, "load_balancer.services", None)

    with pytest.raises(ValueError, match=r"discovery\.dns: web: .* install the extra dns"):
        dns_source(settings, bool)
    assert isinstance(dns_source(DNS, bool), Addresses)


# Files.


class Place:
    """A file that is looked at by hand."""

    def __init__(self, folder: Path, name: str = "endpoints.yaml", **settings: Any) -> None:
        self.path = folder / name
        self.file = EndpointFile(FileSource(path=str(self.path), **settings))

    def write(self, text: str | bytes) -> None:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)

    def replace(self, text: str) -> None:
        """As editors and tools do it: whole, by a rename."""
        other = self.path.with_name("other")
        other.write_text(text)
        os.replace(other, self.path)

    async def look(self) -> list[str] | None:
        looked = await self.file.look()
        return None if looked is None else [each.id for each in looked.endpoints]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


A = "- {id: a, host: h, port: 1}\n"
B = "- {id: b, host: h, port: 1}\n"


async def test_a_file_is_read_at_once_and_then_when_it_has_changed(place: Place) -> None:
    place.write(A)
    looks = [await place.look() for _ in range(3)]
    place.replace(A + B)
    later = [await place.look() for _ in range(4)]

    assert [["a"], None, None] == looks
    assert [None, ["a", "b"], None, None] == later


async def test_what_is_still_being_written_is_not_read(place: Place) -> None:
    """Half a YAML list is a list as well, of fewer endpoints."""
    place.write(A + B)
    await place.look()
    looked = []
    for text in (A, A + B, A + B + B.replace("b", "c", 1)):
        place.write(text)
        looked.append(await place.look())

    assert [None, None, None] == looked
    assert ["a", "b", "c"] == await place.look()


async def test_a_file_of_the_same_size_and_time_is_told_by_its_inode(place: Place) -> None:
    place.write(A)
    await place.look()
    before = place.path.stat()
    place.replace(B)
    os.utime(place.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert [None, ["b"]] == [await place.look() for _ in range(2)]


async def test_what_is_replaced_while_it_is_read_is_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(A)
    real = os.fstat

    def replaced(descriptor: int) -> os.stat_result:
        place.replace(A + B)
        with place.path.open() as file:
            return real(file.fileno())

    monkeypatch.setattr("os.fstat", replaced)
    assert await place.look() is None
    monkeypatch.undo()

    assert [None, ["a", "b"]] == [await place.look() for _ in range(2)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "endpoints: must be a list"),
        ("a: [", "is not YAML: while parsing"),
        ("- {id: a, host: h}", r"endpoints\[0\].port: Field required"),
        (
            "- {id: a, host: h, port: 1}\n- {id: b, host: h, port: 99999}",
            r"endpoints\[1\].port: .*99999",
        ),
        ("- {id: a, host: h, port: 1, wieght: 2}", r"endpoints\[0\].wieght: Extra inputs"),
        (
            "- {id: a, host: h, port: 1}\n- {id: a, host: h, port: 2}",
            r"endpoints\[1\].id: 'a' stands twice",
        ),
        ("endpoints: 5", "endpoints: must be a list"),
        ("servers: []", "servers: only the key endpoints is expected"),
        (b"\xff\xfe", "is not UTF-8 at byte 0"),
        ("- 2024-13-45", "month must be in"),
        ("[" * 3000, "is nested too deeply|is not YAML"),
    ],
)
async def test_bad_content_is_told_in_one_line_until_it_is_good(
    place: Place, content: str | bytes, words: str
) -> None:
    place.write(content)
    for _ in range(3):
        with pytest.raises(LookupFailed, match=words) as raised:
            await place.look()
        assert str(raised.value).startswith(f"{place.path}: ")
        assert "\n" not in str(raised.value)
    place.replace(A)
    with pytest.raises(LookupFailed):
        await place.look()

    assert ["a"] == await place.look()


async def test_many_problems_are_told_in_few_words(place: Place) -> None:
    place.write("\n".join("- {id: a}" for _ in range(1000)))
    with pytest.raises(LookupFailed) as raised:
        await place.look()

    assert len(str(raised.value)) < 400
    assert "and 1997 more" in str(raised.value)


async def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    place = Place(tmp_path, max_bytes=64)
    place.write(A * 3)
    with pytest.raises(LookupFailed, match="has more than 64 bytes"):
        await place.look()


async def test_a_file_that_goes_away_and_comes_back(place: Place) -> None:
    """It is told while it is gone; the same content, found again, changes nothing."""
    place.write(A)
    await place.look()
    place.path.rename(place.path.with_name("away"))
    for _ in range(2):
        with pytest.raises(LookupFailed, match="cannot be read: No such file"):
            await place.look()
    place.path.with_name("away").rename(place.path)

    assert await place.look() is None


async def test_a_file_may_come_later(place: Place) -> None:
    with pytest.raises(LookupFailed):
        await place.look()
    place.write(A)

    assert [None, ["a"]] == [await place.look() for _ in range(2)]


@pytest.mark.parametrize("write", [json.dumps, lambda data: json.dumps({"endpoints": data})])
async def test_json_is_read_by_its_name(tmp_path: Path, write: Callable[[object], str]) -> None:
    place = Place(tmp_path, "endpoints.json")
    place.write(write([{"id": "a", "host": "::1", "port": 1, "weight": 2.5, "tags": ["x"]}]))
    looked = await place.file.look()

    assert looked is not None
    assert (Endpoint("a", "::1", 1, 2.5, ("x",)),) == looked.endpoints
    place.replace("[")
    with pytest.raises(LookupFailed):
        for _ in range(2):
            await place.look()


def test_none_in_so_many_words_is_none() -> None:
    assert [] == parsed(b"[]", ".yaml") == parsed(b"endpoints: []", ".yaml")
    with pytest.raises(ValueError, match="only the key endpoints"):
        parsed(b"{}", ".yaml")
