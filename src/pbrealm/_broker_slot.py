"""
What pbrealm knows of a broker, owned by the broker.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.spread import pb

_T = TypeVar("_T")


class BrokerSlot(Generic[_T]):
    """
    One attribute that pbrealm adds to brokers.

    Realms also work under a plain L{pb.PBServerFactory}, whose brokers are Twisted's own.  With
    the value among the broker's attributes, it is found by the broker and goes with the broker,
    and no table of the process has to be kept.

    @ivar name: the attribute's name.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = f"_pbrealm_{name}"

    def get(self, broker: pb.Broker) -> _T | None:
        """The value; L{None} if the broker has none."""
        value: _T | None = getattr(broker, self.name, None)
        return value

    def set(self, broker: pb.Broker, value: _T) -> None:
        """Set the value."""
        setattr(broker, self.name, value)

    def clear(self, broker: pb.Broker) -> None:
        """Remove the value, if there is one."""
        if hasattr(broker, self.name):
            delattr(broker, self.name)


def broker_of(reference: object) -> pb.Broker | None:
    """
    The broker of a reference to a remote object, or of an observer of a L{pb.Cacheable}.

    @return: L{None} for anything else, which no connection is known for.
    """
    # Twisted makes these, so the type of their attribute is known: the fast path of a broadcast.
    if type(reference) is pb.RemoteReference:
        broker: pb.Broker = reference.broker
        return broker
    if isinstance(reference, (pb.RemoteReference, pb.RemoteCacheObserver)):
        return reference.broker if isinstance(reference.broker, pb.Broker) else None
    return None
