"""
Players of board games, as in Slugathon.

The realm makes an avatar for each login, which calls its mind before the login is answered, and
pings it from then on.  What happens is told by actions: copies, which both sides send.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.error import LoginDenied
from twisted.cred.portal import IRealm
from twisted.internet.defer import fail
from twisted.internet.task import Clock, LoopingCall
from twisted.spread import pb
from zope.interface import implementer

from tests.programs.cases import ProgramTestCase, Served

PING_SECONDS = 30


class Action(pb.Copyable, pb.RemoteCopy):
    """Something that has happened."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class AddUsername(Action):
    name: str


class DelUsername(Action):
    name: str


class SplitLegion(Action):
    creatures: Any


for action_class in (Action, AddUsername, DelUsername, SplitLegion):
    pb.setUnjellyableForClass(action_class, action_class)


class User(pb.Avatar):
    """One login."""

    def __init__(self, name, games, mind):
        self.name = name
        self.games = games
        self.mind = mind
        games.add(self)
        mind.callRemote("set_name", name).addErrback(self._lost)
        self.pinging = LoopingCall(mind.callRemote, "ping")
        self.pinging.clock = games.clock
        self.pinging.start(PING_SECONDS).addErrback(self._lost)

    def update(self, action):
        self.mind.callRemote("update", action, None).addErrback(self._lost)

    def _lost(self, why):
        why.trap(pb.PBConnectionLost, pb.DeadReferenceError)
        self.logout()

    def logout(self):
        if self.pinging.running:
            self.pinging.stop()
        self.games.remove(self)

    def perspective_names(self):
        return self.games.names

    def perspective_apply(self, action):
        self.games.applied.append(action)
        self.games.notify(action)


@implementer(IRealm)
class Games(InMemoryUsernamePasswordDatabaseDontUse):
    """The program: those who are logged in, once each, and what they did."""

    def __init__(self, clock):
        super().__init__()
        for name in (b"alice", b"bob"):
            self.addUser(name, b"secret")
        self.clock = clock
        self.names: set[str] = set()
        self.present: list[User] = []
        self.applied: list[Any] = []

    def requestAvatarId(self, credentials):
        if credentials.username.decode() in self.names:
            return fail(LoginDenied())
        return super().requestAvatarId(credentials)

    def requestAvatar(self, avatarId, mind, *interfaces):
        assert pb.IPerspective in interfaces
        name = avatarId if isinstance(avatarId, str) else avatarId.decode()
        user = User(name, self, mind)
        return pb.IPerspective, user, user.logout

    def add(self, user):
        self.present.append(user)
        self.names.add(user.name)
        self.notify(AddUsername(name=user.name))

    def remove(self, user):
        if user in self.present:
            self.present.remove(user)
            self.names.remove(user.name)
            self.notify(DelUsername(name=user.name))

    def notify(self, action):
        for user in list(self.present):
            user.update(action)


class Player(pb.Referenceable):
    """A client's mind."""

    def __init__(self):
        self.name = ""
        self.pings = 0
        self.updates: list[Any] = []

    def remote_set_name(self, name):
        self.name = name

    def remote_ping(self):
        self.pings += 1
        return True

    def remote_update(self, action, names):
        assert names is None
        self.updates.append(action)


class BoardGameTests(ProgramTestCase):
    def setUp(self):
        self.clock = Clock()
        self.games = Games(self.clock)
        self.serve(self.games, [self.games], self.clock)
        self.held: list[Any] = []

    def log_in(self, name):
        client, player = self.server.connect(), Player()
        perspective = client.login(name, "secret", player)
        self.held.append(perspective)
        return client, player, perspective

    def heard(self, player, action_class):
        return [each.name for each in player.updates if isinstance(each, action_class)]

    def test_avatar_calls_its_mind_before_the_login_is_answered(self):
        _, player, _ = self.log_in("alice")
        self.assertEqual((player.name, player.pings), ("alice", 1))
        self.assertEqual(self.heard(player, AddUsername), ["alice"])

    def test_players_hear_of_each_other(self):
        client, player, perspective = self.log_in("alice")
        other, _, _ = self.log_in("bob")
        self.assertEqual(self.heard(player, AddUsername), ["alice", "bob"])
        self.assertEqual(client.call(perspective, "names"), {"alice", "bob"})
        other.leave()
        self.assertEqual(self.heard(player, DelUsername), ["bob"])
        self.assertEqual(client.call(perspective, "names"), {"alice"})

    def test_lost_player_is_logged_out_by_whatever_notices_first(self):
        _, player, _ = self.log_in("alice")
        other, _, _ = self.log_in("bob")
        (lost,) = [user for user in self.games.present if user.name == "bob"]
        other.drop()
        self.server.advance(PING_SECONDS)
        self.assertEqual(self.heard(player, DelUsername), ["bob"])
        self.assertFalse(lost.pinging.running)
        self.log_in("bob")
        self.assertEqual(self.heard(player, AddUsername), ["alice", "bob", "bob"])

    def test_pings_of_the_program_go_on(self):
        _, player, _ = self.log_in("alice")
        for _ in range(3):
            self.server.advance(PING_SECONDS)
        self.assertEqual(player.pings, 4)

    def test_actions_go_both_ways(self):
        client, player, perspective = self.log_in("alice")
        creatures = [("Ogre", 2), ("Troll", None)]
        client.call(perspective, "apply", SplitLegion(creatures=creatures))
        self.server.flush()
        (applied,) = self.games.applied
        for action in (applied, player.updates[-1]):
            self.assertIs(type(action), SplitLegion)
            self.assertEqual(action.creatures, creatures)

    def test_checker_denies_a_second_login(self):
        self.log_in("alice")
        self.server.flush()
        denied = self.server.connect().start_login("alice", "secret", Player())
        self.server.flush()
        self.assertTrue(self.failureResultOf(denied).check(LoginDenied))
        # Plain Perspective Broker logs each refusal with a traceback.
        logged = self.flushLoggedErrors(LoginDenied)
        self.assertEqual(len(logged), self.served is Served.PLAIN)


class ProtectedBoardGameTests(BoardGameTests):
    served = Served.PROTECTED


class WrappedBoardGameTests(BoardGameTests):
    served = Served.WRAPPED
