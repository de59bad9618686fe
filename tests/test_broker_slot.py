"""
What pbrealm keeps on brokers, and the broker of a reference.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._broker_slot import BrokerSlot, broker_of


class BrokerSlotTests(SynchronousTestCase):
    def test_value(self) -> None:
        """Each broker has a value of its own, or none."""
        slot = BrokerSlot[int]("number")
        one, two = pb.Broker(), pb.Broker()
        self.assertIsNone(slot.get(one))
        slot.set(one, 1)
        slot.set(two, 2)
        slot.set(one, 3)
        self.assertEqual((slot.get(one), slot.get(two)), (3, 2))

    def test_clear(self) -> None:
        slot = BrokerSlot[int]("number")
        broker = pb.Broker()
        slot.set(broker, 1)
        slot.clear(broker)
        slot.clear(broker)
        self.assertIsNone(slot.get(broker))
        self.assertNotIn(slot.name, vars(broker))

    def test_names_are_apart(self) -> None:
        """Two slots of one broker don't meet, nor do they meet an attribute of Twisted's."""
        one, two = BrokerSlot[int]("factory"), BrokerSlot[int]("number")
        broker: Any = pb.Broker()
        broker.factory = "Twisted's own"
        one.set(broker, 1)
        self.assertIsNone(two.get(broker))
        self.assertEqual(broker.factory, "Twisted's own")


class BrokerOfTests(SynchronousTestCase):
    def test_references(self) -> None:
        """Those of Twisted, and of subclasses."""

        class Reference(pb.RemoteReference):
            pass

        broker = pb.Broker()
        for kind in (pb.RemoteReference, Reference):
            self.assertIs(broker_of(kind(None, broker, 1, 0)), broker)
        observer = pb.RemoteCacheObserver(broker, pb.Cacheable(), None)
        self.assertIs(broker_of(observer), broker)

    def test_anything_else(self) -> None:
        """A client may pass anything as its mind, also what has an attribute C{broker}."""

        class Pretender:
            broker = pb.Broker()

        class Reference(pb.RemoteReference):
            def __init__(self) -> None:
                self.broker = "none"

            def __del__(self) -> None:
                pass

        for mind in (None, 5, ["a"], Pretender(), Reference()):
            self.assertIsNone(broker_of(mind))
