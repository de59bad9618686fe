"""
The steps of a login and of an end are those of docs/lifecycle.md, in that order.
"""

import re
from inspect import signature
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    ConnectionLimitedRealm,
    DisposableRealm,
    IClientAware,
    IFullPolicy,
    IRetirable,
    JournalRealm,
    Limits,
    MindTrackingRealm,
    PingOldest,
    Reason,
    ServerFactory,
    WaitForRoom,
    WrappingRealm,
)
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.login_queue import LoginQueue
from pbrealm._server.login_root import LoginRoot
from pbrealm._session.connection import CLOSE_TIMEOUT
from pbrealm._session.goodbye import GOODBYE_TIMEOUT
from pbrealm._session.session import Session
from pbrealm.logins._password import PasswordChallenge
from pbrealm.realms._detaching import MAX_WAIT
from pbrealm.realms._lifetimes import LOGIN_WAIT, RETIRE_TIMEOUT
from pbrealm.testing import UNHURRIED, MemoryServer, RecordingMind
from tests.documents import ROOT
from tests.logs import observe_log

DOCUMENT = (ROOT / "docs" / "lifecycle.md").read_text("utf-8")


def steps(heading: str) -> list[str]:
    """The steps in the table below a heading."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([a-z ]+) \|", section, re.MULTILINE)[1:]


class LifecycleTests(SynchronousTestCase):
    def setUp(self):
        self.seen: list[str] = []
        self.detaching: list[Deferred[None]] = []
        self.retiring: list[Deferred[None]] = []
        seen, detaching, retiring = self.seen, self.detaching, self.retiring

        @implementer(ICredentialsChecker)
        class Checker:
            credentialInterfaces = (IUsernameHashedPassword,)

            def requestAvatarId(self, credentials):
                seen.append("checker")
                return credentials.username

        class Outer(WrappingRealm):
            def identify(self, avatarId):
                seen.append("avatar id")
                return super().identify(avatarId)

            async def admit(self, session, interfaces):
                seen.append("admission")
                return await super().admit(session, interfaces)

        @implementer(IFullPolicy)
        class Policy:
            waiting = 1

            def make_room(self, newcomer, holders):
                seen.append("policy")
                holders[0].end(Reason.REPLACED)

        @implementer(IClientAware, IRetirable)
        class Avatar(pb.Avatar):
            def __init__(self, name):
                seen.append("avatar factory")

            def attached(self, session):
                seen.append("attached")

            def detached(self, session, reason):
                seen.append("detached")
                detaching.append(Deferred())
                return detaching[-1]

            def retire(self):
                seen.append("retirement")
                retiring.append(Deferred())
                return retiring[-1]

        limited = ConnectionLimitedRealm(DisposableRealm(Avatar), on_full=Policy())
        self.realm = MindTrackingRealm(limited)
        self.realm.subscribe(lambda event: seen.append("arrival"))
        portal = Portal(JournalRealm(Outer(self.realm)), [Checker()])
        factory = ServerFactory(portal, UNHURRIED)
        self.server = MemoryServer(self.realm, factory=factory)

    def note(self, where: Any, name: str, step: str) -> None:
        """Have each call of a method noted."""
        method, seen = getattr(where, name), self.seen

        def noting(*args: Any, **kw: Any) -> Any:
            seen.append(step)
            return method(*args, **kw)

        self.patch(where, name, noting)

    def log_in(self):
        """Log in, until the answer."""
        login = self.server.connect().start_login("alice", "secret", RecordingMind())
        login.addCallback(self.answered)
        self.server.flush()
        return login

    def answered(self, reference):
        self.seen.append("answer")
        return reference

    def test_login(self):
        """A login that takes the place of a session, whose avatar takes its time to detach."""
        held = self.log_in()
        self.note(ClientConnection, "connected", "connection")
        self.note(pb.Broker, "connectionReady", "greeting")
        self.note(LoginRoot, "give_out", "challenge")
        self.note(PasswordChallenge, "remote_respond", "response")
        self.note(LoginQueue, "enter", "throttle")
        self.seen.clear()
        login = self.log_in()
        self.seen.append("earlier end")
        self.detaching[0].callback(None)
        self.server.flush()
        self.seen.append("earlier retirement")
        self.retiring[0].callback(None)
        self.server.flush()
        self.successResultOf(login)
        self.seen.remove("retirement")
        # The policy ends a session.  The greeting is noted at both ends.
        departure = self.seen.index("policy") + 1
        self.assertEqual(self.seen[departure : departure + 2], ["arrival", "detached"])
        del self.seen[departure : departure + 2]
        self.assertEqual(list(dict.fromkeys(self.seen)), steps("A login"))
        del held

    def test_end(self):
        """An end by the server, of an avatar that detaches before the goodbye is answered."""
        held = self.log_in()
        (session,) = self.realm.sessions()
        self.note(Session, "revoke", "revocation")
        self.note(Session, "_say_goodbye", "goodbye")
        self.note(Session, "_leave_connection", "close")
        session.on_end(lambda *_: self.seen.append("callbacks"))
        attachment: Any = type(session._attachment)
        self.note(attachment, "_log_out", "logout")
        self.seen.clear()
        over = session.end()
        self.seen.remove("arrival")
        self.assertEqual(self.seen, steps("An end")[:4])
        self.detaching[0].callback(None)
        self.retiring[0].callback(None)
        self.server.flush()
        self.successResultOf(over)
        self.assertEqual(self.seen, steps("An end"))
        del held

    def test_times(self):
        """The times in the tables are those of the code."""
        limits = Limits()
        patience = signature(ServerFactory.close).parameters["patience"].default
        self.assertIn(f"`ServerFactory.close(patience={patience:g})`", DOCUMENT)
        times = [
            ("connection", "`login_seconds` (%g)", limits.login_seconds),
            ("throttle", "twice `throttle_max_seconds` (%g)", 2 * limits.throttle_max_seconds),
            ("policy", "`PingOldest` %g s", PingOldest().timeout),
            ("policy", "`WaitForRoom` %g s", WaitForRoom().timeout),
            ("earlier end", "%g s, then it goes on", MAX_WAIT),
            ("earlier retirement", "%g s, then it is refused", LOGIN_WAIT),
            ("retirement", "%g s, then it is cancelled", RETIRE_TIMEOUT),
            ("goodbye", "%g s for the answer", GOODBYE_TIMEOUT),
            ("close", "%g s to take", CLOSE_TIMEOUT),
            ("detached", "%g s", patience),
            ("retirement", "a shutdown waits for %g s", patience),
            ("connections", "%g s to take", CLOSE_TIMEOUT),
        ]
        for step, text, seconds in times:
            (row,) = re.findall(rf"^\| {step} \|.*$", DOCUMENT, re.MULTILINE)
            self.assertIn(text % seconds, row)

    def test_journal_is_last(self):
        """The journal notes logins and ends after the subscribers."""
        events: list[Any] = []
        observe_log(self, lambda event: events.append(event.get("event")))
        self.realm.subscribe(events.append)
        held = self.log_in()
        self.realm.sessions()[0].end()
        noted = [event if isinstance(event, str) else type(event).__name__ for event in events]
        self.assertEqual(
            [each for each in noted if each != "NoneType"],
            ["Arrival", "login", "Departure", "end"],
        )
        del held
