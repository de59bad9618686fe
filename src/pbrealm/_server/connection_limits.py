"""
Who may come in: the connections there are, in all and by address.
"""

from __future__ import annotations

import enum
from collections import Counter
from ipaddress import IPv6Address, IPv6Network, ip_address

from twisted.internet.interfaces import IAddress

from pbrealm._server.limits import Limits

TOLD = 16
"""How many connections beyond the bounds are told so before they are closed; others are not."""


class Entry(enum.Enum):
    """What the door does with a newcomer."""

    COME_IN = enum.auto()
    BE_TOLD = enum.auto()
    STAY_OUT = enum.auto()


class ConnectionCounter:
    """
    Counts connections.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside = 0
        self._told = 0
        self._by_origin: Counter[str | None] = Counter()

    def enter(self, origin: str | None) -> Entry:
        """
        Somebody connects; L{leave} with the same entry, unless it was to stay out.

        @param origin: L{origin_of} the address.
        """
        if self._has_room(origin):
            self._inside += 1
            if origin is not None:
                self._by_origin[origin] += 1
            return Entry.COME_IN
        if self._told < TOLD:
            self._told += 1
            return Entry.BE_TOLD
        return Entry.STAY_OUT

    def leave(self, origin: str | None, entry: Entry) -> None:
        """The connection is gone."""
        if entry is Entry.BE_TOLD:
            self._told -= 1
            return
        self._inside -= 1
        if origin is not None:
            self._by_origin[origin] -= 1
            if not self._by_origin[origin]:
                del self._by_origin[origin]

    def _has_room(self, origin: str | None) -> bool:
        limits = self._limits
        if self._inside >= limits.connections:
            return False
        return origin is None or self._by_origin[origin] < limits.connections_per_address


def origin_of(address: IAddress | None) -> str | None:
    """
    Whose address it is, as far as it tells: of IPv6 the network, since one host has all of it.

    @return: L{None} for an address that has no host, such as that of a UNIX socket.
    """
    host = getattr(address, "host", None)
    if not isinstance(host, str):
        return None
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    if not isinstance(parsed, IPv6Address):
        return host
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed.packed, 64), strict=False))
