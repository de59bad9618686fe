"""
The lines of the journal, on a clock.
"""

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger._json import eventAsJSON
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    ISessionRealm,
)
from pbrealm._command.demo import DemoAvatar
from pbrealm.realms._journal import JournalRealm
from pbrealm.testing import MemoryServer, RecordingMind, make_portal
from tests.logs import observe_log


class JournalTestCase(SynchronousTestCase):
    server: MemoryServer

    def setUp(self):
        self.clock = Clock()
        self.events = []
        observe_log(self, self.observe)

    def log_in(self, *arguments):
        """A client that is logged in, and stays so: it holds on to its perspective."""
        client: Any = self.server.connect()
        client.perspective = client.login(*arguments)
        return client

    def observe(self, event):
        if event.get("log_namespace") == "pbrealm.journal":
            self.events.append(event)

    def logged(self, *names):
        """Of each event since the last call, these values."""
        events, self.events = self.events, []
        return [tuple(event.get(name) for name in names) for event in events]


class JournalTests(JournalTestCase):
    def setUp(self):
        super().setUp()
        inner = ConnectionLimitedRealm(CachingRealm(self.make, clock=self.clock))
        guests = AnonymousRealm(inner, DisposableRealm(DemoAvatar))
        self.realm = JournalRealm(guests)
        self.server = MemoryServer(self.realm, clock=self.clock)

    def make(self, avatar_id):
        if avatar_id == "bob":
            raise ZeroDivisionError("no bob today")
        return DemoAvatar(avatar_id)

    def test_interface(self):
        self.assertTrue(verifyObject(ISessionRealm, self.realm))

    def test_login_and_end(self):
        client = self.log_in("alice", "secret")
        ((event, who, peer, number),) = self.logged("event", "avatar_id", "peer", "session")
        self.assertEqual((event, who, peer), ("login", "alice", "127.0.0.1:50000"))
        self.server.advance(2.5)
        client.leave()
        self.assertEqual(
            self.logged("event", "avatar_id", "peer", "session", "seconds", "why", "reason"),
            [("end", "alice", "127.0.0.1:50000", number, 2.5, "disconnected", 2)],
        )

    def test_refusal(self):
        self.log_in("alice", "secret")
        self.logged()
        second = self.server.connect()
        self.assertRaises(pb.RemoteError, second.login, "alice", "secret")
        ((event, who, peer, why, reason),) = self.logged(
            "event", "avatar_id", "peer", "why", "reason"
        )
        self.assertEqual((event, who, peer), ("refusal", "alice", "127.0.0.1:50001"))
        self.assertIn("alice is logged in already, from 127.0.0.1:50000", why)
        self.assertEqual(reason, 4)

    def test_avatar_that_fails(self):
        self.assertRaises(pb.RemoteError, self.log_in, "bob", "secret")
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(
            self.logged("event", "avatar_id", "why"),
            [("refusal", "bob", "ZeroDivisionError: no bob today")],
        )

    def test_guest(self):
        self.log_in()
        self.assertEqual(self.logged("event", "avatar_id"), [("login", "guest#1")])

    def test_guests_unwelcome(self):
        """A login that isn't one of the realm's has its line too."""
        server = MemoryServer(JournalRealm(CachingRealm(DemoAvatar, clock=self.clock)))
        self.assertRaises(pb.RemoteError, server.connect().login)
        self.assertEqual(
            self.logged("event", "avatar_id", "peer", "why"),
            [
                (
                    "refusal",
                    "anonymous",
                    "127.0.0.1:50000",
                    "anonymous logins are not accepted here (reason 4)",
                )
            ],
        )

    def test_gone_during_login(self):
        """A client that left before its avatar was there never was in."""
        avatar: Deferred[Any] = Deferred()
        inner = CachingRealm(lambda avatar_id: avatar, clock=self.clock)
        server = MemoryServer(JournalRealm(inner), clock=self.clock)
        client = server.connect()
        client.start_login("alice", "secret").addErrback(lambda why: None)
        server.flush()
        client.drop()
        avatar.callback(DemoAvatar("alice"))
        self.assertEqual(self.logged("event", "avatar_id", "reason"), [("refusal", "alice", 2)])

    def test_json(self):
        """The values survive a JSON log."""
        client = self.log_in("alice", "secret")
        client.leave()
        for event in self.events:
            read = json.loads(eventAsJSON(event))
            for name in ("event", "avatar_id", "peer", "session"):
                self.assertEqual(read[name], event[name])

    def test_plain_factory(self):
        """Under PB's own factory the mind tells where a client is."""
        portal = make_portal(self.realm, {"alice": "secret"})
        server = MemoryServer(self.realm, clock=self.clock, factory=pb.PBServerFactory(portal))
        self.server = server
        self.log_in("alice", "secret", RecordingMind())
        self.log_in()
        self.assertEqual(
            self.logged("avatar_id", "peer"),
            [("alice", "127.0.0.1:50000"), ("guest#1", "an unknown address")],
        )
