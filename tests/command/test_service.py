"""
From options to the service.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import ServerService
from pbrealm._command.demo import DemoAvatar
from pbrealm._command.realm import make_realm
from pbrealm._command.realm_options import RealmOptions
from pbrealm._command.service import makeService
from tests.command.test_options import parse


class MakeServiceTests(SynchronousTestCase):
    def test_service(self):
        self.assertIsInstance(makeService(parse("--demo")), ServerService)

    def test_compose(self):
        """What can't be composed is said, though the options let nothing of it through."""
        self.assertRaises(ValueError, make_realm, RealmOptions())
        self.assertRaises(ValueError, make_realm, RealmOptions(avatar=DemoAvatar, kind="shared"))
