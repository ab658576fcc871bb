"""What is measured: the cases, who takes part in each, and the goals that each is held to.

Pure. A goal is a ratio within one run, because absolute figures are the machine's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

OURS = "ours"
EVERYTHING = "ours+everything"
TWO_WORKERS = "ours+2workers"
NGINX = "nginx"
HAPROXY = "haproxy"
ENVOY = "envoy"
OURS_CACHE = "ours+cache"
OURS_SHAPING = "ours+shaping"
NGINX_CACHE = "nginx+cache"
HAPROXY_CACHE = "haproxy+cache"
VARNISH = "varnish"
FLOOR = "floor"
NAIVE = "fastapi_httpx"

LARGE_PATH = "/large"
LARGE_BYTES = 10_000_000
CACHED_PATH = "/cached/"
"""Below it the backend's answers may be stored for an hour, and bear a field of their own each."""

MADE = "X-Made"
"""That field; the same one twice has come out of a cache."""

BROWSER = (
    ("Connection", "keep-alive"),
    ("Cache-Control", "max-age=0"),
    ("Upgrade-Insecure-Requests", "1"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Referer", "http://example.test/catalogue/page/7"),
    ("Cookie", "session=7d6f1c0a9be84e52; theme=dark; consent=yes"),
)
"""With Host they are twelve."""

BROWSING = tuple(field for field in BROWSER if field[0] != "Cache-Control")
"""The same without the field that asks a cache to look for itself, as after a click on a link."""


class Figure(StrEnum):
    """What a goal is about; each is read off one sample."""

    CPU = "CPU per request"
    RATE = "MB/s"
    MEMORY = "bytes per idle connection"


@dataclass(frozen=True, slots=True)
class Goal:
    """``peer`` in ``case`` against ``base``, which is of the same case unless ``base_case`` names
    another; without a base the figure itself. ``limit`` is the highest that is allowed, or with
    ``at_least`` the lowest."""

    case: str
    peer: str
    limit: float
    base: str | None = None
    figure: Figure = Figure.CPU
    at_least: bool = False

    def says(self) -> str:
        """The goal in words."""
        sign = "≥" if self.at_least else "≤"
        if self.base is None:
            return f"{self.case}: {self.peer} {sign} {self.limit:g} {self.figure}"
        return f"{self.case}: {self.peer} {sign} {self.limit:g} × {self.base} in {self.figure}"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of load and who carries it.

    Attributes:
        about: one line for the table.
        headers: sent beside Host.
        varied: each request has a path and an X-Request-ID of its own.
        targets: with ``varied``, so many paths in turn; 0 if each has its own.
        hits: who takes part answers from its cache, which is looked at first.
        connections: kept by the load; None for the plan's.
        figure: what its goals and its ratios are about.
        base: whose figures the table's ratios are taken to.
        shared: proxies may use every core, because the case needs more than one.
    """

    name: str
    about: str
    peers: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    path: str = "/"
    varied: bool = False
    targets: int = 0
    hits: bool = False
    connections: int | None = None
    figure: Figure = Figure.CPU
    base: str = NGINX
    shared: bool = False


CASES = (
    Case(
        "plain",
        "round robin, 1 KB, one header",
        (OURS, NGINX, HAPROXY, ENVOY, FLOOR, NAIVE),
    ),
    Case(
        "browser",
        "round robin, 1 KB, twelve browser-like headers",
        (OURS, NGINX, HAPROXY, ENVOY, FLOOR),
        headers=BROWSER,
    ),
    Case(
        "everything",
        "everything on, 1 KB, one header",
        (EVERYTHING, NGINX, HAPROXY, ENVOY),
    ),
    Case(
        "everything_browser",
        "everything on, 1 KB, twelve browser-like headers",
        (EVERYTHING, NGINX, HAPROXY, ENVOY),
        headers=BROWSER,
    ),
    Case(
        "varied",
        "1 KB, each request with a path and an X-Request-ID of its own",
        (OURS, EVERYTHING, NGINX, HAPROXY, ENVOY),
        varied=True,
    ),
    Case(
        "varied_browser",
        "as varied, with twelve browser-like headers",
        (OURS, EVERYTHING, NGINX, HAPROXY, ENVOY),
        headers=BROWSER,
        varied=True,
    ),
    Case(
        "large",
        "10 MB bodies over four connections",
        (OURS, FLOOR, NGINX, HAPROXY, ENVOY),
        path=LARGE_PATH,
        connections=4,
        figure=Figure.RATE,
        base=FLOOR,
    ),
    Case(
        "workers",
        "two workers beside one, 1 KB, one header, every core shared by all",
        (OURS, TWO_WORKERS),
        base=OURS,
        shared=True,
    ),
    Case(
        "cache_hit",
        "answered from the cache, 1 KB, one header, one URL",
        (OURS_CACHE, NGINX_CACHE, HAPROXY_CACHE, VARNISH),
        path=f"{CACHED_PATH}one",
        hits=True,
        base=NGINX_CACHE,
    ),
    Case(
        "cache_hit_varied",
        "answered from the cache, 1 KB, 500 URLs in turn, each request with an X-Request-ID of its"
        " own",
        (OURS_CACHE, NGINX_CACHE, HAPROXY_CACHE, VARNISH),
        path=CACHED_PATH,
        varied=True,
        targets=500,
        hits=True,
        base=NGINX_CACHE,
    ),
    Case(
        "cache_hit_browser",
        "as cache_hit, with eleven browser-like headers",
        (OURS_CACHE, NGINX_CACHE, HAPROXY_CACHE),
        headers=BROWSING,
        path=f"{CACHED_PATH}one",
        hits=True,
        base=NGINX_CACHE,
    ),
    Case(
        "cache_miss",
        "the cache on and of no use: every URL is another one, and what it brings is stored",
        (OURS_CACHE, OURS, NGINX_CACHE, NGINX),
        path=CACHED_PATH,
        varied=True,
        base=NGINX_CACHE,
    ),
    Case(
        "unshaped",
        "1 KB, one header: a client that no rule is for, beside rules and an agent for others",
        (OURS, OURS_SHAPING),
        base=OURS,
    ),
    Case(
        "idle",
        "memory of idle keep-alive connections",
        (OURS,),
        figure=Figure.MEMORY,
        base="",
    ),
)

GOALS = (
    Goal("plain", OURS, 1.4, NGINX),
    Goal("plain", OURS, 1.7, FLOOR),
    Goal("plain", OURS, 1 / 40, NAIVE),
    Goal("everything", EVERYTHING, 1.8, NGINX),
    Goal("everything", EVERYTHING, 0.85, ENVOY),
    Goal("everything_browser", EVERYTHING, 2.5, NGINX),
    Goal("large", OURS, 0.8, FLOOR, Figure.RATE, at_least=True),
    Goal("workers", TWO_WORKERS, 1.0, OURS),
    Goal("cache_hit", OURS_CACHE, 1.5, NGINX_CACHE),
    Goal("unshaped", OURS_SHAPING, 1.06, OURS),
    Goal("idle", OURS, 4096.0, None, Figure.MEMORY),
)


def case(name: str) -> Case:
    """The case of that name.

    Raises:
        ValueError: there is none, with the names that there are.
    """
    for each in CASES:
        if each.name == name:
            return each
    raise ValueError(f"no case {name!r}; valid: {', '.join(names())}")


def names(cases: Sequence[Case] = CASES) -> tuple[str, ...]:
    return tuple(each.name for each in cases)
