"""
Tables at which cards are played, as in PyBridge.

A table is a L{pb.Cacheable} that holds another one and a L{pb.Viewable}, by which its copies act.
Observers and players are kept by avatar.  Clients pass no mind.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.cred.checkers import ANONYMOUS, ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.spread import pb
from zope.interface import implementer

from pbrealm import AnonymousRealm, DisposableRealm
from tests.programs.cases import ProgramTestCase, Served


class DeniedRequest(pb.Error):
    """The server denies what a client asks for."""


class Message(pb.Copyable, pb.RemoteCopy):
    """What somebody has said."""

    def __init__(self, text, sender, recipients):
        self.text = text
        self.sender = sender
        self.recipients = recipients

    def getStateToCopy(self):
        return {
            "text": self.text,
            "sender": self.sender.name,
            "recipients": list(self.recipients),
        }


pb.setUnjellyableForClass(Message, Message)


class Observed(pb.Cacheable):
    """Keeps its observers by avatar, and tells them in a later round of the reactor."""

    def __init__(self, clock):
        self.clock = clock
        self.observers: dict[Any, Any] = {}

    def notify(self, event, *args, only=None, **kw):
        for avatar, observer in self.observers.items():
            if only is None or avatar.name in only:
                self.clock.callLater(0, observer.callRemote, event, *args, **kw)

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.notify("addObserver", perspective.name)
        self.observers[perspective] = observer
        return {"observers": [avatar.name for avatar in self.observers], **self.state()}

    def stoppedObserving(self, perspective, observer):
        del self.observers[perspective]
        self.notify("removeObserver", perspective.name)

    def state(self):
        return {}


class Chat(Observed):
    """What is said at a table."""

    class View(pb.Viewable):
        def __init__(self, chat):
            self.chat = chat

        def view_send(self, user, text, recipients=()):
            if not text:
                raise DeniedRequest("a message must have a text")
            message = Message(text, user, recipients)
            self.chat.notify("message", message=message, only=recipients or None)

    def state(self):
        return {"view": self.View(self)}


class Table(Observed):
    """A table, with those who play at it and those who watch."""

    class View(pb.Viewable):
        def __init__(self, table):
            self.table = table

        def view_sit(self, user, position):
            self.table.sit(user, position)

    def __init__(self, clock):
        super().__init__(clock)
        self.chat = Chat(clock)
        self.view = self.View(self)
        self.players: dict[str, Any] = {}

    def state(self):
        players = {position: user.name for position, user in self.players.items()}
        return {"chat": self.chat, "players": players, "view": self.view}

    def sit(self, user, position):
        if position in self.players:
            raise DeniedRequest(f"{self.players[position].name} sits there")
        self.players[position] = user
        self.notify("sat", player=user.name, position=position)

    def stoppedObserving(self, perspective, observer):
        for position, user in list(self.players.items()):
            if user == perspective:
                del self.players[position]
        super().stoppedObserving(perspective, observer)


class Copy(pb.RemoteCache):
    """A client's copy of something observed."""

    observers: list[str]

    def observe_addObserver(self, name):
        self.observers.append(name)

    def observe_removeObserver(self, name):
        self.observers.remove(name)


class RemoteChat(Copy):
    view: Any
    heard: list[tuple[str, str]]

    def setCopyableState(self, state):
        super().setCopyableState(state)
        self.heard = []

    def observe_message(self, message):
        self.heard.append((message.sender, message.text))


class RemoteTable(Copy):
    chat: RemoteChat
    players: dict[str, str]
    view: Any

    def observe_sat(self, player, position):
        self.players[position] = player


pb.setUnjellyableForClass(Chat, RemoteChat)
pb.setUnjellyableForClass(Table, RemoteTable)


class User(pb.Avatar):
    """One who has an account."""

    def __init__(self, name, house):
        self.name = name
        self.house = house

    def attached(self, mind):
        assert mind is None
        self.house.online[self.name] = self

    def detached(self, mind):
        self.house.ended.append(self.name)
        del self.house.online[self.name]

    def perspective_join(self):
        return self.house.table


class Visitor(pb.Avatar):
    """One who wants to have an account."""

    def __init__(self, house):
        self.house = house

    def perspective_register(self, name, password):
        if name in self.house.passwords:
            raise DeniedRequest("the name is taken")
        self.house.passwords[name] = password


@implementer(IRealm, ICredentialsChecker)
class House:
    """The program: accounts, those who are online, and a table."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, clock):
        self.passwords = {"alice": b"secret", "bob": b"secret"}
        self.online: dict[str, User] = {}
        self.ended: list[str] = []
        self.table = Table(clock)

    def requestAvatarId(self, credentials):
        if not credentials.username:
            return ANONYMOUS
        name = credentials.username.decode("utf-8")
        checked = maybeDeferred(credentials.checkPassword, self.passwords.get(name, b""))
        return checked.addCallback(self._checked, credentials.username)

    def _checked(self, matched, username):
        if not matched:
            raise UnauthorizedLogin("the password is wrong")
        return username

    def requestAvatar(self, avatarId, mind, *interfaces):
        if pb.IPerspective not in interfaces:
            raise NotImplementedError
        if avatarId == ANONYMOUS:
            return pb.IPerspective, Visitor(self), lambda: None
        name = avatarId if isinstance(avatarId, str) else avatarId.decode("utf-8")
        user = User(name, self)
        user.attached(mind)
        return pb.IPerspective, user, lambda: user.detached(mind)


class CardTableTests(ProgramTestCase):
    def setUp(self):
        clock = Clock()
        self.house = House(clock)
        self.serve(self.house, [self.house], clock)
        self.held: list[Any] = []

    def join(self, name):
        """Log in and join the table."""
        client = self.server.connect()
        self.held.append(client.login(name, "secret"))
        return client, client.call(self.held[-1], "join")

    def test_a_copy_acts_by_its_view(self):
        """The view is called with the avatar, and every copy learns of it."""
        client, table = self.join("alice")
        _, other = self.join("bob")
        self.server.flush()
        client.call(table.view, "sit", "north")
        self.server.flush()
        self.assertIs(self.house.table.players["north"], self.house.online["alice"])
        self.assertEqual([table.players, other.players], [{"north": "alice"}] * 2)
        self.assertEqual([table.observers, other.observers], [["alice", "bob"]] * 2)

    def test_errors_of_a_view_are_told_by_their_class(self):
        client, table = self.join("alice")
        _, other_table = self.join("bob")
        client.call(table.view, "sit", "north")
        denied = other_table.view.callRemote("sit", "north")
        self.assertIn("alice sits there", self.remote_error(DeniedRequest, denied))

    def test_what_a_copy_holds_is_a_copy_as_well(self):
        client, table = self.join("alice")
        _, other = self.join("bob")
        client.call(table.chat.view, "send", "hello")
        client.call(table.chat.view, "send", "good cards", ["bob"])
        self.server.flush()
        self.assertEqual(table.chat.heard, [("alice", "hello")])
        self.assertEqual(other.chat.heard, [("alice", "hello"), ("alice", "good cards")])

    def test_dropping_the_copy_leaves_the_table(self):
        client, table = self.join("alice")
        _, other = self.join("bob")
        client.call(table.view, "sit", "north")
        del table
        gc.collect()
        self.server.flush()
        self.assertEqual(other.observers, ["bob"])
        self.assertEqual([user.name for user in self.house.table.observers], ["bob"])
        self.assertEqual(self.house.table.players, {})
        self.assertEqual(self.house.ended, [])

    def test_a_lost_client_leaves_the_table_before_it_is_detached(self):
        client, table = self.join("alice")
        _, other = self.join("bob")
        client.call(table.view, "sit", "north")
        left: list[bool] = []
        detached = User.detached

        def detached_from(user, mind):
            left.append(not self.house.table.players)
            detached(user, mind)

        self.patch(User, "detached", detached_from)
        client.drop()
        self.server.flush()
        self.assertEqual((left, self.house.ended), ([True], ["alice"]))
        self.assertEqual((other.observers, other.chat.observers), (["bob"], ["bob"]))

    def test_a_visitor_without_a_name_registers_and_logs_in(self):
        client = self.server.connect()
        visitor = client.login("", "")
        client.call(visitor, "register", "carol", b"secret")
        taken = visitor.callRemote("register", "alice", b"secret")
        self.assertIn("taken", self.remote_error(DeniedRequest, taken))
        _, table = self.join("carol")
        self.assertEqual(table.observers, ["carol"])


class ProtectedCardTableTests(CardTableTests):
    served = Served.PROTECTED


class WrappedCardTableTests(CardTableTests):
    served = Served.WRAPPED

    def wrap(self, realm):
        return AnonymousRealm(super().wrap(realm), DisposableRealm(lambda _: Visitor(self.house)))
