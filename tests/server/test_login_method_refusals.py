"""
What becomes of refusals by login methods and their checkers.
"""

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import fail
from twisted.logger import LogEvent

from pbrealm import LoginRefused, Reason
from pbrealm._journal import NAMESPACE
from tests.logs import observe_log
from tests.server.login_method_cases import Asking, LoginMethodTestCase, PlainLogin, TokenLogin


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
