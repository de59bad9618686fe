"""
What a service is made of: credentials, endpoints and settings.
"""

from typing import Any

from twisted.cred.credentials import Anonymous
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    LoginRefused,
    Reason,
)
from pbrealm.client import LoginService
from tests.avatars import Player
from tests.client.cases import ALICE, LoginServiceTestCase, ManualEndpoint


class CredentialsTests(LoginServiceTestCase):
    def setUp(self):
        self.serve()

    def test_anonymous(self):
        self.serve(AnonymousRealm(CachingRealm(Player), CachingRealm(Player)))
        self.start(credentials=Anonymous())
        self.assertEqual(self.session.avatar_id, "guest#1")

    def test_asked_for_at_each_login(self):
        asked = []

        def credentials():
            asked.append(self.clock.seconds())
            return ALICE

        self.start(credentials=credentials)
        self.endpoint.clients[0].drop()
        self.go(4)
        self.assertEqual(len(asked), 2)
        self.assertEqual(self.session.avatar_id, "alice")

    def test_asynchronous(self):
        async def coroutine():
            return ALICE

        for credentials in (lambda: succeed(ALICE), coroutine):
            service = self.start(credentials=credentials)
            self.assertIsNotNone(service.perspective)
            service.stopService()
            self.server.flush()

    def test_a_class(self):
        self.serve(AnonymousRealm(CachingRealm(Player), CachingRealm(Player)))
        self.start(credentials=Anonymous)
        self.assertEqual(self.session.avatar_id, "guest#1")

    def test_failing(self):
        """It is logged, and tried again."""
        results = [ZeroDivisionError(), ALICE]

        def credentials():
            result = results.pop(0)
            if isinstance(result, Exception):
                raise result
            return result

        service = self.start(credentials=credentials)
        self.assertEqual(self.observer.take(), [("coming back", Reason.BUSY)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.go(4)
        self.assertIsNotNone(service.perspective)

    def test_none_to_be_had(self):
        """By an error of cred or of pbrealm the program says that there is no use in trying."""
        for error in (UnauthorizedLogin("the token has expired"), LoginRefused("no token")):

            def credentials(error: Exception = error) -> None:
                raise error

            service = self.start(credentials=credentials)
            self.assertEqual(self.observer.take(), [("stopped", Reason.REFUSED)])
            why = self.successResultOf(service.when_stopped())
            self.assertRegex(str(why), "^no credentials: .*token.* \\(reason 4\\)$")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_too_slow(self):
        asked: Deferred[Any] = Deferred()
        self.start(credentials=lambda: asked, login_timeout=20)
        self.go(19)
        self.assertEqual(self.observer.events, [])
        self.go(1)
        self.assertEqual(self.observer.take(), [("coming back", Reason.NO_ANSWER)])
        self.assertTrue(asked.called)

    def test_what_is_no_credentials(self):
        service = self.start(credentials=lambda: "alice")
        why = self.successResultOf(service.when_stopped())
        self.assertIn("credentials must be UsernamePassword", str(why))

    def test_stopped_by_the_function(self):
        stopped = []

        def credentials():
            stopped.append(self.service.stopService())
            return ALICE

        service = self.start(credentials=credentials)
        self.successResultOf(stopped[0])
        self.assertEqual(self.observer.take(), [("stopped", Reason.LOGGED_OUT)])
        self.assertEqual(self.endpoint.clients, [])
        self.assertIsNone(service.perspective)


class ArgumentTests(LoginServiceTestCase):
    def refused(self, kind, sentence, *args, **kw):
        kw.setdefault("reactor", Clock())
        why = self.assertRaises(kind, LoginService, *args, **kw)
        self.assertEqual(str(why), sentence)

    def test_endpoint(self):
        said = (
            "endpoint must be an endpoint string such as tcp:example.org:8787, or an endpoint to "
            "connect to, not an object of type builtins.int"
        )
        self.refused(TypeError, said, 8787, ALICE)
        self.refused(TypeError, said, [ManualEndpoint(), 8787], ALICE)
        self.refused(ValueError, "endpoint must be an endpoint or several, not none", [], ALICE)
        self.refused(
            ValueError,
            "endpoint must be an endpoint string such as tcp:example.org:8787, not '8787' "
            "(ValueError: Unknown endpoint type: '8787')",
            *("8787", ALICE),
        )
        self.refused(
            ValueError,
            "endpoint must be an endpoint string such as tcp:example.org:8787, not 'tcp' "
            "(wrong or missing arguments)",
            *("tcp", ALICE),
        )

    def test_credentials(self):
        said = (
            "credentials must be UsernamePassword(name, password), Anonymous(), or a function "
            "that returns either, not an object of type builtins.str"
        )
        self.refused(TypeError, said, ManualEndpoint(), "alice")

    def test_mind(self):
        said = "mind must be a pb.Referenceable or None, not an object of type builtins.object"
        self.refused(TypeError, said, ManualEndpoint(), ALICE, object())

    def test_observer(self):
        said = (
            "observer must have the methods of ILoginObserver, coming_back, logged_in, lost, "
            "resumed, stopped, not be an object of type builtins.object"
        )
        self.refused(TypeError, said, ManualEndpoint(), ALICE, observer=object())

    def test_goodbye(self):
        said = "goodbye must be the name of a method, not None"
        self.refused(TypeError, said, ManualEndpoint(), ALICE, goodbye=None)

    def test_seconds(self):
        for name in ("connect_timeout", "login_timeout", "ping_timeout", "ping_interval"):
            said = f"{name} must be a positive number of seconds or None, not -1"
            self.refused(ValueError, said, ManualEndpoint(), ALICE, **{name: -1})
        for name in ("connect_timeout", "login_timeout", "ping_timeout", "first_delay"):
            self.assertRaises(ValueError, LoginService, ManualEndpoint(), ALICE, **{name: 0})
        said = "max_delay must be at least first_delay"
        self.refused(ValueError, said, ManualEndpoint(), ALICE, first_delay=61)
