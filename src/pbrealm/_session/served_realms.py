"""
The realms that a server finds out about by their logins, to close them when it closes.

A hand-written realm passes nothing on to the realms within but logins.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakSet

from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm.interfaces import IClosableRealm


def set_served_realms(broker: pb.Broker, realms: WeakSet[Any]) -> None:
    """Have the realms of a connection's logins added to those of its server."""
    _REALMS.set(broker, realms)


def add_served_realm(broker: pb.Broker | None, realm: object) -> None:
    """
    A login has reached a realm by way of a hand-written one.

    @param broker: of its connection; L{None} if that isn't known.
    """
    realms = None if broker is None else _REALMS.get(broker)
    if realms is not None and IClosableRealm.providedBy(realm):
        realms.add(realm)


_REALMS: Final = BrokerSlot[WeakSet[Any]]("realms")
