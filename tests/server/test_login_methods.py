"""
Login methods of a program's own, and the limits that hold for them.
"""

import gc
from typing import Any
from weakref import WeakKeyDictionary

from twisted.internet.defer import fail
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousLogin,
    CachingRealm,
    ILoginClient,
    ILoginMethod,
    Login,
    LoginRefused,
    PasswordLogin,
    ServerFactory,
)
from pbrealm._server.login_methods import LoginMethods
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.avatars import Player
from tests.server.login_method_cases import (
    Asking,
    LoginMethodTestCase,
    PlainLogin,
    Token,
    TokenChecker,
    TokenLogin,
)


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
