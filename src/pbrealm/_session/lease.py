"""
How long clients may keep what they have got from sessions that they have logged out of.
"""

from __future__ import annotations

from typing import Final
from weakref import WeakValueDictionary

from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm.errors import Reason


class Lease:
    """
    Lets a client use what it has got from sessions that it has logged out of.

    The sessions of one avatar id on a connection share a lease, if the server has ended none
    between their logouts.  They keep it, and it goes with the last of them.

    @ivar revoked_for: why the server has ended the next session; L{None} as long as it hasn't.
    """

    __slots__ = ("__weakref__", "revoked_for")

    def __init__(self) -> None:
        self.revoked_for: Reason | None = None


_LEASES: Final = BrokerSlot["WeakValueDictionary[str, Lease]"]("leases")


def take_lease(broker: pb.Broker, avatar_id: str) -> Lease:
    """The client has logged out of a session of an avatar id."""
    leases = _LEASES.get(broker)
    if leases is None:
        _LEASES.set(broker, leases := WeakValueDictionary())
    lease = leases.get(avatar_id)
    if lease is None:
        leases[avatar_id] = lease = Lease()
    return lease


def revoke_lease(broker: pb.Broker, avatar_id: str, reason: Reason) -> None:
    """The server has ended a session of an avatar id; those that log out later get a new lease."""
    leases = _LEASES.get(broker)
    lease = None if leases is None else leases.pop(avatar_id, None)
    if lease is not None:
        lease.revoked_for = reason
