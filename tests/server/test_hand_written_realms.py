"""
Hand-written realms around those of pbrealm: their sessions end as all others.
"""

from typing import Any

from pbrealm import (
    Reason,
    reason_of,
)
from pbrealm.testing import RecordingMind
from tests.server.hand_written_cases import (
    INTERFACES,
    REALMS,
    ByCallback,
    ByCallbackWithoutMind,
    ByCoroutine,
    HandWrittenRealmTestCase,
    PassingOn,
    WithoutMind,
)


class RevocationTests(HandWrittenRealmTestCase):
    """
    alice's session is kicked, and bob's keeps the connection open.
    """

    def check(self, interface: bytes, mind: bool, kicked: int = 0) -> None:
        bob = self.enter(b"bob", b"perspective")
        alice = self.enter(b"alice", interface, RecordingMind() if mind else None)
        counter = self.client.call(alice, "counter")
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick(self.realms[kicked])
        self.assert_refused(counter, "add")
        self.assert_refused(alice, "counter")
        self.assertEqual([each.sessions("alice") for each in self.realms], [()] * len(self.realms))
        history = [entry[0] for entry in self.caching.avatars["alice"].history]
        self.assertEqual(history[-2:], ["attached", "detached"])
        self.assertEqual(history.count("attached"), history.count("detached"))
        self.client.call(bob, "add")

    def test_outermost(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                for mind in (False, True):
                    self.serve(realm)
                    self.check(interface, mind)

    def test_between(self) -> None:
        """Whichever of the two sessions is kicked, both end."""
        for realm in REALMS:
            for interface in INTERFACES:
                for mind in (False, True):
                    for kicked in (0, 1):
                        self.serve(realm, outer=True)
                        self.check(interface, mind, kicked)

    def test_two(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                for kicked in (0, 1):
                    self.serve(realm, WithoutMind)
                    self.check(interface, True, kicked)

    def test_live_copy(self) -> None:
        for realm in REALMS:
            self.serve(realm)
            self.bob = self.enter(b"bob", b"perspective")
            copy = self.client.call(self.enter(b"alice", b"perspective"), "settings")
            self.kick(self.realm)
            self.caching.avatars["alice"].settings["volume"] = 2
            self.server.flush()
            self.assertEqual(dict(copy), {"volume": 1})

    def test_others_keep_theirs(self) -> None:
        """The other client of the same avatar, with the same aspect, isn't concerned."""
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                other = self.connect()
                self.bob = self.enter(b"bob", b"perspective")
                first = self.enter(b"alice", interface)
                second = self.enter(b"alice", interface, client=other)
                self.kick(self.realm)
                self.assert_refused(first, "add")
                counter = other.call(second, "counter")
                self.assertEqual(other.call(counter, "add"), 1)
                self.kick(self.realm)
                self.assertFalse(other.connected)

    def test_kicked_before_the_answer(self) -> None:
        """A session that was ended while the hand-written realm took its time gives nothing."""
        for realm in (ByCoroutine, ByCallback, ByCallbackWithoutMind):
            for interface in INTERFACES:
                for outer in (False, True):
                    self.serve(realm, outer=outer)
                    self.bob = self.enter(b"bob", b"perspective")
                    login = self.start(b"alice", interface)
                    self.gate.open()
                    self.kick(self.realm)
                    self.gate.open()
                    self.server.flush()
                    self.assertIs(reason_of(self.failureResultOf(login)), Reason.KICKED)
                    self.assertEqual(len(self.client.server_broker.localObjects), 2)


class ConnectionTests(HandWrittenRealmTestCase):
    """
    The connection of a session is known, also where its client has passed no mind.
    """

    def test_closed_with_the_last_session(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                self.held = self.enter(b"alice", interface)
                (session,) = self.realm.sessions()
                self.assertEqual(session.peer, self.client.server_broker.client.peer)
                self.kick(self.realm)
                self.assertFalse(self.client.connected)

    def test_lost(self) -> None:
        for realm in REALMS:
            for interface in INTERFACES:
                self.serve(realm)
                self.held = self.enter(b"alice", interface)
                (session,) = self.realm.sessions()
                self.client.drop()
                self.assertIs(session.ended, Reason.DISCONNECTED)

    def test_logout(self) -> None:
        """The client logs out of its own session, and the hand-written realm hears of it once."""
        for interface in INTERFACES:
            self.serve(ByCallback)
            other = self.connect()
            self.held = self.enter(b"alice", interface)
            also_held = self.enter(b"alice", interface, client=other)
            session = self.realm.sessions()[1]
            del also_held
            self.server.flush()
            self.assertIs(session.ended, Reason.LOGGED_OUT)
            self.assertEqual(len(self.realm.sessions()), 1)
            self.assertEqual(len(self.hand_written.logouts), 1)
            other.drop()
            self.assertEqual(len(self.hand_written.logouts), 1)


class Renaming(PassingOn):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return self.realm.requestAvatar(f"the owner {avatarId}", mind, *interfaces)


class RenamingLater(ByCallback):
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        return super().requestAvatar(f"the owner {avatarId}", mind, *interfaces)


class RenamingTests(HandWrittenRealmTestCase):
    def test_left_by_a_session_that_logged_out(self) -> None:
        """A kick also revokes that if the inner realm has other avatar ids than the outer one."""
        self.serve(Renaming, outer=True)
        self.bob = self.enter(b"bob", b"perspective")
        first = self.enter(b"alice", b"perspective")
        self.second = self.enter(b"alice", b"perspective")
        counter = self.client.call(first, "counter")
        del first
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        self.kick(self.realms[1])
        self.assert_refused(counter, "add")

    def test_kicked_before_the_inner_realm_is_asked(self) -> None:
        self.serve(RenamingLater, outer=True)
        self.bob = self.enter(b"bob", b"perspective")
        first = self.enter(b"alice", b"perspective")
        counter = self.client.call(first, "counter")
        del first
        self.server.flush()
        self.assertEqual(self.client.call(counter, "add"), 1)
        login = self.start(b"alice", b"perspective")
        self.client.server_broker.client.sessions[-1].end()
        self.server.flush()
        self.assertIs(reason_of(self.failureResultOf(login)), Reason.KICKED)
        self.assert_refused(counter, "add")
