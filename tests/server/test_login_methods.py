"""
Login methods of a program's own, and the limits that hold for them.
"""

import gc
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import LogEvent
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer

from pbrealm import (
    AnonymousLogin,
    CachingRealm,
    ILoginClient,
    ILoginMethod,
    Limits,
    Login,
    LoginChallenge,
    LoginRefused,
    MindTrackingRealm,
    PasswordLogin,
    Reason,
    ServerFactory,
    current_session,
    reason_of,
)
from pbrealm._journal import NAMESPACE
from pbrealm._server.login_methods import LoginMethods
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player
from tests.logs import log_entries, observe_log


class IToken(ICredentials):
    """A secret that says by itself whose it is."""


@implementer(IToken)
class Token:
    def __init__(self, token: object) -> None:
        self.token = token


@implementer(ICredentialsChecker)
class TokenChecker:
    credentialInterfaces = (IToken,)

    def __init__(self) -> None:
        self.checked = 0

    def requestAvatarId(self, credentials: Token) -> Any:
        self.checked += 1
        if credentials.token != b"t0ken":
            return fail(UnauthorizedLogin("no such token"))
        return succeed("alice")


@implementer(ICredentialsChecker)
class PlainChecker:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: UsernamePassword) -> Any:
        if credentials.password != b"secret":
            raise UnauthorizedLogin()
        return credentials.username


@implementer(ILoginMethod)
class TokenLogin:
    name = "loginToken"

    def begin(self, client: ILoginClient, token: object, mind: object) -> Login:
        self.client = client
        return Login(Token(token), mind)


@implementer(ILoginMethod)
class PlainLogin:
    """Jasmin's: a name and a password, in one call."""

    name = "login"

    def begin(self, client: ILoginClient, name: Any, password: Any, mind: object = None) -> Login:
        return Login(UsernamePassword(name, password), mind, account=name)


@implementer(ILoginMethod)
class Asking:
    """What a function makes of the arguments."""

    name = "ask"

    def __init__(self, function: Any) -> None:
        self.function = function

    def begin(self, client: ILoginClient, *args: Any) -> Any:
        return self.function(*args)


class Counting(LoginChallenge):
    """A challenge that is given again until it was responded to often enough."""

    def __init__(self, left: int) -> None:
        self.left = left

    def remote_respond(self, token: Any, mind: Any = None) -> Any:
        self.left -= 1
        if self.left:
            return self.left, self
        return Login(Token(token), mind)


class LoginMethodTestCase(SynchronousTestCase):
    def serve(self, *methods: Any, realm: Any = None, **limits: Any) -> Any:
        self.checker = TokenChecker()
        self.realm = realm or MindTrackingRealm(CachingRealm(Player))
        portal = Portal(self.realm, [self.checker, PlainChecker()])
        limits = {"login_seconds": 0, "ping_interval": 0, **limits}
        factory = ServerFactory(portal, Limits(**limits), login_methods=methods)
        self.server = MemoryServer(self.realm, factory=factory)
        return self.connect()

    def connect(self) -> Any:
        client: Any = self.server.connect()
        client.root = client.wait(client.factory.getRootObject())
        return client

    def refused(self, client: Any, reference: Any, method: str, *args: Any) -> str:
        with self.assertRaises(pb.RemoteError) as caught:
            client.call(reference, method, *args)
        return str(caught.exception)


class OneStepTests(LoginMethodTestCase):
    def test_token(self) -> None:
        method = TokenLogin()
        client = self.serve(method)
        mind = RecordingMind()
        held = client.call(client.root, "loginToken", b"t0ken", mind)
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        (session,) = self.realm.sessions()
        session.notify("hear", 1)
        self.server.flush()
        self.assertEqual(mind.calls, [("hear", (1,))])
        self.assertTrue(ILoginClient.providedBy(method.client))
        self.assertEqual(method.client.peer, session.peer)
        self.assertEqual(method.client.transport.getPeer(), session.peer)

    def test_name_and_password(self) -> None:
        client = self.serve(PlainLogin())
        held = client.call(client.root, "login", b"alice", b"secret")
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        why = self.refused(client, client.root, "login", b"alice", b"guess", None)
        self.assertEqual(why, "the name or the password is wrong (reason 4)")

    def test_they_replace_the_defaults(self) -> None:
        client = self.serve(TokenLogin())
        for method, args in (("login", (b"alice",)), ("loginAnonymous", (None,))):
            why = self.refused(client, client.root, method, *args)
            self.assertEqual(
                why,
                "no login method has this name and number of arguments (reason 4)",
            )

    def test_beside_the_defaults(self) -> None:
        realm = CachingRealm(Player)
        portal = make_portal(realm, {"alice": "secret"})
        portal.registerChecker(TokenChecker())
        methods = [PasswordLogin(), TokenLogin()]
        server = MemoryServer(realm, factory=ServerFactory(portal, login_methods=methods))
        client = server.connect()
        held = client.login("alice", "secret")
        root = client.wait(client.factory.getRootObject())
        again = client.call(root, "loginToken", b"t0ken", None)
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        self.assertEqual(client.call(again, "greet"), "<2>hello alice")
        self.assertRaises(pb.RemoteError, client.login)

    def test_arguments_of_other_kinds(self) -> None:
        """They are decoded strictly, before a login and after."""
        client = self.serve(TokenLogin())
        odd: Any = ([b"t0ken"], {b"token": 1}, (1,), 1.5, {1}, True)
        for token in odd[:2]:
            why = self.refused(client, client.root, "loginToken", token, None)
            self.assertIn("a login takes", why)
        held = client.call(client.root, "loginToken", b"t0ken", None)
        for token in odd:
            why = self.refused(client, client.root, "loginToken", token, None)
            self.assertIn("a login takes", why)
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        self.assertEqual(self.checker.checked, 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_other_numbers_of_arguments(self) -> None:
        client = self.serve(PlainLogin(), TokenLogin())
        for method, args in (
            ("login", (b"alice",)),
            ("login", (b"alice", b"secret", None, 1)),
            ("loginToken", ()),
            ("begin", ()),
            ("name", ()),
        ):
            why = self.refused(client, client.root, method, *args)
            self.assertEqual(
                why,
                "no login method has this name and number of arguments (reason 4)",
            )
        with self.assertRaises(pb.RemoteError):
            client.call(client.root, "loginToken", b"t0ken", mind=None)

    def test_odd_minds(self) -> None:
        client = self.serve(TokenLogin())
        why = self.refused(client, client.root, "loginToken", b"t0ken", b"no reference")
        self.assertIn("the mind must be", why)
        self.assertEqual(self.checker.checked, 0)

    def test_answers_that_are_not_wanted(self) -> None:
        """A login without a wish for an answer leaves nothing in the log, before one and after."""
        client = self.serve(TokenLogin(), Asking(lambda: fail(LoginRefused("no"))))
        for _ in range(2):
            for method, args in (("ask", ()), ("loginToken", (1,)), ("loginToken", ("t", "odd"))):
                client.root.callRemote(method, *args, pbanswer=False)
                self.server.flush()
            client = self.connect()
            self.held = client.call(client.root, "loginToken", b"t0ken", None)
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_fault_of_the_method(self) -> None:
        """It is logged, and not told, whether or not the client has another login."""
        accounts: dict[str, Any] = {}
        client = self.serve(TokenLogin(), Asking(lambda: accounts["alice"]))
        # The second time, the log has one line.
        for tracebacks in (1, 0):
            why = self.refused(client, client.root, "ask")
            self.assertIn("an error of the server", why)
            self.assertEqual(len(self.flushLoggedErrors(KeyError)), tracebacks)
            self.held = client.call(client.root, "loginToken", b"t0ken", None)

    def test_answers_that_can_not_be_sent(self) -> None:
        client = self.serve(Asking(object))
        self.assertIn("can't be sent", self.refused(client, client.root, "ask"))


class RefusalTests(LoginMethodTestCase):
    def setUp(self) -> None:
        self.journal: list[LogEvent] = []
        observe_log(self, self.observe)

    def observe(self, event: LogEvent) -> None:
        if event.get("log_namespace") == NAMESPACE:
            self.journal.append(event)

    def test_refusals_of_a_checker(self) -> None:
        client = self.serve(TokenLogin())
        why = self.refused(client, client.root, "loginToken", b"guess", None)
        self.assertEqual(why, "the name or the password is wrong (reason 4)")
        (event,) = self.journal
        self.assertEqual(event["avatar_id"], "an unknown account")
        self.assertIn("no such token", event["why"])

    def test_refusals_of_a_method(self) -> None:
        def refuse() -> None:
            raise LoginRefused("no keycards on Mondays", Reason.KICKED)

        client = self.serve(Asking(refuse))
        why = self.refused(client, client.root, "ask")
        self.assertEqual(why, "no keycards on Mondays (reason 5)")
        self.assertEqual(self.journal[0]["why"], why)

    def test_refusals_count(self) -> None:
        """Whoever refuses: with the third one, the connection is closed."""
        asked = []

        def refuse() -> None:
            asked.append(1)
            raise UnauthorizedLogin("the file of keycards is empty")

        client = self.serve(Asking(refuse))
        for _ in range(20):
            client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        self.assertFalse(client.connected)
        self.assertEqual((len(asked), len(self.journal)), (3, 3))

    def test_refusals_of_a_slow_method_count(self) -> None:
        client = self.serve(Asking(lambda: fail(LoginRefused("no"))))
        for _ in range(20):
            client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        self.assertFalse(client.connected)
        self.assertEqual(len(self.journal), 3)

    def test_tokens_are_throttled_by_address(self) -> None:
        """Where there is no account yet, wrong ones from an address delay the next from there."""
        self.serve(TokenLogin(), login_attempts=100)
        for _ in range(2):
            client = self.connect()
            for _ in range(3):
                guess = client.root.callRemote("loginToken", b"guess", None)
                guess.addErrback(lambda _: None)
            self.server.flush()
        self.assertEqual(self.checker.checked, 3)
        self.server.advance(1)
        self.assertEqual(self.checker.checked, 4)
        for _ in range(20):
            self.server.advance(8)
        self.assertLess(self.checker.checked, 7)

    def test_right_tokens_do_not_reset_the_throttle(self) -> None:
        """Who has a token can't guess others faster for that."""
        client = self.serve(TokenLogin(), login_attempts=100)
        for _ in range(3):
            self.refused(client, client.root, "loginToken", b"guess", None)
        login = client.root.callRemote("loginToken", b"t0ken", None)
        self.server.advance(1)
        self.held = self.successResultOf(login)
        guess = client.root.callRemote("loginToken", b"guess", None)
        guess.addErrback(lambda _: None)
        self.server.flush()
        self.assertEqual(self.checker.checked, 5)
        client.root.callRemote("loginToken", b"guess", None).addErrback(lambda _: None)
        self.server.advance(1)
        self.assertEqual(self.checker.checked, 5)
        self.server.advance(1)
        self.assertEqual(self.checker.checked, 6)

    def test_accounts_are_throttled(self) -> None:
        client = self.serve(PlainLogin(), login_attempts=100)
        for _ in range(3):
            self.refused(client, client.root, "login", b"alice", b"guess")
        attempt = client.root.callRemote("login", b"alice", b"secret")
        self.server.flush()
        self.assertNoResult(attempt)
        self.server.advance(1)
        self.successResultOf(attempt)


@implementer(ILoginMethod)
class KeycardLogin:
    """Flumotion's: a keycard that comes back with a challenge is completed, and sent again."""

    name = "login"

    def __init__(self) -> None:
        self.challenges: WeakKeyDictionary[Any, bytes] = WeakKeyDictionary()

    def begin(self, client: ILoginClient, challenge: Any, token: Any, mind: Any) -> Any:
        if challenge is None:
            self.challenges[client] = b"challenge"
            return b"challenge", token
        if challenge != self.challenges.pop(client, None):
            raise LoginRefused("not the keycard that was given out")
        return Login(Token(token), mind)


class KeycardTests(LoginMethodTestCase):
    def test_keycard_that_is_sent_again(self) -> None:
        method = KeycardLogin()
        client = self.serve(method)
        challenge, _ = client.call(client.root, "login", None, None, None)
        held = client.call(client.root, "login", challenge, b"t0ken", None)
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")
        why = self.refused(client, client.root, "login", challenge, b"t0ken", None)
        self.assertIn("not the keycard", why)

    def test_only_by_the_client_that_got_it(self) -> None:
        method = KeycardLogin()
        first = self.serve(method)
        challenge, _ = first.call(first.root, "login", None, None, None)
        second = self.connect()
        why = self.refused(second, second.root, "login", challenge, b"t0ken", None)
        self.assertIn("not the keycard", why)
        first.drop()
        self.server.clients.clear()
        del first
        gc.collect()
        self.assertEqual(len(method.challenges), 0)


class ChallengeTests(LoginMethodTestCase):
    def test_several_exchanges(self) -> None:
        client = self.serve(Asking(lambda: Counting(3)))
        challenge = client.call(client.root, "ask")
        left, challenge = client.call(challenge, "respond", b"")
        self.assertEqual(left, 2)
        _, challenge = client.call(challenge, "respond", b"")
        held = client.call(challenge, "respond", b"t0ken")
        self.assertEqual(client.call(held, "greet"), "<1>hello alice")

    def test_one_response_each(self) -> None:
        """A challenge is responded to once each time that it's given out."""
        client = self.serve(Asking(lambda: Counting(2)), TokenLogin())
        challenge = client.call(client.root, "ask")
        client.call(challenge, "respond", b"")
        self.held = client.call(challenge, "respond", b"t0ken")
        why = self.refused(client, challenge, "respond", b"t0ken")
        self.assertIn("answered before", why)

    def test_wrong_calls(self) -> None:
        """They don't use up the challenge."""
        client = self.serve(Asking(lambda: Counting(1)))
        challenge = client.call(client.root, "ask")
        for method, args in (("respond", ()), ("respond", (1, 2, 3)), ("left", ()), ("call", ())):
            why = self.refused(client, challenge, method, *args)
            self.assertEqual(
                why,
                "no login method has this name and number of arguments (reason 4)",
            )
        self.held = client.call(challenge, "respond", b"t0ken")

    def test_how_many_wait_for_their_response(self) -> None:
        """Not more than the limit on logins; those that are dropped don't count."""
        client = self.serve(Asking(lambda: (b"x", Counting(9))), logins=3)
        held = [client.call(client.root, "ask") for _ in range(3)]
        self.assertIn("too many challenges", self.refused(client, client.root, "ask"))
        held.pop()
        self.server.flush()
        held.append(client.call(client.root, "ask"))
        for _ in range(5):
            _, challenge = held.pop()
            held.append(client.call(challenge, "respond", b""))

    def test_time(self) -> None:
        """Challenges don't prolong the time to log in."""
        client = self.serve(Asking(lambda: Counting(9)), login_seconds=10)
        challenge = client.call(client.root, "ask")
        for _ in range(3):
            self.server.advance(3)
            _, challenge = client.call(challenge, "respond", b"")
        self.server.advance(1)
        self.assertFalse(client.connected)


class LoginTimeTests(LoginMethodTestCase):
    def test_refusals_do_not_prolong_it(self) -> None:
        client = self.serve(TokenLogin(), login_seconds=10, throttle_seconds=0)
        for _ in range(2):
            self.server.advance(4)
            self.refused(client, client.root, "loginToken", b"wrong", None)
        self.server.advance(2)
        self.assertFalse(client.connected)


_attempt: ContextVar[str | None] = ContextVar("attempt", default=None)


class SlowMethodTests(LoginMethodTestCase):
    def setUp(self) -> None:
        self.answer: Deferred[Any] = Deferred()

    async def answered(self) -> Any:
        return await self.answer

    def test_login(self) -> None:
        for slow in (lambda: self.answer, self.answered):
            client = self.serve(Asking(slow))
            login = client.root.callRemote("ask")
            self.server.flush()
            self.assertNoResult(login)
            self.answer.callback(Login(Token(b"t0ken")))
            self.assertEqual(client.call(client.wait(login), "greet"), "<1>hello alice")
            self.answer = Deferred()

    def test_time_of_the_server(self) -> None:
        """It isn't counted, and the client's goes on afterwards from where it stood."""
        client = self.serve(Asking(self.answered), login_seconds=10)
        self.server.advance(6)
        first = client.root.callRemote("ask")
        self.server.advance(60)
        self.answer.callback(Counting(1))
        self.held = client.wait(first)
        self.server.advance(3.9)
        self.assertTrue(client.connected)
        self.server.advance(0.2)
        self.assertFalse(client.connected)

    def test_time_that_is_up(self) -> None:
        """A client that calls when its time is up, before the timeout has run, gets no more."""
        for late in (0, 0.5):
            self.answer = Deferred()
            client = self.serve(Asking(self.answered), login_seconds=10)
            # As after something that blocks the reactor, which reads before it runs timeouts.
            self.server.clock.rightNow += 10 + late
            client.root.callRemote("ask").addErrback(lambda _: None)
            client.pump()
            self.answer.callback(Counting(9))
            (timeout,) = self.server.clock.getDelayedCalls()
            self.assertEqual(timeout.getTime(), self.server.clock.seconds())
            self.server.flush()
            self.assertFalse(client.connected)

    def test_how_many(self) -> None:
        """Those under way are pending logins."""
        asked: list[Deferred[Any]] = []
        cancelled: list[Deferred[Any]] = []

        def ask() -> Deferred[Any]:
            asked.append(Deferred(cancelled.append))
            return asked[-1]

        client = self.serve(Asking(ask), logins=2, login_attempts=100)
        for _ in range(2):
            client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        why = self.refused(client, client.root, "ask")
        self.assertIn("as many logins are alive", why)
        self.assertEqual(cancelled, [asked.pop()])
        asked.pop().callback(Counting(1))
        self.server.flush()
        again = client.root.callRemote("ask")
        self.server.flush()
        self.assertNoResult(again)
        again.addErrback(lambda _: None)

    def test_context(self) -> None:
        """A coroutine runs in a context of its own, also while it waits."""

        async def begin() -> Login:
            token = _attempt.set("begun")
            await self.answer
            _attempt.reset(token)
            return Login(Token(b"t0ken"))

        client = self.serve(Asking(begin))
        login = client.root.callRemote("ask")
        self.server.flush()
        self.assertIsNone(_attempt.get())
        self.answer.callback(None)
        self.assertEqual(client.call(client.wait(login), "greet"), "<1>hello alice")

    def test_too_many_coroutines(self) -> None:
        client = self.serve(Asking(self.answered), logins=1)
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.assertIn("as many logins", self.refused(client, client.root, "ask"))

    def test_client_that_leaves(self) -> None:
        client = self.serve(Asking(self.answered))
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.answer.callback(Login(Token(b"t0ken")))
        self.server.flush()
        self.assertEqual(self.checker.checked, 0)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled_for_a_client_that_leaves(self) -> None:
        """Nothing is kept for a client that has left, however long the method would take."""
        cancelled: list[Any] = []
        client = self.serve(Asking(lambda: Deferred(cancelled.append)))
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answer_to_the_cancellation(self) -> None:
        """The portal isn't asked for a client that has left, whatever the method answers."""
        client = self.serve(
            Asking(lambda: Deferred(lambda answer: answer.callback(Login(Token(b"t0ken")))))
        )
        client.root.callRemote("ask").addErrback(lambda _: None)
        self.server.flush()
        client.drop()
        self.assertEqual(self.checker.checked, 0)

    def test_failure(self) -> None:
        client = self.serve(Asking(self.answered))
        login = client.root.callRemote("ask")
        self.server.flush()
        self.answer.errback(ZeroDivisionError())
        self.server.flush()
        failure = self.failureResultOf(login)
        self.assertIs(reason_of(failure), Reason.REFUSED)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


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


@implementer(ILoginMethod)
class Unnamed(TokenLogin):
    name: Any = b"login"


class ConstructorTests(SynchronousTestCase):
    def check(self, error: type[Exception], methods: Any, text: str) -> None:
        portal = make_portal(CachingRealm(Player), {})
        why = self.assertRaises(error, ServerFactory, portal, login_methods=methods)
        self.assertEqual(str(why), text)

    def test_what_can_not_be(self) -> None:
        self.check(
            TypeError,
            [PasswordLogin],
            "a login method must provide ILoginMethod, as PasswordLogin() does, and not be the "
            "class pbrealm.logins._password.PasswordLogin",
        )
        self.check(
            ValueError,
            [PasswordLogin(), PlainLogin()],
            "there are two login methods of the name 'login'",
        )
        self.check(
            TypeError,
            [Unnamed()],
            "the name of a login method must be a string, such as 'login', not b'login'",
        )
        self.check(ValueError, [], "without login methods nobody can log in")

    def test_find(self) -> None:
        methods = LoginMethods([PasswordLogin(), AnonymousLogin()])
        self.assertIsNotNone(methods.find("login", 1))
        self.assertIsNone(methods.find("login", 2))
        self.assertIsNone(methods.find("logout", 1))
