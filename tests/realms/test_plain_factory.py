"""
Each of the realms under Twisted's own server factory.
"""

from typing import Any

from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    JournalRealm,
    MindTrackingRealm,
    Reason,
    SharedStateRealm,
    reason_of,
)
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Aware


class PlainFactoryTests(SynchronousTestCase):
    """
    A login, a call, a kick and a lost connection do what they do under pbrealm's own.
    """

    def setUp(self):
        self.avatars: list[Aware] = []

    def avatar(self, name, *state):
        self.avatars.append(Aware(name))
        return self.avatars[-1]

    def check(self, realm: Any, name: str = "alice") -> None:
        portal = make_portal(realm, {name: "secret"})
        server = MemoryServer(realm, factory=pb.PBServerFactory(portal))
        for end in (Reason.KICKED, Reason.DISCONNECTED):
            mind, client = RecordingMind(), server.connect()
            reference = client.login(name, "secret", mind)
            self.assertIn("hello", client.call(reference, "greet"))
            avatar = self.avatars[-1]
            (session,) = avatar.clients
            if end is Reason.KICKED:
                session.end(end)
                with self.assertRaises(pb.RemoteError) as caught:
                    client.call(reference, "greet")
                self.assertIs(reason_of(caught.exception), end)
                server.flush()
                self.assertEqual(mind.goodbyes(), [(5, "kicked", False)])
                self.assertFalse(client.connected)
            else:
                client.drop()
            self.assertEqual(
                avatar.history[-2:], [("attached", session), ("detached", session, end)]
            )
            self.assertEqual(avatar.clients, [])

    def test_realms_that_find_avatars(self):
        self.check(CachingRealm(self.avatar))
        self.check(DisposableRealm(self.avatar))
        self.check(SharedStateRealm(self.avatar, list))

    def test_realms_that_wrap(self):
        for wrap in (ConnectionLimitedRealm, MindTrackingRealm, JournalRealm):
            self.check(wrap(CachingRealm(self.avatar)))
        guests = DisposableRealm(self.avatar)
        self.check(AnonymousRealm(CachingRealm(self.avatar), guests))
        self.check(AnonymousRealm(CachingRealm(self.avatar), guests, names=["guest"]), "guest")
