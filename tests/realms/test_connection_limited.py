"""
Limits of sessions, by avatar id and in all.
"""

from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    IFullPolicy,
    PingOldest,
    Refuse,
    ReplaceOldest,
    TooManyConnections,
    WaitForRoom,
)
from tests.avatars import Aware, Slow
from tests.realms.cases import RealmTestCase, WrappingMixin


class ConnectionLimitedTests(WrappingMixin, RealmTestCase):
    def wrap(self, realm, **options):
        return ConnectionLimitedRealm(realm, **options)

    def limited(self, factory=Aware, **options):
        return self.wrap(CachingRealm(factory, clock=self.clock), **options)

    def test_limit(self):
        realm = self.limited(limit=2)
        sessions = [self.session(realm) for _ in range(2)]
        self.failureResultOf(self.request(realm), TooManyConnections)
        self.session(realm, "bob")
        sessions[0].end()
        self.session(realm)

    def test_limit_by_role(self):
        realm = self.limited(limit=lambda name: 2 if name == "admin" else 1)
        for name in ("admin", "admin", "alice"):
            self.session(realm, name)
        for name in ("admin", "alice"):
            self.failureResultOf(self.request(realm, name), TooManyConnections)

    def test_only_a_total(self):
        """Who gives only a total doesn't limit each avatar id."""
        realm = self.limited(total=3)
        self.held = [self.session(realm) for _ in range(3)]
        self.failureResultOf(self.request(realm, "bob"), TooManyConnections)

    def test_one_by_default(self):
        realm = self.limited()
        self.held = self.session(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)

    def test_no_limit(self):
        for limit in (None, lambda _: None):
            realm = self.limited(limit=limit)
            self.held = [self.session(realm) for _ in range(9)]

    def test_key(self):
        """Sessions are counted by what the key says: here, by the client's machine."""
        realm = self.limited(limit=2, key=lambda session: session.avatar_id[0])
        sessions = [self.session(realm, name) for name in ("alice", "anna", "bob")]
        why = self.failureResultOf(self.request(realm, "alice"), TooManyConnections)
        self.assertIn("alice is logged in already", str(why.value))
        why = self.failureResultOf(self.request(realm, "adam"), TooManyConnections)
        self.assertNotIn("logged in already", str(why.value))
        sessions[1].end()
        self.session(realm, "adam")

    def test_key_that_fails(self):
        realm = self.limited(key=lambda session: 1 / 0)
        self.failureResultOf(self.request(realm), ZeroDivisionError)

    def test_limit_by_key(self):
        realm = self.limited(limit={"a": 1, "b": 2}.get, key=lambda session: session.avatar_id[0])
        self.held = [self.session(realm, name) for name in ("alice", "bob", "bea", "zoe", "zoe")]
        for name in ("alice", "anna", "bob"):
            self.failureResultOf(self.request(realm, name), TooManyConnections)

    def test_limit_of_none(self):
        """A limit of none by role lets nobody in, whatever the policy."""
        for policy in (Refuse(), ReplaceOldest(), PingOldest(), WaitForRoom()):
            realm = self.limited(limit=lambda _: 0, on_full=policy)
            self.failureResultOf(self.request(realm), TooManyConnections)

    def test_total(self):
        realm = self.limited(limit=2, total=3)
        self.held = [self.session(realm, name) for name in ("alice", "alice", "bob")]
        failure = self.failureResultOf(self.request(realm, "bob"), TooManyConnections)
        self.assertNotIn("alice", str(failure.value))
        failure = self.failureResultOf(self.request(realm, "carol"), TooManyConnections)
        self.assertEqual(str(failure.value), "as many clients are logged in as may be (reason 4)")

    def test_failed_login_frees_its_slot(self):
        slow = Slow()
        realm = self.limited(slow)
        login = self.request(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)
        slow.fail(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)
        again = self.request(realm)
        slow.finish()
        self.successResultOf(again)

    def test_bad_numbers(self):
        for options in ({"limit": 0}, {"limit": "2"}, {"limit": True}, {"total": -1}):
            with self.assertRaises(ValueError):
                self.limited(**options)

    def test_policy_that_makes_no_room(self):
        """The newcomer of a policy that frees no slot is refused."""

        @implementer(IFullPolicy)
        class Idle:
            waiting = 1

            def make_room(self, newcomer, holders):
                return None

        realm = self.limited(on_full=Idle())
        self.held = self.session(realm)
        self.failureResultOf(self.request(realm), TooManyConnections)

    def test_policy_that_fails(self):
        """The newcomer is refused, and the policy is asked for the next one."""

        @implementer(IFullPolicy)
        class Broken:
            waiting = 1

            def make_room(self, newcomer, holders):
                return 1 / 0

        realm = self.limited(on_full=Broken())
        held = self.session(realm)
        self.failureResultOf(self.request(realm), ZeroDivisionError)
        held.end()
        self.session(realm)
