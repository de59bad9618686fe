"""
Guests, who log in without a name.
"""

from twisted.cred.checkers import ANONYMOUS

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    LoginRefused,
    MindTrackingRealm,
)
from tests.avatars import Aware, Player
from tests.realms.cases import RealmTestCase, WrappingMixin


class AnonymousTests(WrappingMixin, RealmTestCase):
    def wrap(self, realm):
        return AnonymousRealm(realm, DisposableRealm(Aware), names=["demo"])

    def test_guests(self):
        realm = self.wrap(CachingRealm(Player))
        guests = [self.session(realm, name) for name in (ANONYMOUS, b"demo", ANONYMOUS)]
        self.assertEqual([g.avatar_id for g in guests], ["guest#1", "guest#2", "guest#3"])
        self.assertEqual([g.avatar.name for g in guests], ["guest#1", "guest#2", "guest#3"])
        self.assertEqual(type(self.session(realm).avatar), Player)

    def test_reserved_names(self):
        """An account can't pass for a guest."""
        realm = self.wrap(CachingRealm(Player))
        failure = self.failureResultOf(self.request(realm, "guest#1"), LoginRefused)
        self.assertEqual(str(failure.value), "the name guest#1 is reserved for guests (reason 4)")
        self.session(realm, "guest")

    def test_wrapped(self):
        """Realms around it see a guest under its own name, so that limits are for each."""
        realm = MindTrackingRealm(ConnectionLimitedRealm(self.wrap(CachingRealm(Player))))
        guests = [self.session(realm, ANONYMOUS) for _ in range(2)]
        self.assertEqual(realm.sessions("guest#2"), (guests[1],))

    def test_names_is_no_string(self):
        with self.assertRaises(TypeError):
            AnonymousRealm(CachingRealm(Player), DisposableRealm(Player), names="demo")
