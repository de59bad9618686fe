"""
A client's session, for the tests of this folder.
"""

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, MindTrackingRealm
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
