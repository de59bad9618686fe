"""
What broadcasts have yet to send to a connection.
"""

from __future__ import annotations

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._delivery.unsent import UNSENT_ATTRIBUTE, add_unsent, send_unsent
from pbrealm._unsaved import Account


class Broadcast:
    """Records what it is asked to send."""

    waits = False

    def __init__(self, name: str, sent: list[tuple[str, int]]) -> None:
        self.name = name
        self.sent = sent

    def send_to(self, at: int) -> None:
        self.sent.append((self.name, at))


class CountingBroker(pb.Broker, Account):
    """Has room for 100."""

    held = 0

    def drops_oldest(self, size: int) -> bool:
        return False

    def may_wait(self, size: int, *, droppable: bool) -> bool:
        return size <= 100

    def hold(self, size: int) -> None:
        self.held += size

    def release(self, size: int) -> None:
        self.held -= size


class UnsentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.broker = pb.Broker()
        self.sent: list[tuple[str, int]] = []

    def broadcast(self, name: str) -> Broadcast:
        return Broadcast(name, self.sent)

    def test_in_order(self) -> None:
        """In the order of the broadcasts, each once."""
        one, two = self.broadcast("one"), self.broadcast("two")
        for broadcast, at in ((one, 3), (two, 0), (one, 4)):
            add_unsent(self.broker, broadcast, at)
        send_unsent(self.broker)
        send_unsent(self.broker)
        self.assertEqual(self.sent, [("one", 3), ("two", 0), ("one", 4)])

    def test_nothing_to_send(self) -> None:
        send_unsent(self.broker)
        self.assertEqual(self.sent, [])

    def test_attribute(self) -> None:
        """The broker has the attribute as long as there is something to send."""
        self.assertNotIn(UNSENT_ATTRIBUTE, vars(self.broker))
        add_unsent(self.broker, self.broadcast("one"), 0)
        self.assertIn(UNSENT_ATTRIBUTE, vars(self.broker))
        send_unsent(self.broker)
        self.assertNotIn(UNSENT_ATTRIBUTE, vars(self.broker))

    def test_what_waits(self) -> None:
        """Nothing overtakes it."""
        one, two, three = (self.broadcast(name) for name in ("one", "two", "three"))
        two.waits = True
        for broadcast in (one, two, three):
            add_unsent(self.broker, broadcast, 0)
        self.assertFalse(send_unsent(self.broker))
        self.assertFalse(send_unsent(self.broker))
        self.assertEqual(self.sent, [("one", 0)])
        two.waits = False
        self.assertTrue(send_unsent(self.broker))
        self.assertEqual(self.sent, [("one", 0), ("two", 0), ("three", 0)])
        self.assertNotIn(UNSENT_ATTRIBUTE, vars(self.broker))

    def test_sizes(self) -> None:
        """What something that waits keeps back counts for the connection, until it is sent."""
        broker = CountingBroker()
        waits, other = self.broadcast("waits"), self.broadcast("other")
        self.assertTrue(add_unsent(broker, other, 0, 10))
        self.assertTrue(add_unsent(broker, waits, 1))
        self.assertEqual(broker.held, 0)
        waits.waits = True
        send_unsent(broker)
        for at, size in ((2, 60), (3, 50), (4, 40)):
            self.assertEqual(add_unsent(broker, other, at, size), size != 50)
        self.assertEqual(broker.held, 100)
        waits.waits = False
        send_unsent(broker)
        self.assertEqual(broker.held, 0)
        self.assertEqual([at for _, at in self.sent], [0, 1, 2, 4])

    def test_other_brokers(self) -> None:
        add_unsent(self.broker, self.broadcast("one"), 0)
        send_unsent(pb.Broker())
        self.assertEqual(self.sent, [])

    def test_sending_sends_the_rest(self) -> None:
        """What is sent may itself call L{send_unsent}: the rest goes out before it, once."""
        broker, sent = self.broker, self.sent

        class Ending(Broadcast):
            def send_to(self, at: int) -> None:
                super().send_to(at)
                send_unsent(broker)
                sent.append(("goodbye", at))

        add_unsent(broker, Ending("one", sent), 0)
        add_unsent(broker, self.broadcast("two"), 1)
        send_unsent(broker)
        self.assertEqual(sent, [("one", 0), ("two", 1), ("goodbye", 0)])
        self.assertNotIn(UNSENT_ATTRIBUTE, vars(broker))

    def test_added_while_sending(self) -> None:
        broker, added = self.broker, self.broadcast("added")

        class Adding(Broadcast):
            def send_to(self, at: int) -> None:
                super().send_to(at)
                add_unsent(broker, added, 7)

        add_unsent(broker, Adding("one", self.sent), 0)
        send_unsent(broker)
        self.assertEqual(self.sent, [("one", 0), ("added", 7)])
