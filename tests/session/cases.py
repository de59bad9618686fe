"""
Servers and sessions for the tests of this folder.
"""

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, ConnectionLimitedRealm, MindTrackingRealm
from pbrealm.testing import MemoryServer
from tests.avatars import Aware


class SessionTestCase(SynchronousTestCase):
    """
    alice's session, on an avatar that the test chooses.
    """

    avatar_factory: Callable[[str], Any] = Aware

    def setUp(self):
        self.caching = CachingRealm(self.avatar_factory)
        self.realm = MindTrackingRealm(self.caching)
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect()

    def log_in(self, mind=None):
        self.reference = self.client.login("alice", "secret", mind)
        (session,) = self.realm.sessions()
        return session


class AvatarTestCase(SynchronousTestCase):
    """
    A server on which each user may log in once.
    """

    def serve(self, avatar_factory):
        self.caching = CachingRealm(avatar_factory)
        self.limited = ConnectionLimitedRealm(self.caching)
        self.realm = MindTrackingRealm(self.limited)
        self.server = MemoryServer(self.realm)

    def log_in(self, mind=None, factory=None):
        client: Any = self.server.connect(factory)
        client.held = client.login("alice", "secret", mind)
        return client

    def assert_can_log_in_again(self):
        """Nothing is left of the session before: alice isn't locked out."""
        client = self.log_in()
        self.assertEqual(len(self.realm.sessions()), 1)
        self.assertEqual(len(self.limited._slots), 1)
        client.leave()
        self.assertEqual(self.realm.sessions(), ())
        self.assertEqual(len(self.limited._slots), 0)
