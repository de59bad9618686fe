"""
From options to the service.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import CachingRealm, ServerService
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.realm import make_realm
from pbrealm._command.realm_options import RealmOptions
from pbrealm._command.service import makeService
from pbrealm.testing import MemoryServer, RecordingMind
from tests.command.test_options import parse


class MakeServiceTests(SynchronousTestCase):
    def test_service(self):
        service = makeService(parse("--demo"))
        self.assertIsInstance(service, ServerService)

    def test_goodbye(self):
        """The factory calls the method of the minds that the options name."""
        service: Any = makeService(parse("--demo", "--goodbye", "farewell"))
        server = MemoryServer(CachingRealm(DemoAvatar), clock=Clock(), factory=service.factory)
        mind = RecordingMind()
        held = server.connect().login("alice", "secret", mind)
        self.assertEqual(held.broker.disconnected, 0)
        service.factory.close()
        server.flush()
        self.assertIn(("farewell", (8, "shutting down", True)), mind.calls)

    def test_compose(self):
        """What can't be composed is said, though the options let nothing of it through."""
        self.assertRaises(ValueError, make_realm, RealmOptions())
        self.assertRaises(ValueError, make_realm, RealmOptions(avatar=DemoAvatar, kind="shared"))
