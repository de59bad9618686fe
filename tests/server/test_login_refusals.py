"""
What a client, and the journal, get to know of a checker that refuses a login.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.error import LoginDenied, LoginFailed, UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.logger import LogEvent
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    LoginRefused,
    Reason,
    ServerFactory,
    WrappingRealm,
    WrongCredentials,
)
from pbrealm._journal import NAMESPACE
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.logs import observe_log


class AccountLocked(pb.Error):
    """A program's own error."""


@implementer(ICredentialsChecker)
class RefusingChecker:
    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, why: Exception) -> None:
        self.why = why

    def requestAvatarId(self, credentials: Any) -> Any:
        raise self.why


@implementer(IRealm)
class RefusingRealm:
    def __init__(self, why: Exception) -> None:
        self.why = why

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        raise self.why


class MaintenanceRealm(WrappingRealm):
    async def admit(self, session: Any, interfaces: Any) -> Any:
        raise LoginRefused("back at ten")


class RefusalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.journal: list[str] = []
        observe_log(self, self.observe)

    def observe(self, event: LogEvent) -> None:
        if event.get("log_namespace") == NAMESPACE:
            self.journal.append(event["why"])

    def refusal(self, portal: Portal) -> tuple[bytes, str]:
        """The type and the text of the error that a client gets."""
        client = MemoryServer(portal.realm, factory=ServerFactory(portal)).connect()
        with self.assertRaises(pb.RemoteError) as caught:
            client.login("alice", "secret")
        return caught.exception.remoteType, str(caught.exception)

    def refused_by_checker(self, why: Exception) -> tuple[bytes, str]:
        return self.refusal(Portal(CachingRealm(Player), [RefusingChecker(why)]))

    def test_what_is_meant_for_the_client(self) -> None:
        """The text of a pb.Error reaches the client, and the journal."""
        for why, kind, text in (
            (LoginRefused("pay first"), b"pbrealm.errors.LoginRefused", "pay first (reason 4)"),
            (
                LoginRefused("not now", Reason.KICKED),
                b"pbrealm.errors.LoginRefused",
                "not now (reason 5)",
            ),
            (
                WrongCredentials("the token has expired"),
                b"pbrealm.errors.WrongCredentials",
                "the token has expired (reason 4)",
            ),
            (
                AccountLocked("until Monday"),
                b"tests.server.test_login_refusals.AccountLocked",
                "until Monday",
            ),
        ):
            self.journal.clear()
            self.assertEqual(self.refused_by_checker(why), (kind, text))
            (logged,) = self.journal
            self.assertIn(text, logged)

    def test_what_is_not(self) -> None:
        """The text of another error stays in the journal, or accounts could be probed."""
        wrong = "the name or the password is wrong (reason 4)"
        refused = "the login was refused (reason 4)"
        for why, kind, text in (
            (UnauthorizedLogin("no account alice"), b"WrongCredentials", wrong),
            (LoginDenied("alice is locked"), b"LoginRefused", refused),
            (LoginFailed("alice is\r\n\x1b[31mlocked"), b"LoginRefused", refused),
        ):
            self.journal.clear()
            self.assertEqual(self.refused_by_checker(why), (b"pbrealm.errors." + kind, text))
            (logged,) = self.journal
            self.assertTrue(logged.startswith(f"{text}: "), logged)
            self.assertIn("alice", logged)
            self.assertTrue(logged.isprintable())

    def test_without_a_text(self) -> None:
        self.refused_by_checker(UnauthorizedLogin())
        self.assertEqual(self.journal, ["the name or the password is wrong (reason 4)"])

    def test_a_fault_of_the_checker(self) -> None:
        """An error that is no refusal is logged with its traceback, and isn't told."""
        self.assertEqual(
            self.refused_by_checker(ZeroDivisionError("alice")),
            (
                b"pbrealm.errors.LoginRefused",
                "the login failed because of an error of the server (reason 4)",
            ),
        )
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_hand_written_realm(self) -> None:
        """What a hand-written realm refuses with is journaled, too."""
        for why, text in (
            (AccountLocked("until Monday"), "until Monday"),
            (LoginDenied("alice is locked"), "the login was refused (reason 4)"),
        ):
            self.journal.clear()
            portal = make_portal(RefusingRealm(why), {"alice": "secret"})
            self.assertEqual(self.refusal(portal)[1], text)
            (logged,) = self.journal
            self.assertIn(str(why), logged)

    def test_a_hand_written_realm_within_another(self) -> None:
        """A refusal is one event, whoever it goes through."""
        portal = make_portal(
            WrappingRealm(RefusingRealm(LoginDenied("alice is locked"))), {"alice": "secret"}
        )
        self.assertEqual(self.refusal(portal)[1], "the login was refused (reason 4)")
        self.assertEqual(self.journal, ["LoginDenied: alice is locked"])

    def test_a_realm(self) -> None:
        portal = make_portal(MaintenanceRealm(CachingRealm(Player)), {"alice": "secret"})
        self.assertEqual(self.refusal(portal)[1], "back at ten (reason 4)")
        self.assertEqual(self.journal, ["back at ten (reason 4)"])
