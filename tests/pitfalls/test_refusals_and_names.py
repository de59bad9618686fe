"""
Pitfalls 16 and 17: what a refusal looks like, and one user under two names.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import Portal
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    ConnectionLimitedRealm,
    Reason,
    ServerFactory,
    reason_of,
)
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.logs import observe_log
from tests.pitfalls.handwritten import CountingRealm


class RefusalPitfalls(SynchronousTestCase):
    def setUp(self):
        self.events: list[Any] = []
        observe_log(self, self.events.append)

    def check_refusals(self, make_factory, realm):
        """Neither a wrong password nor a refusal by the limit logs a traceback."""
        portal = make_portal(realm, {"alice": "secret"})
        server = MemoryServer(realm, factory=make_factory(portal))
        self.held = server.connect().login("alice", "secret")
        client = server.connect()
        for password in ("secret", "wrong"):
            with self.assertRaises(pb.RemoteError):
                client.login("alice", password)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_16_refusals(self):
        realm = ConnectionLimitedRealm(CachingRealm(Player))
        self.check_refusals(ServerFactory, realm)
        with self.assertRaises(self.failureException):
            self.check_refusals(pb.PBServerFactory, CountingRealm())

    def test_16_what_the_client_gets(self):
        """The client gets a type that it can trap, one line of text, and the reason's number."""
        server = MemoryServer(ConnectionLimitedRealm(CachingRealm(Player)))
        self.held = server.connect().login("alice", "secret")
        client = server.connect()
        for password, name, trapped, text in (
            (
                "secret",
                "alice",
                ("pbrealm.errors.TooManyConnections", "twisted.cred.error.LoginDenied"),
                "alice is logged in already, from 127.0.0.1:50000 "
                "since 1970-01-01 00:00:00 UTC (reason 4)",
            ),
            (
                "wrong",
                "alice",
                ("pbrealm.errors.WrongCredentials", "twisted.cred.error.UnauthorizedLogin"),
                "the name or the password is wrong (reason 4)",
            ),
        ):
            login = client.start_login(name, password)
            server.flush()
            failure = self.failureResultOf(login)
            for error in trapped:
                self.assertEqual(failure.check(error), error)
            self.assertEqual(failure.value, text)
            self.assertIs(reason_of(failure), Reason.REFUSED)

    def test_16_wrong_password_is_one_line(self):
        server = MemoryServer(CachingRealm(Player))
        with self.assertRaises(pb.RemoteError):
            server.connect().login("alice", "wrong")
        (line,) = [event for event in self.events if event["log_namespace"].startswith("pbrealm")]
        self.assertEqual(line["avatar_id"], "alice")
        self.assertEqual(line["peer"], "127.0.0.1:50000")


@implementer(ICredentialsChecker)
class EitherChecker:
    """Gives the name as bytes at one time and as a string at another, as checkers do."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self):
        self.names = [b"zo\xc3\xab", "zo\xeb", b"\xff"]

    def requestAvatarId(self, credentials):
        return self.names.pop(0)


class NamePitfalls(SynchronousTestCase):
    def check_one_user(self, make_factory, realm, avatars):
        """A name is one user, whether it comes as bytes or as a string."""
        server = MemoryServer(realm, factory=make_factory(Portal(realm, [EitherChecker()])))
        self.clients = [server.connect() for _ in range(3)]
        self.held = [client.login("zo\xeb", "secret") for client in self.clients[:2]]
        self.assertEqual(len(avatars()), 1)
        with self.assertRaises(pb.RemoteError) as caught:
            self.clients[2].login("zo\xeb", "secret")
        self.assertEqual(caught.exception.remoteType, b"pbrealm.errors.LoginRefused")
        self.assertEqual(list(avatars()), ["zo\xeb"])

    def test_17_one_user(self):
        for make_factory in (ServerFactory, pb.PBServerFactory):
            realm = CachingRealm(Player)
            self.check_one_user(make_factory, realm, lambda realm=realm: realm.avatars)
        counting = CountingRealm()
        with self.assertRaises(self.failureException):
            self.check_one_user(pb.PBServerFactory, counting, lambda: counting.avatars)
