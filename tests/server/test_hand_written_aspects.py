"""
Hand-written realms that give aspects of their own.
"""

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import inlineCallbacks
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    MindTrackingRealm,
)
from pbrealm.testing import MemoryServer, RecordingMind
from tests.avatars import Aware
from tests.server.hand_written_cases import (
    Board,
    ByCallback,
    Gate,
    HandWrittenRealmTestCase,
    IBoard,
    PassingOn,
)


class Auditing(pb.Avatar):
    """A perspective of a program's own, which passes calls on to a session."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.calls: list[Any] = []

    def perspectiveMessageReceived(self, broker: Any, message: Any, args: Any, kw: Any) -> Any:
        self.calls.append(message)
        return self.session.perspectiveMessageReceived(broker, message, args, kw)


class WithOwnPerspective(ByCallback):
    def with_own_logout(self, login: Any) -> Any:
        interface, session, log_out = super().with_own_logout(login)
        return interface, Auditing(session), log_out


class OwnPerspectiveTests(HandWrittenRealmTestCase):
    def test_revoked(self) -> None:
        """What a session hands out through a perspective around it ends with the session."""
        self.serve(WithOwnPerspective)
        bob = self.enter(b"bob", b"perspective")
        alice = self.enter(b"alice", b"perspective")
        self.assertEqual(self.client.call(bob, "add"), 1)
        counter = self.client.call(alice, "counter")
        self.kick(self.realm)
        self.assert_refused(alice, "counter")
        self.assert_refused(counter, "add")
        self.assertEqual(self.client.call(bob, "add"), 2)


@implementer(IRealm)
class AskingForAspects(PassingOn):
    """
    Asks for an aspect that several users share, and waits again with it.

    @ivar passes_on: whether a mind is passed on.
    """

    passes_on = True

    @inlineCallbacks
    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        passed = mind if self.passes_on else None
        login = self.with_own_logout((yield self.realm.requestAvatar(avatarId, passed, IBoard)))
        yield self.gate.wait()
        return login


class SharedAspectTests(SynchronousTestCase):
    """
    Two users log in at the same time, and get the same aspect.
    """

    def serve(self, *, passes_on: bool) -> None:
        board = Board()

        class Member(Aware):
            def __conform__(self, interface: Any) -> Any:
                return board if interface is IBoard else None

        self.gate = Gate()
        self.tracking = MindTrackingRealm(CachingRealm(Member))
        realm = AskingForAspects(self.tracking, self.gate)
        realm.passes_on = passes_on
        self.server = MemoryServer(realm)

    def logins(self, *minds: Any) -> list[Any]:
        """Log in alice and bob, of whom the one who was first is done first."""
        started = [
            self.server.connect().start_login(name, "secret", mind)
            for name, mind in zip(("bob", "alice"), minds, strict=True)
        ]
        self.server.flush()
        while self.gate.waiting:
            self.gate.waiting.pop(0).callback(None)
            self.server.flush()
        return started

    def test_minds(self) -> None:
        """Each is served as who it is."""
        self.serve(passes_on=True)
        bob, alice = self.logins(None, RecordingMind())
        held = self.successResultOf(bob), self.successResultOf(alice)
        (session,) = self.tracking.sessions("bob")
        self.assertIsNone(session.mind)
        session.end()
        self.server.flush()
        self.assertEqual([client.connected for client in self.server.clients], [False, True])
        del held

    def test_without_minds(self) -> None:
        """Whose session is whose can't be told, so the first is refused."""
        self.serve(passes_on=False)
        bob, alice = self.logins(None, None)
        self.failureResultOf(bob)
        self.successResultOf(alice)
        self.assertEqual([each.avatar_id for each in self.tracking.sessions()], ["alice"])
