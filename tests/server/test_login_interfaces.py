"""
Logins that ask for an interface of the avatar.
"""

from typing import Any

from twisted.cred.portal import IRealm
from twisted.spread import pb
from zope.interface import Interface, implementer

from pbrealm import CachingRealm, Login, MindTrackingRealm, Reason, current_session, reason_of
from tests.avatars import Player
from tests.logs import log_entries
from tests.server.login_method_cases import Asking, LoginMethodTestCase, Token


class IBoard(Interface):
    """Another side of a player."""


@implementer(IBoard)
class Board(pb.Referenceable):
    def __init__(self, player: Any) -> None:
        self.player = player

    def remote_read(self) -> str:
        return f"notices for {self.player.name}"

    def remote_who(self) -> Any:
        session = current_session()
        return session and session.id

    def remote_page(self) -> Any:
        return Board(self.player)


class Reader(Player):
    def __conform__(self, interface: Any) -> Any:
        return Board(self) if interface is IBoard else None


class IWorker(Interface):
    """A perspective of another kind."""


@implementer(IWorker)
class Worker(Player):
    pass


@implementer(IBoard)
class Snapshot(pb.Copyable, pb.RemoteCopy):
    """What a client gets a copy of."""

    def processUniqueID(self) -> int:
        return 1


class Later(pb.Referenceable):
    """Something at the address that a copied object had before."""

    def processUniqueID(self) -> int:
        return 1


class Copied(Player):
    def __conform__(self, interface: Any) -> Any:
        return Snapshot() if interface is IBoard else None

    def perspective_later(self) -> Any:
        return Later()


pb.setUnjellyableForClass(Snapshot, Snapshot)


class Bare:
    """Neither a perspective, nor anything that can be sent."""


class InterfaceTests(LoginMethodTestCase):
    interface: Any = IBoard
    avatar: Any = Player

    def ask(self, token: bytes) -> Login:
        return Login(Token(token), interfaces=(self.interface,))

    def serve_interface(self, interface: Any, avatar: Any) -> Any:
        self.interface = interface
        return self.serve(Asking(self.ask), realm=MindTrackingRealm(CachingRealm(avatar)))

    def check(self, interface: Any, avatar: Any, method: str, answer: str) -> None:
        """The aspect can be called until the session ends, as the session itself could."""
        client = self.serve_interface(interface, avatar)
        held = client.call(client.root, "ask", b"t0ken")
        self.assertEqual(client.call(held, method), answer)
        again = self.connect()
        other = again.call(again.root, "ask", b"t0ken")
        first, second = self.realm.sessions()
        # Nothing of its client is to be closed, so that the client can go on calling.
        same = client.call(client.root, "ask", b"t0ken")
        first.end(Reason.KICKED)
        self.server.flush()
        self.assertIn("the session has ended", self.refused(client, held, method))
        self.assertIn(avatar("alice").name, again.call(other, method))
        self.assertIn("alice", client.call(same, method))
        del same, other
        self.server.flush()
        self.assertEqual(self.realm.sessions(), ())
        self.assertIs(second.ended, Reason.LOGGED_OUT)

    def test_referenceable(self) -> None:
        self.check(IBoard, Reader, "read", "notices for alice")

    def test_perspective(self) -> None:
        self.check(IWorker, Worker, "greet", "<1>hello alice")

    def test_who_is_calling(self) -> None:
        """Within a call of an aspect, its session is the current one, and hands out what's new."""
        client = self.serve_interface(IBoard, Reader)
        held = client.call(client.root, "ask", b"t0ken")
        self.other = client.call(client.root, "ask", b"t0ken")
        session = self.realm.sessions()[0]
        self.assertEqual(client.call(held, "who"), session.id)
        page = client.call(held, "page")
        self.assertEqual(client.call(page, "read"), "notices for alice")
        session.end(Reason.KICKED)
        self.server.flush()
        self.assertIn("the session has ended", self.refused(client, page, "read"))

    def test_arguments_that_do_not_fit(self) -> None:
        """They are not logged, as those of a session's calls aren't."""
        client = self.serve_interface(IBoard, Reader)
        held = client.call(client.root, "ask", b"t0ken")
        entries = log_entries(self)
        self.assertIn("takes 1 positional", self.refused(client, held, "read", "x" * 100))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertNotIn("xxx", "".join(entries))

    def test_sessions_that_the_server_ends_as_logged_out(self) -> None:
        client = self.serve_interface(IBoard, Reader)
        held = client.call(client.root, "ask", b"t0ken")
        self.other = client.call(client.root, "ask", b"t0ken")
        self.realm.sessions()[0].end(Reason.LOGGED_OUT)
        self.server.flush()
        self.assertIn("the session has ended", self.refused(client, held, "read"))

    def test_copy(self) -> None:
        """The session of a client that gets a copy ends with its connection, not before."""
        client = self.serve_interface(IBoard, Copied)
        client.call(client.root, "ask", b"t0ken")
        self.interface = pb.IPerspective
        held = client.call(client.root, "ask", b"t0ken")
        copied, perspective = self.realm.sessions()
        later = client.call(held, "later")
        del later
        self.server.flush()
        self.assertEqual((copied.ended, perspective.ended), (None, None))
        client.drop()
        self.assertIs(copied.ended, Reason.DISCONNECTED)

    def test_what_a_copy_holds(self) -> None:
        """A reference in a copy ends with the session, also if the connection stays."""
        page = Board(Player("alice"))
        self.patch(Snapshot, "getStateToCopy", lambda _: {"page": page})
        client = self.serve_interface(IBoard, Copied)
        copy = client.call(client.root, "ask", b"t0ken")
        (copied,) = self.realm.sessions()
        self.interface = pb.IPerspective
        held = client.call(client.root, "ask", b"t0ken")
        self.assertEqual(client.call(copy.page, "read"), "notices for alice")
        copied.end()
        self.server.flush()
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(copy.page, "read")
        self.assertIs(reason_of(caught.exception), Reason.KICKED)
        del held

    def refuse_copy(self, state: Any) -> str:
        """
        Fail to get a copy.  The client is told that the login failed, so there is no session.

        @param state: makes that of the copy.
        """
        self.patch(Snapshot, "getStateToCopy", lambda _: state())
        client = self.serve_interface(IBoard, Copied)
        why = self.refused(client, client.root, "ask", b"t0ken")
        self.assertEqual(self.realm.sessions(), ())
        # It may log in again: this isn't what a server does that has ended a session.
        self.assertTrue(client.connected)
        return why

    def test_copy_that_can_not_be_made(self) -> None:
        self.assertIn("an error of the server", self.refuse_copy(lambda: 1 / 0))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_copy_that_can_not_be_sent(self) -> None:
        for state in (lambda: 1, b"x" * 700_000, 2**600):
            entries = log_entries(self)
            why = self.refuse_copy(lambda state=state: {"state": state})
            self.assertIn("can't be sent", why)
            self.assertIn("the answer of a login can't be sent", entries[0])

    def test_copy_of_a_hand_written_realm(self) -> None:
        logouts: list[int] = []

        class Realm:
            def requestAvatar(self, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:
                return IBoard, Snapshot(), lambda: logouts.append(1)

        self.patch(Snapshot, "getStateToCopy", lambda _: 1 / 0)
        client = self.serve(Asking(self.ask), realm=implementer(IRealm)(Realm)())
        for count in (1, 2):
            self.refused(client, client.root, "ask", b"t0ken")
            self.assertEqual(len(logouts), count)
        client.drop()
        self.assertEqual(len(logouts), 2)
        self.flushLoggedErrors(ZeroDivisionError)

    def test_what_can_not_be_handed_out(self) -> None:
        client = self.serve_interface(IBoard, lambda name: implementer(IBoard)(Bare)())
        self.assertIn("an error of the server", self.refused(client, client.root, "ask", b"t0ken"))
        (logged,) = self.flushLoggedErrors(TypeError)
        self.assertIn("neither a perspective nor a pb.Referenceable", str(logged.value))
        self.assertEqual(self.realm.sessions(), ())

    def test_logins_that_are_over_do_not_count(self) -> None:
        client = self.serve_interface(IWorker, Worker)
        for _ in range(20):
            held = client.call(client.root, "ask", b"t0ken")
            client.call(held, "greet")
            del held
            self.server.flush()
