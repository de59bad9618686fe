"""
A random walk over everything that can happen to logins, in any order.
"""

import os
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    MindTrackingRealm,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    WaitForRoom,
)
from pbrealm._session.connection import has_sessions
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind, make_portal
from tests.avatars import Aware, Slow, SlowToAttach
from tests.examples import examples

NAMES = ["alice", "bob", "carol"]
LIMIT = 2
TOTAL = 4

which = st.integers(0, 1000)

publisher: Any = globalLogPublisher


class Boom(Exception):
    """What factories and attaches fail with here."""


class Walk(RuleBasedStateMachine):
    """
    A server with a slow factory, avatars that are slow to attach, a limit and a total, and clients
    that log in, leave and vanish.
    """

    server_factory: Any = None
    always_a_mind = False

    @initialize(
        policy=st.sampled_from([Refuse, ReplaceOldest, PingOldest, WaitForRoom]),
        linger=st.sampled_from([None, 0, 20]),
        most=st.sampled_from([None, 0, 1]),
    )
    def start(self, policy, linger, most):
        self.logged = []
        publisher.addObserver(self.log)
        self.avatars = []
        self.clock = Clock()
        self.slow = Slow(self.make)
        self.caching = CachingRealm(self.slow, linger=linger, max_avatars=most, clock=self.clock)
        self.limited = ConnectionLimitedRealm(
            AnonymousRealm(self.caching, DisposableRealm(self.make_guest)),
            limit=LIMIT,
            total=TOTAL,
            on_full=policy(),
        )
        self.realm = MindTrackingRealm(self.limited)
        factory = None
        if self.server_factory is not None:
            portal = make_portal(self.realm, dict.fromkeys(NAMES, "secret"))
            factory = self.server_factory(portal)
        self.server = MemoryServer(
            self.realm, dict.fromkeys(NAMES, "secret"), clock=self.clock, factory=factory
        )
        self.clients = []
        self.held = []

    def log(self, event):
        if failure := event.get("log_failure") or event.get("failure"):
            self.logged.append(failure)

    def make(self, name):
        self.avatars.append(SlowToAttach(name))
        return self.avatars[-1]

    def make_guest(self, name):
        self.avatars.append(Aware(name))
        return self.avatars[-1]

    def pick(self, things, number):
        return things[number % len(things)]

    @precondition(lambda self: len(self.clients) < 8)
    @rule()
    def connect(self):
        self.clients.append(self.server.connect())

    @precondition(lambda self: self.clients)
    @rule(
        number=which,
        name=st.sampled_from([*NAMES, "alice", None]),
        mind=st.sampled_from([RecordingMind, StallingMind, None]),
        password=st.sampled_from(["secret", "secret", "secret", "wrong"]),
    )
    def log_in(self, number, name, mind, password):
        client = self.pick(self.clients, number)
        if mind is None and self.always_a_mind:
            mind = RecordingMind
        login = maybeDeferred(client.start_login, name, password, mind and mind())
        login.addCallbacks(lambda reference: self.held.append((client, reference)), lambda _: None)

    @precondition(lambda self: len(self.clients) < 8)
    @rule(name=st.sampled_from(NAMES[:2]), mind=st.sampled_from([RecordingMind, StallingMind]))
    def log_in_completely(self, name, mind):
        """A whole login, which the small steps seldom complete while slots are few."""
        self.connect()
        self.log_in(-1, name, mind, "secret")
        self.server.flush()
        for slow in [self.slow, *self.attaching()]:
            while slow.calls:
                slow.finish()
        for slow in self.attaching():
            slow.finish()
        self.server.flush()

    @rule()
    def flush(self):
        self.server.flush()

    @precondition(lambda self: self.slow.calls)
    @rule(number=which)
    def finish_making(self, number):
        self.slow.finish(number % len(self.slow.calls))

    @precondition(lambda self: self.slow.calls)
    @rule(number=which)
    def fail_making(self, number):
        self.slow.fail(Boom(), number % len(self.slow.calls))

    def attaching(self):
        return [
            a.attaching for a in self.avatars if isinstance(a, SlowToAttach) and a.attaching.calls
        ]

    @precondition(lambda self: self.attaching())
    @rule(number=which)
    def finish_attaching(self, number):
        self.pick(self.attaching(), number).finish()

    @precondition(lambda self: self.attaching())
    @rule(number=which)
    def fail_attaching(self, number):
        self.pick(self.attaching(), number).fail(Boom())

    @precondition(lambda self: self.clients)
    @rule(number=which, how=st.sampled_from(["drop", "leave", "cut_off", "restore"]))
    def disconnect(self, number, how):
        client = self.pick(self.clients, number)
        getattr(client, how)()
        if how in ("drop", "leave"):
            self.clients.remove(client)

    @precondition(lambda self: self.held)
    @rule(number=which)
    def log_out(self, number):
        del self.held[number % len(self.held)]

    @precondition(lambda self: self.held)
    @rule(number=which, method=st.sampled_from(["greet", "who", "fail"]))
    def call(self, number, method):
        _, reference = self.pick(self.held, number)
        maybeDeferred(reference.callRemote, method).addErrback(lambda _: None)

    @precondition(lambda self: self.realm.sessions())
    @rule(number=which, reason=st.sampled_from(list(Reason)))
    def end(self, number, reason):
        self.pick(self.realm.sessions(), number).end(reason)

    @rule()
    def shut_down(self):
        for session in self.realm.sessions():
            session.end(Reason.SHUTTING_DOWN)

    @rule(name=st.sampled_from(NAMES))
    def evict(self, name):
        self.caching.evict(name)

    @rule()
    def broadcast(self):
        self.realm.broadcast("news")

    @rule(seconds=st.sampled_from([0.5, 3, 11, 31]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @invariant()
    def tables_agree(self):
        if not hasattr(self, "realm"):
            return
        sessions = self.realm.sessions()
        slots = self.limited._slots
        assert all(session.ended is None for session in sessions)
        assert sum(session.ended is None for session in slots._all) <= TOTAL
        assert set(sessions) <= set(slots._all)
        for name in [*NAMES, "guest#1"]:
            assert len(slots.holders(name)) <= LIMIT
            assert set(self.realm.sessions(name)) == {s for s in sessions if s.avatar_id == name}

    @invariant()
    def every_attach_has_one_detach_at_most(self):
        for avatar in getattr(self, "avatars", ()):
            here = []
            for entry in avatar.history:
                if entry[0] == "attached":
                    assert entry[1] not in here
                    here.append(entry[1])
                else:
                    here.remove(entry[1])
                    assert entry[1].ended is entry[2]
            # Each session that is attached is open, or its login is about to succeed.
            assert all(session.ended is None for session in here)
            assert here == avatar.clients
            assert set(here) <= set(self.limited._slots._all)

    def teardown(self):
        if not hasattr(self, "realm"):
            return
        for client in self.server.clients:
            client.drop()
        while self.slow.calls or self.attaching():
            for slow in [self.slow, *self.attaching()]:
                while slow.calls:
                    slow.finish()
        for avatar in self.avatars:
            for detaching in getattr(avatar, "detaching", ()):
                detaching.callback(None)
        self.clock.advance(100)
        publisher.removeObserver(self.log)
        assert self.realm.sessions() == ()
        assert len(self.limited._slots) == 0
        assert not self.limited._slots._by_key
        assert not self.limited._queues._queues
        assert not self.realm._presence._by_id
        assert not any(has_sessions(client.server_broker) for client in self.server.clients)
        assert all(avatar.clients == [] for avatar in self.avatars)
        assert all(kept.holders == 0 for kept in self.caching._avatars._entries.values())
        assert set(self.caching.avatars) == set(self.caching._avatars._entries)
        assert self.clock.getDelayedCalls() == []
        unexpected = [
            failure for failure in self.logged if not failure.check(Boom, UnauthorizedLogin)
        ]
        assert unexpected == []


class WalkUnderPlainPB(Walk):
    """
    The same under Twisted's own factory, where a realm sees the connection of a mind only.
    """

    server_factory = pb.PBServerFactory
    always_a_mind = True


# The same walks each time, so that what fails is what was changed; PBREALM_WALKS asks for that
# many others.
WALKS = int(os.environ.get("PBREALM_WALKS", "0"))
STEPS = settings(
    max_examples=WALKS or examples(100),
    stateful_step_count=50,
    deadline=None,
    derandomize=not WALKS,
)


class WalkTests(SynchronousTestCase):
    def walk(self, machine):
        run_state_machine_as_test(machine, settings=STEPS)
        self.flushLoggedErrors(Boom, UnauthorizedLogin)

    def test_walk(self):
        self.walk(Walk)

    def test_walk_under_plain_pb(self):
        self.walk(WalkUnderPlainPB)
