"""
An avatar for each login.
"""

from pbrealm import DisposableRealm
from tests.avatars import Aware, Player, Slow
from tests.realms.cases import AvatarMixin, RealmTestCase


class DisposableTests(AvatarMixin, RealmTestCase):
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
        made = []
        slow.make = lambda name: made.append(Aware(name)) or made[-1]
        realm = self.make(slow)
        login = self.request(realm)
        login.cancel()
        self.failureResultOf(login)
        slow.finish()
        self.assertEqual(made[0].history, [])
