"""Who serves which domain: the endpoints of a node in groups, and those of each that may be chosen.

A domain that endpoints name is theirs alone, and the endpoints without domains take all the others.
Among those that name it, next nodes are left out where there is an origin: the way ends here.
Health and panic go by group, for the endpoints of one cannot stand in for those of another. Knows
no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from rl.vocabulary import EndpointStats


class Group:
    """Endpoints that can stand in for each other.

    Attributes:
        members: all of them.
        candidates: who may be given requests; the same object as long as nothing has changed.
        panic: too few are able, so that all are used.
    """

    __slots__ = ("candidates", "members", "panic")

    def __init__(self, panic: bool = False) -> None:
        self.members: Sequence[EndpointStats] = ()
        self.candidates: Sequence[EndpointStats] = ()
        self.panic = panic

    def refresh(self, members: Sequence[EndpointStats], panic_share: float, renew: bool) -> bool:
        """Find out anew who is able; whether a panic has begun.

        Args:
            members: to be used in place of those before.
            panic_share: with a smaller share of them able, all are used.
            renew: something of them has changed that a policy must notice.
        """
        able = [stats for stats in members if stats.healthy and not stats.ejected]
        panic = len(able) < max(1.0, panic_share * len(members))
        if panic:
            able = list(members)
            panic = bool(able)
        # Policies tell by identity that nothing has changed.
        if renew or able != self.candidates:
            self.members = members
            self.candidates = able
        begun = panic and not self.panic
        self.panic = panic
        return begun


class Domains:
    """The groups of one node.

    Attributes:
        others: who takes the domains that nobody names; all endpoints, if none names any.
        named: by domain; None if no endpoint names any, so that it need not be asked.
        panic: a group is in a panic.
    """

    __slots__ = ("_distinct", "_everybody", "named", "others", "panic")

    def __init__(self) -> None:
        self.others = Group()
        self.named: dict[str, Group] | None = None
        self.panic = False
        # Endpoints may share many domains; each such group is looked at once.
        self._distinct: list[Group] = []
        self._everybody: Sequence[EndpointStats] | None = None

    def refresh(self, everybody: Sequence[EndpointStats], panic_share: float) -> int:
        """Find out anew who is able; in how many groups a panic has begun.

        Args:
            everybody: another object whenever somebody came, went or changed.
        """
        renew = everybody is not self._everybody
        others = self.others.members
        if renew:
            self._everybody = everybody
            self.named = self._grouped(everybody)
            others = everybody
            if self.named is not None:
                others = [stats for stats in everybody if not stats.endpoint.domains]
        begun = int(self.others.refresh(others, panic_share, renew))
        for group in self._distinct:
            begun += group.refresh(group.members, panic_share, renew)
        self.panic = self.others.panic or any(group.panic for group in self._distinct)
        return begun

    def group(self, domain: str) -> Group:
        """Who serves a domain; its members may be nobody."""
        named = self.named
        return self.others if named is None else named.get(domain, self.others)

    def _grouped(self, everybody: Sequence[EndpointStats]) -> dict[str, Group] | None:
        naming: dict[str, list[EndpointStats]] = {}
        for stats in everybody:
            for domain in stats.endpoint.domains:
                naming.setdefault(domain, []).append(stats)
        before = self.named or {}
        named: dict[str, Group] = {}
        distinct: dict[tuple[str, ...], Group] = {}
        for domain, members in naming.items():
            members = [each for each in members if not each.endpoint.proxy_node] or members
            ids = tuple(stats.id for stats in members)
            group = distinct.get(ids)
            if group is None:
                known = before.get(domain)
                group = distinct[ids] = Group(known is not None and known.panic)
                group.members = members
            named[domain] = group
        self._distinct = list(distinct.values())
        return named or None
