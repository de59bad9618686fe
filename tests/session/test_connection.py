"""
What sessions know of their connection under Twisted's own factory.
"""

from twisted.internet.address import UNIXAddress
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import DisposableRealm, MindTrackingRealm, Reason
from pbrealm._addresses import format_address
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player


class PlainFactoryTests(SynchronousTestCase):
    """
    Under Twisted's own factory, where a mind is all there is to see a connection by.
    """

    def setUp(self):
        self.realm = MindTrackingRealm(DisposableRealm(Player))
        portal = make_portal(self.realm, {"alice": "secret"})
        self.server = MemoryServer(self.realm, factory=pb.PBServerFactory(portal))
        self.client = self.server.connect()

    def test_with_a_mind(self):
        self.held = self.client.login("alice", "secret", RecordingMind())
        (session,) = self.realm.sessions()
        self.assertEqual(format_address(session.peer), "127.0.0.1:50000")
        self.client.drop()
        self.assertIs(session.ended, Reason.DISCONNECTED)

    def test_unix_addresses(self):
        """They are as in endpoint strings, escaped, and clients have none."""
        for name, text in (
            (b"a.sock", "unix:a.sock"),
            (b"\0a\xff", "unix:\\x00a\\udcff"),
            (None, "unix socket"),
        ):
            self.assertEqual(format_address(UNIXAddress(name)), text)

    def test_without_a_mind(self):
        """The session can still be revoked, but its connection is out of its reach."""
        self.held = self.client.login("alice", "secret")
        (session,) = self.realm.sessions()
        self.assertIsNone(session.peer)
        session.end()
        with self.assertRaises(pb.RemoteError):
            self.client.call(self.held, "greet")
        self.assertTrue(self.client.connected)

    def test_logout_without_a_mind(self):
        self.held = self.client.login("alice", "secret")
        (session,) = self.realm.sessions()
        self.client.drop()
        self.assertIs(session.ended, Reason.LOGGED_OUT)
