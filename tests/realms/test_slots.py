"""
The table of the sessions that hold slots.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Reason, Session
from pbrealm.realms._presence import PresenceTable
from pbrealm.realms._slots import Slots


class SlotsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def session(self, avatar_id: str = "alice") -> Session:
        return Session(avatar_id, None, self.clock)

    def taken(self, slots: Slots, *avatar_ids: str) -> list[Session]:
        """Sessions that hold slots."""
        sessions = [self.session(avatar_id) for avatar_id in avatar_ids]
        for session in sessions:
            slots.take(session, session.avatar_id)
        return sessions

    def test_by_avatar_id(self) -> None:
        slots = Slots(lambda _: 2, None)
        alice, bob, again = self.taken(slots, "alice", "bob", "alice")
        self.assertEqual(slots.holders("alice"), (alice, again))
        self.assertEqual(slots.holders("bob"), (bob,))
        self.assertEqual(slots.holders("carol"), ())
        self.assertEqual(len(slots), 3)

    def test_limit(self) -> None:
        """The sessions of the avatar id block a slot, the oldest first."""
        slots = Slots({"alice": 2, "bob": 0}.__getitem__, None)
        self.assertIsNone(slots.blocking_own("alice"))
        first, second = self.taken(slots, "alice", "alice")
        self.assertEqual(slots.blocking_own("alice"), (first, second))
        self.assertEqual(slots.blocking_own("bob"), ())

    def test_total(self) -> None:
        slots = Slots(lambda _: 9, 2)
        one, two = self.session("alice"), self.session("bob")
        slots.take(one, "alice")
        self.assertIsNone(slots.blocking_total())
        slots.take(two, "bob")
        self.assertEqual(slots.blocking_total(), (one, two))

    def test_no_total(self) -> None:
        slots = Slots(lambda _: 9, None)
        self.taken(slots, *"abcdefgh")
        self.assertIsNone(slots.blocking_total())

    def test_freed_at_the_end(self) -> None:
        slots = Slots(lambda _: 1, 1)
        (session,) = self.taken(slots, "alice")
        session.end(Reason.KICKED)
        self.assertIsNone(slots.blocking_own("alice"))
        self.assertIsNone(slots.blocking_total())
        self.assertEqual((len(slots), slots._by_key), (0, {}))

    def test_revoked_sessions_hold_none(self) -> None:
        """All sessions of a lost connection are revoked before the first of them is ended."""
        slots = Slots(lambda _: 1, 1)
        (session,) = self.taken(slots, "alice")
        session.revoke(Reason.DISCONNECTED)
        self.assertEqual(slots.holders("alice"), ())
        self.assertIsNone(slots.blocking_own("alice"))
        self.assertIsNone(slots.blocking_total())
        self.assertEqual(len(slots), 1)


class ManySessionsTests(SynchronousTestCase):
    """
    What a login and an end cost doesn't depend on how many sessions the avatar id has.
    """

    def seconds(self, table: Slots | PresenceTable, count: int) -> tuple[float, float]:
        """How long one session takes to come and to go where there are so many others."""
        clock = Clock()

        def add(session: Session) -> None:
            if isinstance(table, Slots):
                table.take(session, "alice")
            else:
                table.add(session)

        others = [Session("alice", None, clock) for _ in range(count)]
        for session in others:
            add(session)
        coming, going = [], []
        for _ in range(50):
            session = Session("alice", None, clock)
            start = perf_counter()
            if isinstance(table, Slots):
                self.assertIsNone(table.blocking_own("alice"))
            add(session)
            coming.append(perf_counter() - start)
            start = perf_counter()
            session.end()
            going.append(perf_counter() - start)
        return min(coming), min(going)

    def compare(self, make: Callable[[], Slots | PresenceTable]) -> None:
        few, many = self.seconds(make(), 100), self.seconds(make(), 10_000)
        # Copies would make this 50 to 100.
        for one, other in zip(few, many, strict=True):
            self.assertLess(other, 10 * one)

    def test_slots(self) -> None:
        self.compare(lambda: Slots(lambda _: 100_000, 100_000))

    def test_presence(self) -> None:
        self.compare(PresenceTable)
