"""
Limits of sessions, by avatar id and in all.
"""

from twisted.cred.checkers import ANONYMOUS
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IFullPolicy,
    LoginRefused,
    PingOldest,
    Reason,
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
        self.assertEqual(str(failure.value), "as many clients are logged in as may be (reason 9)")

    def test_reasons(self):
        """
        Who finds the total full may come back; who has too many sessions already may not, nor may
        who finds what the key says full.
        """
        for policy in (Refuse(), PingOldest(), WaitForRoom(30)):
            for name, reason, options in (
                ("alice", Reason.REFUSED, {"limit": 2}),
                ("bob", Reason.REFUSED, {"limit": 2, "key": lambda _: "the same"}),
                ("alice", Reason.REFUSED, {"limit": 2, "total": 2}),
                ("bob", Reason.BUSY, {"limit": 2, "total": 2}),
                ("alice", Reason.BUSY, {"total": 2}),
            ):
                realm = self.limited(on_full=policy, **options)
                self.held = [self.session(realm), self.session(realm)]
                self.assertIs(self.refusal(realm, name), reason)

    def refusal(self, realm, name):
        """The reason why a login is refused, after as long as that may take."""
        login = self.request(realm, name)
        self.clock.advance(30)
        return self.failureResultOf(login, TooManyConnections).value.reason

    def test_guests_that_find_only_users(self):
        """The total is full, so they may come back."""
        for policy in (ReplaceOldest(), PingOldest()):
            realm = ConnectionLimitedRealm(
                AnonymousRealm(CachingRealm(Aware, clock=self.clock), DisposableRealm(Aware)),
                total=1,
                on_full=policy,
            )
            self.held = self.session(realm)
            self.assertIs(self.refusal(realm, ANONYMOUS), Reason.BUSY)

    def test_queue_for_the_total(self):
        """Who would wait for the total, but finds the queue full, may come back as well."""
        realm = self.limited(limit=2, total=1, on_full=WaitForRoom(waiting=1))
        holder = self.session(realm)
        waits = self.request(realm, "bob")
        for name in ("bob", "carol"):
            why = self.failureResultOf(self.request(realm, name), TooManyConnections)
            self.assertIs(why.value.reason, Reason.BUSY)
        self.assertNoResult(waits)
        holder.end()
        self.successResultOf(waits)

    def test_policy_that_refuses_for_good(self):
        """By an error that doesn't say that there are too many."""

        @implementer(IFullPolicy)
        class Members:
            waiting = 1

            def make_room(self, newcomer, holders):
                raise LoginRefused("only members come in now")

        realm = self.limited(total=1, on_full=Members())
        self.held = self.session(realm)
        why = self.failureResultOf(self.request(realm, "bob"), LoginRefused)
        self.assertIs(why.value.reason, Reason.REFUSED)

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
