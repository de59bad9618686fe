"""
Limits of sessions that are changed while there are sessions.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    TooManyConnections,
    WaitForRoom,
)
from tests.avatars import Aware
from tests.realms.cases import RealmTestCase


class ChangeTests(RealmTestCase):
    def limited(self, **options: Any) -> ConnectionLimitedRealm:
        return ConnectionLimitedRealm(CachingRealm(Aware, clock=self.clock), **options)

    def reasons(self, sessions: Any) -> Any:
        return [session.ended for session in sessions]

    def test_more(self) -> None:
        realm = self.limited(limit=1)
        self.session(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)
        self.assertEqual(self.successResultOf(realm.change(limit=2)), 0)
        self.assertEqual(realm.limit, 2)
        self.session(realm)

    def test_fewer(self) -> None:
        """The oldest ones are replaced, if that is the policy."""
        realm = self.limited(limit=3, on_full=ReplaceOldest())
        own = [self.session(realm) for _ in range(3)]
        other = self.session(realm, "bob")
        self.assertEqual(self.successResultOf(realm.change(limit=1)), 2)
        self.assertEqual(self.reasons(own), [Reason.REPLACED, Reason.REPLACED, None])
        self.assertIsNone(other.ended)

    def test_fewer_in_all(self) -> None:
        realm = self.limited(total=10, on_full=ReplaceOldest(stay=0))
        sessions = [self.session(realm, f"user{number}") for number in range(10)]
        self.assertEqual(self.successResultOf(realm.change(total=4)), 6)
        self.assertEqual(self.reasons(sessions), [Reason.REPLACED] * 6 + [None] * 4)
        self.assertEqual((realm.limit, realm.total), (None, 4))

    def test_refuse(self) -> None:
        """Those who are in stay."""
        realm = self.limited(limit=3)
        own = [self.session(realm) for _ in range(3)]
        self.assertEqual(self.successResultOf(realm.change(limit=1)), 0)
        self.assertEqual(self.reasons(own), [None] * 3)
        own[0].end()
        self.failureResultOf(self.request(realm), TooManyConnections)

    def test_wait(self) -> None:
        """Nobody has to go for those who are in."""
        realm = self.limited(limit=2, on_full=WaitForRoom())
        own = [self.session(realm) for _ in range(2)]
        changed = realm.change(limit=1)
        self.clock.advance(31)
        self.assertEqual(self.successResultOf(changed), 0)
        self.assertEqual(self.reasons(own), [None] * 2)

    def test_ping(self) -> None:
        """Without a connection that is known, the oldest is alive."""
        realm = self.limited(limit=2, on_full=PingOldest())
        own = [self.session(realm) for _ in range(2)]
        self.assertEqual(self.successResultOf(realm.change(limit=1)), 0)
        self.assertEqual(self.reasons(own), [None] * 2)

    def test_policy(self) -> None:
        realm = self.limited(limit=2)
        own = [self.session(realm) for _ in range(2)]
        policy = ReplaceOldest()
        self.assertEqual(self.successResultOf(realm.change(on_full=policy)), 0)
        self.assertIs(realm.on_full, policy)
        self.session(realm)
        self.assertEqual(self.reasons(own), [Reason.REPLACED, None])

    def test_who_waits_gets_in(self) -> None:
        """Once there is room by the new limit, and not only when a session ends."""
        realm = self.limited(limit=1, on_full=WaitForRoom())
        self.session(realm)
        waits = [self.request(realm) for _ in range(3)]
        realm.change(limit=3)
        for login in waits[:2]:
            self.successResultOf(login)
        self.assertNoResult(waits[2])
        self.clock.advance(31)
        self.failureResultOf(waits[2], TooManyConnections)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_waits_is_decided_on_by_the_new_policy(self) -> None:
        realm = self.limited(limit=1, on_full=WaitForRoom())
        first = self.session(realm)
        waits = self.request(realm)
        realm.change(on_full=ReplaceOldest())
        self.successResultOf(waits)
        self.assertIs(first.ended, Reason.REPLACED)
        waits = self.request(realm)
        self.failureResultOf(waits, TooManyConnections)
        realm.change(on_full=Refuse())

    def test_who_waits_and_leaves(self) -> None:
        realm = self.limited(limit=1, on_full=WaitForRoom())
        self.session(realm)
        waits = self.request(realm)
        waits.cancel()
        self.failureResultOf(waits, pb.Error)
        self.successResultOf(realm.change(limit=2))
        self.session(realm)

    def test_a_policy_that_decides_nothing(self) -> None:
        """It isn't asked for ever."""
        asked: list[Any] = []

        class Idle:
            waiting = 1

            def make_room(self, newcomer: Any, holders: Any) -> None:
                asked.append(holders)

        realm = self.limited(limit=3)
        own = [self.session(realm) for _ in range(3)]
        changed = realm.change(limit=1, on_full=Idle())
        self.assertEqual(self.successResultOf(changed), 0)
        self.assertEqual(asked, [own[:2]])

    def test_a_slow_policy(self) -> None:
        """Each avatar id is decided on by itself."""
        decisions: list[Deferred[None]] = []

        class Slow:
            waiting = 1

            def make_room(self, newcomer: Any, holders: Any) -> Any:
                decisions.append(Deferred())
                return decisions[-1].addCallback(lambda _: holders[0].end())

        realm = self.limited(limit=2, on_full=Slow())
        own = [self.session(realm, name) for name in ("alice", "bob", "alice", "bob")]
        changed = realm.change(limit=1)
        self.assertEqual(len(decisions), 2)
        for each in decisions:
            each.callback(None)
        self.assertEqual(self.successResultOf(changed), 2)
        self.assertEqual(self.reasons(own), [Reason.KICKED, Reason.KICKED, None, None])

    def test_very_many(self) -> None:
        """Other work of the reactor goes on in between."""
        realm = self.limited(total=600, on_full=ReplaceOldest(stay=0))
        for number in range(600):
            self.session(realm, f"user{number}")
        changed = realm.change(total=10)
        while not changed.called:
            self.clock.advance(0.05)
        self.assertEqual(self.successResultOf(changed), 590)

    def test_wrong_arguments(self) -> None:
        """Nothing is changed then."""
        realm = self.limited(limit=2)
        for options in ({"limit": 0}, {"total": -1}, {"limit": True}, {"total": "3"}):
            self.assertRaises(ValueError, realm.change, **options)
        self.assertRaises(TypeError, realm.change, limit=1, on_full="refuse")
        self.assertEqual((realm.limit, realm.total), (2, None))
