"""
A client's session, for the tests of this folder.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, MindTrackingRealm
from pbrealm.testing import MemoryServer
from tests.avatars import Aware


class SessionTestCase(SynchronousTestCase):
    """
    alice's session, on an avatar that the test chooses.
    """

    avatar_factory = Aware

    def setUp(self):
        self.realm = MindTrackingRealm(CachingRealm(self.avatar_factory))
        self.server = MemoryServer(self.realm)
        self.client = self.server.connect()

    def log_in(self, mind=None):
        self.reference = self.client.login("alice", "secret", mind)
        (session,) = self.realm.sessions()
        return session
