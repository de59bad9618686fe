"""
An avatar for each login, over one state for each avatar id.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import SharedStateRealm
from tests.avatars import Player, Slow
from tests.realms.cases import AvatarMixin


class SharedStateTests(AvatarMixin, SynchronousTestCase):
    def make(self, factory, state_factory=list, **options):
        def make_avatar(name, state):
            avatar = factory(name)
            if isinstance(avatar, Player):
                avatar.state = state
            return avatar

        return SharedStateRealm(make_avatar, state_factory, **options)

    def test_one_state(self):
        """Each login gets an avatar of its own, over one state."""
        realm = self.make(Player)
        one, two, other = (self.session(realm, name).avatar for name in ("alice", "alice", "bob"))
        self.assertIsNot(one, two)
        self.assertIs(one.state, two.state)
        self.assertIs(one.state, realm.states["alice"])
        self.assertIsNot(one.state, other.state)

    def test_state_is_made_once(self):
        slow = Slow(list)
        realm = self.make(Player, slow)
        logins = [self.request(realm) for _ in range(2)]
        self.assertEqual(len(slow.calls), 1)
        slow.finish()
        one, two = (self.successResultOf(login)[1].avatar for login in logins)
        self.assertIs(one.state, two.state)

    def test_avatar_fails(self):
        """An avatar that fails to be made has no hold on the state."""
        slow = Slow(Player)
        realm = self.make(slow, linger=0)
        login = self.request(realm)
        self.assertEqual(list(realm.states), ["alice"])
        slow.fail(ZeroDivisionError())
        self.failureResultOf(login, ZeroDivisionError)
        self.assertEqual(list(realm.states), [])

    def test_linger_and_max(self):
        clock = Clock()
        realm = self.make(Player, linger=10, max_states=1, clock=clock)
        for name in "ab":
            self.session(realm, name).end()
        self.assertEqual(list(realm.states), ["b"])
        clock.advance(10)
        self.assertEqual(list(realm.states), [])
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_evict(self):
        realm = self.make(Player)
        self.session(realm)
        self.assertTrue(realm.evict("alice"))
        self.assertEqual(dict(realm.states), {})
