"""
Limits on the number of connections, in all and from one address.
"""

from __future__ import annotations

import enum
import ipaddress
from collections import Counter
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress

from pbrealm._server.limits import Limits
from pbrealm.errors import Reason, TooManyConnections

MAX_EXPLAINED = 16
"""How many connections beyond the limits are kept at once to be told why they are refused."""


class Admission(enum.Enum):
    """Whether a new connection is accepted."""

    ACCEPTED = enum.auto()
    """It is within the limits."""

    FULL = enum.auto()
    """As many are open in all as may be.  It is kept until its login has been refused for now."""

    ADDRESS_FULL = enum.auto()
    """As many are open from its address as may be.  It is kept until its login was refused."""

    REJECTED = enum.auto()
    """It is beyond a limit, and is closed at once."""


def too_many(admission: Admission) -> TooManyConnections:
    """
    Why the client of a connection beyond the limits can't log in.

    Where the server is full, the client should come back, or go to another one.
    """
    if admission is Admission.FULL:
        return TooManyConnections("as many connections are open as may be", Reason.BUSY)
    return TooManyConnections("as many connections from your address are open as may be")


class ConnectionCounter:
    """
    Counts the connections of a server.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._accepted = 0
        self._explained = 0
        self._by_origin: Counter[str | None] = Counter()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._accepted + self._explained

    def opened(self, origin: str | None) -> Admission:
        """
        A client connects.

        @param origin: L{origin_of} its address.
        @return: unless this is L{Admission.REJECTED}, pass it to L{closed} later.
        """
        admission = self._admission(origin)
        if admission is Admission.ACCEPTED:
            self._accepted += 1
            if origin is not None:
                self._by_origin[origin] += 1
        elif self._explained < MAX_EXPLAINED:
            self._explained += 1
        else:
            return Admission.REJECTED
        return admission

    def closed(self, origin: str | None, admission: Admission) -> None:
        """The connection is lost."""
        if admission is not Admission.ACCEPTED:
            self._explained -= 1
            return
        self._accepted -= 1
        if origin is not None:
            self._by_origin[origin] -= 1
            if not self._by_origin[origin]:
                del self._by_origin[origin]

    def _admission(self, origin: str | None) -> Admission:
        limits = self._limits
        # This first: a proxy's address may have as many connections as there may be in all.
        if self._accepted >= limits.connections:
            return Admission.FULL
        if origin is not None and self._by_origin[origin] >= limits.connections_per_address:
            return Admission.ADDRESS_FULL
        return Admission.ACCEPTED


class Place:
    """
    The place of one connection among those of a server.

    @ivar origin: L{origin_of} the client's address.
    @ivar admission: whether it is within the limits.
    """

    __slots__ = ("_counter", "admission", "origin")

    def __init__(self, counter: ConnectionCounter, origin: str | None) -> None:
        self._counter: ConnectionCounter | None = counter
        self.origin = origin
        self.admission = counter.opened(origin)

    def leave(self) -> None:
        """Free it; further calls do nothing."""
        counter, self._counter = self._counter, None
        if counter is not None and self.admission is not Admission.REJECTED:
            counter.closed(self.origin, self.admission)


def origin_of(address: IAddress | None) -> str | None:
    """
    What connections are counted by: the host, or for IPv6 its network of 64 bits.

    One host has all addresses of such a network to connect from.

    @return: L{None} for an address without a host, such as that of a UNIX socket.
    """
    if not isinstance(address, (IPv4Address, IPv6Address)):
        return None
    host: str = address.host
    if ":" not in host:
        return host
    try:
        parsed = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed.packed, 64), strict=False))


def network_of(origin: str | None) -> str | None:
    """
    The network that one provider is likely to have given to one customer: of 24 bits for IPv4, of
    48 bits for IPv6.

    @param origin: L{origin_of} an address.
    @return: L{None} where it isn't known.
    """
    if origin is None:
        return None
    # At a tenth of what the module ipaddress takes: each login of a guest asks.
    try:
        if ":" not in origin:
            inet_pton(AF_INET, origin)
            return f"{origin.rpartition('.')[0]}.0/24"
        packed = inet_pton(AF_INET6, origin.partition("/")[0])
    except OSError:
        return None
    return f"{inet_ntop(AF_INET6, packed[:6] + bytes(10))}/48"
