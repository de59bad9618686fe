"""
What clients can have a program fail with, outside of their calls, stays within the log's budget.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    CachingRealm,
    DisposableRealm,
    IClientAware,
    MindTrackingRealm,
    RoutingRealm,
    SharedDict,
)
from pbrealm._error_log import LINES_PER_PERIOD
from pbrealm._wire.received_failure import received_failure
from pbrealm.client import ClientFactory
from pbrealm.testing import MemoryServer, make_portal
from tests.avatars import Player
from tests.logs import log_entries

HOSTILE = "\x1b[31m\r\nfake\u2028é"
TIMES = LINES_PER_PERIOD + 40


def answered() -> Failure:
    """An error as a client answers with it."""
    copied: Any = pb.CopiedFailure.__new__(pb.CopiedFailure)
    text = HOSTILE * 20000
    copied.setCopyableState({"type": text, "value": text, "traceback": text, "parents": []})
    return received_failure(copied)


def raise_text(*_: object) -> None:
    """Raise what repeats text of a client."""
    raise ValueError(HOSTILE * 20000)


class Watched(pb.Cacheable):
    """Fails when its copies are to be watched no more."""

    def getStateToCacheAndObserveFor(self, perspective: Any, observer: Any) -> dict[str, str]:
        return {}

    def stoppedObserving(self, perspective: Any, observer: Any) -> None:
        raise_text()


class WatchedCopy(pb.RemoteCache):
    pass


pb.setUnjellyableForClass(Watched, WatchedCopy)


@implementer(IClientAware)
class Avatar(Player):
    """Its hooks do what the test says."""

    def attached(self, session: Any) -> Any:
        pass

    def detached(self, session: Any, reason: Any) -> Any:
        pass

    def perspective_watched(self) -> Watched:
        return Watched()


class FailingProgramTests(SynchronousTestCase):
    mind: Any = None

    def setUp(self) -> None:
        self.entries = log_entries(self)

    def serve(self, realm: Any, **how: Any) -> None:
        self.realm = realm
        self.server = MemoryServer(realm, **how)

    def come_and_go(self, *calls: str) -> None:
        """Log in and leave, many times."""
        for _ in range(TIMES):
            client: Any = self.server.connect()
            held = client.login("alice", "secret", self.mind)
            for name in calls:
                held.kept = client.call(held, name)
            for session in self.realm.sessions() if calls else ():
                session.end()
            client.leave()

    def assert_within_budget(self, what: str) -> None:
        entries = [entry for entry in self.entries if "[pbrealm.journal#" not in entry]
        self.assertIn(what, entries[0])
        self.assertLessEqual(len(entries), LINES_PER_PERIOD + 1)
        self.assertGreater(len(entries), LINES_PER_PERIOD - 20)
        for entry in entries:
            self.assertLess(len(entry.encode()), 8000)
            self.assertNotRegex(entry, "[\x1b\r\u2028]")
            self.assertNotIn("\nfake", entry)
        for entry in entries[1:]:
            self.assertLessEqual(len(entry.encode()), 200)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_detached(self) -> None:
        self.patch(Avatar, "detached", lambda *_: fail(answered()))
        self.serve(MindTrackingRealm(CachingRealm(Avatar)))
        self.come_and_go()
        self.assert_within_budget("failed to detach")

    def test_hand_written_realm_around(self) -> None:
        """It passes on a bare mind, or none."""
        self.patch(Avatar, "detached", lambda *_: fail(answered()))
        clock = Clock()
        realm = MindTrackingRealm(CachingRealm(Avatar, clock=clock))

        @implementer(IRealm)
        class HandWritten:
            def requestAvatar(self, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:
                return realm.requestAvatar(avatar_id, mind, *interfaces)

        self.serve(HandWritten(), clock=clock)
        self.come_and_go()
        self.mind = pb.Referenceable()
        self.come_and_go()
        self.assert_within_budget("failed to detach")

    def test_plain_factory(self) -> None:
        """Its connections share a log, whether or not the realm can see them."""
        self.patch(Avatar, "detached", lambda *_: fail(answered()))
        clock = Clock()
        realm = MindTrackingRealm(CachingRealm(Avatar, clock=clock))
        plain = pb.PBServerFactory(make_portal(realm, {"alice": "secret"}))
        self.serve(realm, clock=clock, factory=plain)
        self.come_and_go()
        self.mind = pb.Referenceable()
        self.come_and_go()
        self.assert_within_budget("failed to detach")

    def test_callback_at_the_end(self) -> None:
        self.patch(Avatar, "attached", lambda _, session: session.on_end(raise_text))
        self.serve(MindTrackingRealm(CachingRealm(Avatar)))
        self.come_and_go()
        self.assert_within_budget("failed at the end")

    def test_subscriber(self) -> None:
        self.serve(MindTrackingRealm(CachingRealm(Player)))
        self.realm.subscribe(raise_text)
        self.come_and_go()
        self.assert_within_budget("failed at its Arrival")

    def test_copies(self) -> None:
        self.serve(MindTrackingRealm(DisposableRealm(Avatar)))
        self.come_and_go("watched")
        self.assert_within_budget("failed to stop observing")

    def leave_while_logging_in(self, pending: list[Deferred[Any]]) -> None:
        """Log in and leave before the program is ready, many times; then it fails."""
        for _ in range(TIMES):
            client = self.server.connect()
            client.start_login("alice", "secret").addErrback(lambda _: None)
            self.server.flush()
            client.leave()
            pending.pop().errback(answered())

    def test_late_attached(self) -> None:
        pending: list[Deferred[Any]] = []

        def attach(*_: object) -> Deferred[Any]:
            pending.append(Deferred())
            return pending[-1]

        self.patch(Avatar, "attached", attach)
        self.serve(MindTrackingRealm(CachingRealm(Avatar)))
        self.leave_while_logging_in(pending)
        self.assert_within_budget("too late to tell the client")

    def test_late_factory(self) -> None:
        pending: list[Deferred[Any]] = []

        def make(name: str) -> Deferred[Any]:
            pending.append(Deferred())
            return pending[-1]

        self.serve(MindTrackingRealm(CachingRealm(make)))
        self.leave_while_logging_in(pending)
        self.assert_within_budget("making the avatar or state failed")

    def test_hand_written_logout(self) -> None:
        class Realm:
            def requestAvatar(self, avatar_id: Any, mind: Any, *interfaces: Any) -> Any:
                return interfaces[0], Player("alice"), raise_text

        self.serve(Realm())
        self.come_and_go()
        self.assert_within_budget("the logout")

    def test_shared_dict(self) -> None:
        class Shared(SharedDict):
            pass

        self.serve(MindTrackingRealm(CachingRealm(Avatar)))
        shared = Shared(HOSTILE * 20000, clock=self.server.clock)
        self.patch(Avatar, "perspective_watched", lambda self: shared)
        client = self.server.connect(ClientFactory())
        held = client.login("alice", "secret")
        self.copy = client.call(held, "watched")
        for number in range(TIMES):
            shared[number] = lambda: None
        self.assert_within_budget("a change of Shared")

    def test_choice_of_a_realm(self) -> None:
        """It asks the client, whose error fails the login."""

        class Mind(pb.Referenceable):
            def remote_kind(self) -> None:
                raise pb.Error(HOSTILE * 20000)

        self.serve(RoutingRealm(lambda session, _: session.notify("kind")))
        for _ in range(TIMES):
            client = self.server.connect()
            client.start_login("alice", "secret", Mind()).addErrback(lambda _: None)
            self.server.flush()
            client.leave()
        self.assert_within_budget("a login failed")
