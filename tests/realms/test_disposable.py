"""
An avatar for each login.
"""

from twisted.trial.unittest import SynchronousTestCase

from pbrealm import DisposableRealm
from tests.avatars import Aware, Player, Slow
from tests.realms.cases import AvatarMixin


class DisposableTests(AvatarMixin, SynchronousTestCase):
    def make(self, factory):
        return DisposableRealm(factory)

    def test_one_avatar_for_each_login(self):
        realm = self.make(Player)
        self.assertIsNot(self.session(realm).avatar, self.session(realm).avatar)

    def test_fails_too_late(self):
        """The failure of a factory after its client has gone is logged."""
        slow = Slow()
        login = self.request(self.make(slow))
        login.cancel()
        self.failureResultOf(login)
        slow.fail(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_too_late(self):
        """An avatar that is made when the session is over isn't attached to."""
        slow = Slow()
        avatar = Aware("alice")
        slow.make = lambda name: avatar
        realm = self.make(slow)
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.finish()
        self.assertEqual(avatar.history, [])
