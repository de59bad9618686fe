"""
Rounds of a game in which the server asks all players, as in Kajongg.

The checker gives numbers as avatar ids, and makes accounts for names that say so.  The server
waits for the answers of all minds, and a client hears of the end of its connection.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.internet.task import Clock
from twisted.spread import pb
from zope.interface import implementer

from tests.programs.cases import ProgramTestCase, Served

MARK = "&&SERVER&&"


class WrongName(pb.Error, UnauthorizedLogin):
    """There is no account of this name; the client may offer to make one."""


class User(pb.Avatar):
    def __init__(self, name, game, mind):
        self.name = name
        self.game = game
        self.mind = mind

    def logout(self):
        self.game.users.remove(self)
        self.mind = None

    def perspective_version(self, version):
        if version != 5:
            return fail(pb.Error(f"{MARK}the version must be %1{MARK}{5}{MARK}"))
        return None

    def perspective_play(self, move):
        return self.game.ask_all(self.name, move)


@implementer(IRealm, ICredentialsChecker)
class Game:
    """
    The program.

    @ivar make_id: makes the avatar id of an account, of its number.
    """

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, make_id):
        self.make_id = make_id
        self.accounts = [("alice", b"secret"), ("bob", b"secret"), ("carol", b"secret")]
        self.users: list[User] = []

    def requestAvatarId(self, credentials):
        # The credentials keep the name that is decoded.
        credentials.username = credentials.username.decode("utf-8")
        command = credentials.username.split(MARK)
        if len(command) == 3 and command[0] == "adduser":
            credentials.username = command[1]
            self.accounts.append((command[1], command[2].encode()))
        for number, (name, password) in enumerate(self.accounts):
            if name == credentials.username and credentials.checkPassword(password):
                return self.make_id(number)
        raise WrongName(f"{MARK}Wrong username: %1{MARK}{credentials.username}{MARK}")

    def requestAvatar(self, avatarId, mind, *interfaces):
        name, _ = self.accounts[int(avatarId)]
        user = User(name, self, mind)
        self.users.append(user)
        return pb.IPerspective, user, user.logout

    def ask_all(self, name, move):
        asked = [user.mind.callRemote("move", name, move) for user in self.users]
        return DeferredList(asked, consumeErrors=True).addCallback(self._answered)

    def _answered(self, results):
        return [answer if success else answer.type.__name__ for success, answer in results]


class Client(pb.Referenceable):
    """
    A mind.

    @ivar answers: what the next moves are answered with.
    """

    def __init__(self):
        self.answers: list[Any] = []

    def remote_move(self, name, move):
        return self.answers.pop(0)


class GameRoundTests(ProgramTestCase):
    make_id: Any = int

    def setUp(self):
        self.game = Game(self.make_id)
        self.serve(self.game, [self.game], Clock())
        self.held: list[Any] = []

    def log_in(self, name):
        client, mind = self.server.connect(), Client()
        self.held.append(client.login(name, "secret", mind))
        return client, mind, self.held[-1]

    def test_server_waits_for_the_answers_of_all(self):
        alice, alice_mind, perspective = self.log_in("alice")
        _, bob_mind, _ = self.log_in("bob")
        later: Deferred[str] = Deferred()
        alice_mind.answers.append("pung")
        bob_mind.answers.append(later)
        played = perspective.callRemote("play", "east")
        self.server.flush()
        self.assertNoResult(played)
        later.callback("kong")
        self.assertEqual(alice.wait(played), ["pung", "kong"])

    def test_player_that_leaves_answers_by_its_absence(self):
        alice, alice_mind, perspective = self.log_in("alice")
        bob, bob_mind, _ = self.log_in("bob")
        alice_mind.answers.append("pung")
        bob_mind.answers.append(Deferred())
        played = perspective.callRemote("play", "east")
        self.server.flush()
        bob.drop()
        self.assertEqual(alice.wait(played), ["pung", "PBConnectionLost"])
        self.assertEqual([user.name for user in self.game.users], ["alice"])

    def test_text_of_an_error_arrives_unchanged(self):
        alice, _, perspective = self.log_in("alice")
        old = perspective.callRemote("version", 4)
        text = f"{MARK}the version must be %1{MARK}5{MARK}"
        self.assertEqual(self.remote_error(pb.Error, old), text)
        alice.call(perspective, "version", 5)

    def test_client_makes_an_account_for_a_wrong_name(self):
        login = self.server.connect().start_login("dora", "secret", Client())
        why = self.remote_error(UnauthorizedLogin, login)
        self.assertEqual(why, f"{MARK}Wrong username: %1{MARK}dora{MARK}")
        self.log_in(f"adduser{MARK}dora{MARK}secret")
        self.assertEqual([user.name for user in self.game.users], ["dora"])

    def test_client_hears_of_the_end_of_its_connection(self):
        _, _, perspective = self.log_in("alice")
        heard: list[Any] = []
        perspective.notifyOnDisconnect(heard.append)
        self.game.users[0].mind.broker.transport.loseConnection()
        self.server.flush()
        self.assertEqual((heard, self.game.users), ([perspective], []))


class ProtectedGameRoundTests(GameRoundTests):
    served = Served.PROTECTED


class WrappedGameRoundTests(GameRoundTests):
    """The realms of pbrealm take no avatar ids but strings."""

    served = Served.WRAPPED
    make_id = str
