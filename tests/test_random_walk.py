"""
A random walk over everything that can happen to logins, in any order.
"""

import asyncio
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import (
    AnonymousRealm,
    CachingRealm,
    ConnectionLimitedRealm,
    DisposableRealm,
    IRetirable,
    MindTrackingRealm,
    PingOldest,
    Reason,
    Refuse,
    ReplaceOldest,
    WaitForRoom,
)
from pbrealm._session.connection import has_sessions
from pbrealm.realms._detaching import MAX_WAIT
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind, make_portal
from tests.avatars import Aware, Slow, SlowToAttach
from tests.delivery.odd_errors import ODD_ERRORS
from tests.examples import run_walks
from tests.wire.objects import Point

NAMES = ["alice", "bob", "carol"]
LIMIT = 2
TOTAL = 4

which = st.integers(0, 1000)

publisher: Any = globalLogPublisher


class Boom(Exception):
    """What factories and attaches fail with here."""


KINDS = [Boom, Boom, asyncio.CancelledError, GeneratorExit, SystemExit, KeyboardInterrupt]
"""All that they fail with; most is let through by C{except Exception}."""

kinds = st.sampled_from(KINDS)


class Life:
    """
    One call of a factory, and what becomes of the avatar that it makes.

    @ivar evicted: whether it was evicted while sessions held it, or waited for it.
    @ivar retiring: fires when the avatar has retired; L{None} before that begins.
    @ivar over: whether there is no avatar, or not any more.
    """

    def __init__(self, name):
        self.name = name
        self.evicted = False
        self.retiring: Deferred[Any] | None = None
        self.over = False

    def end(self, result):
        self.over = True
        return result


@implementer(IRetirable)
class Retiring(Aware):
    """
    Retires when the test says so, and notes if it's told to at a wrong time.
    """

    life: Life
    wrong: list[str]

    def busy(self):
        """What keeps it from being retired now."""
        return self.clients

    def retire(self):
        if self.life.retiring is not None:
            self.wrong.append(f"{self.name} is retired twice")
        if self.busy():
            self.wrong.append(f"{self.name} is retired with {self.busy()} on it")
        self.life.retiring = Deferred()
        return self.life.retiring.addBoth(self.life.end)


class Watched(Retiring, SlowToAttach):
    """
    Notes if it attaches while an earlier session of its avatar id is detaching.

    @ivar detached_since: when the sessions of each avatar id began to detach that aren't done.
    """

    def __init__(self, name, clock, detached_since):
        super().__init__(name)
        self.clock = clock
        self.detached_since = detached_since
        self.too_early = []

    def busy(self):
        detaching = [pending for pending in self.detaching if not pending.called]
        return [*self.clients, *self.attaching.calls, *detaching]

    def attached(self, session):
        now = self.clock.seconds()
        for began in self.detached_since[self.name]:
            if now - began < MAX_WAIT:
                self.too_early.append((session, began, now))
        return super().attached(session)

    def detached(self, session, reason):
        began = self.clock.seconds()
        self.detached_since[self.name].append(began)
        pending = super().detached(session, reason)
        pending.addBoth(lambda _: self.detached_since[self.name].remove(began))
        return pending


def forged_mind():
    """What arrives as a failure whose attributes the client has chosen."""
    return pb.CopyableFailure(Failure(Boom("a mind")))


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
        close_first=st.booleans(),
    )
    def start(self, policy, linger, most, close_first):
        self.close_first = close_first
        self.logged = []
        publisher.addObserver(self.log)
        self.avatars = []
        self.lives: list[Life] = []
        self.wrong: list[str] = []
        self.detached_since: dict[str, list[float]] = {name: [] for name in NAMES}
        self.notified = []
        self.reports = []
        self.clock = Clock()
        self.slow = Slow(self.make)
        self.caching = CachingRealm(self.begin, linger=linger, max_avatars=most, clock=self.clock)
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
        self.logins = []
        self.held = []

    def log(self, event):
        if failure := event.get("log_failure") or event.get("failure"):
            self.logged.append(failure)

    def begin(self, name):
        """The factory of the cached avatars: there is one of a name at a time."""
        for life in self.lives:
            if life.name == name and not life.over and not life.evicted:
                self.wrong.append(f"a second {name} is made")
        life = self.add_life(name)
        pending = self.slow(name, life)
        return pending.addErrback(life.end)

    def add_life(self, name):
        self.lives.append(Life(name))
        return self.lives[-1]

    def make(self, name, life):
        return self.add(Watched(name, self.clock, self.detached_since), life)

    def make_guest(self, name):
        return self.add(Retiring(name), self.add_life(name))

    def add(self, avatar, life):
        avatar.life, avatar.wrong = life, self.wrong
        self.avatars.append(avatar)
        return avatar

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
        mind=st.sampled_from([RecordingMind, StallingMind, None, forged_mind, Point]),
        password=st.sampled_from(["secret", "secret", "secret", "wrong"]),
    )
    def log_in(self, number, name, mind, password):
        client = self.pick(self.clients, number)
        if mind in (None, forged_mind, Point) and self.always_a_mind:
            mind = RecordingMind
        login = maybeDeferred(client.start_login, name, password, mind and mind())
        self.logins.append(login)
        login.addCallbacks(lambda reference: self.held.append((client, reference)), lambda _: None)

    @precondition(lambda self: self.logins)
    @rule(number=which)
    def cancel_login(self, number):
        """The client doesn't want to wait any more."""
        self.pick(self.logins, number).cancel()

    @precondition(lambda self: self.clients and not self.always_a_mind)
    @rule(number=which, error=st.sampled_from(sorted(ODD_ERRORS)))
    def answer_oddly(self, number, error):
        """From now on a client answers all that it is asked with an odd error."""
        broker: Any = self.pick(self.clients, number).broker
        broker._sendAnswer = lambda _, request: broker.sendCall(
            b"error", request, ODD_ERRORS[error]
        )

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

    def failure(self, kind):
        # Plain PB answers the login with a class where it isn't an Exception.
        return Boom() if self.always_a_mind else kind()

    @precondition(lambda self: self.slow.calls)
    @rule(number=which, kind=kinds)
    def fail_making(self, number, kind):
        self.slow.fail(self.failure(kind), number % len(self.slow.calls))

    def attaching(self):
        return [
            a.attaching for a in self.avatars if isinstance(a, SlowToAttach) and a.attaching.calls
        ]

    @precondition(lambda self: self.attaching())
    @rule(number=which)
    def finish_attaching(self, number):
        self.pick(self.attaching(), number).finish()

    @precondition(lambda self: self.attaching())
    @rule(number=which, kind=kinds)
    def fail_attaching(self, number, kind):
        self.pick(self.attaching(), number).fail(self.failure(kind))

    def detaching(self):
        return [
            pending
            for avatar in self.avatars
            for pending in getattr(avatar, "detaching", ())
            if not pending.called
        ]

    @precondition(lambda self: self.detaching())
    @rule(number=which)
    def finish_detaching(self, number):
        self.pick(self.detaching(), number).callback(None)

    @precondition(lambda self: self.detaching())
    @rule(number=which, kind=kinds)
    def fail_detaching(self, number, kind):
        self.pick(self.detaching(), number).errback(kind())

    def retiring(self):
        return [
            life.retiring
            for life in self.lives
            if life.retiring is not None and not life.retiring.called
        ]

    @precondition(lambda self: self.retiring())
    @rule(number=which)
    def finish_retiring(self, number):
        self.pick(self.retiring(), number).callback(None)

    @precondition(lambda self: self.retiring())
    @rule(number=which, kind=kinds)
    def fail_retiring(self, number, kind):
        self.pick(self.retiring(), number).errback(kind())

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

    @precondition(lambda self: self.realm.sessions())
    @rule(number=which, arguments=st.sampled_from([("kicked",), (None,), (4,), (Reason,)]))
    def end_oddly(self, number, arguments):
        """A mistake of the program, which leaves the session as it was."""
        session = self.pick(self.realm.sessions(), number)
        for odd in ({"reason": arguments[0]}, {"text": 5}):
            try:
                session.end(**odd)
            except TypeError:
                pass
            else:
                raise AssertionError(f"a session has ended for {odd}")
        assert session.ended is None

    @precondition(lambda self: self.realm.sessions())
    @rule(number=which, kind=kinds)
    def fail_on_end(self, number, kind):
        def fail(*_):
            raise kind

        self.pick(self.realm.sessions(), number).on_end(fail)

    @precondition(lambda self: self.realm.sessions())
    @rule(number=which, times=st.integers(1, 4))
    def notify(self, number, times):
        """Several calls of one client; the failure of one makes the program cancel the others."""
        session = self.pick(self.realm.sessions(), number)
        for _ in range(times):
            answer = session.notify("news")
            self.notified.append(answer)
            answer.addErrback(self.cancel_all)

    def cancel_all(self, _):
        for answer in self.notified[:]:
            answer.cancel()

    @precondition(lambda self: self.notified)
    @rule(number=which)
    def cancel_notify(self, number):
        self.pick(self.notified, number).cancel()

    @rule()
    def shut_down(self):
        for session in self.realm.sessions():
            session.end(Reason.SHUTTING_DOWN)

    @rule(name=st.sampled_from(NAMES))
    def evict(self, name):
        if self.caching.evict(name):
            for life in self.lives:
                if life.name == name and life.retiring is None:
                    life.evicted = True

    @rule()
    def broadcast(self):
        report: Deferred[Any] = self.realm.broadcast("news")
        self.reports.append(report)
        report.addErrback(lambda why: self.logged.append(why))

    @rule(seconds=st.sampled_from([0.5, 3, 11, 31, 61]))
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

    @invariant()
    def attaches_after_the_last_detach(self):
        for avatar in getattr(self, "avatars", ()):
            assert getattr(avatar, "too_early", []) == []

    @invariant()
    def retires_in_order(self):
        assert getattr(self, "wrong", []) == []

    def teardown(self):
        if not hasattr(self, "realm"):
            return
        closed = self.realm.close() if self.close_first else None
        for client in self.server.clients:
            client.drop()
        while self.slow.calls or self.attaching():
            for slow in [self.slow, *self.attaching()]:
                while slow.calls:
                    slow.finish()
        for avatar in self.avatars:
            for detaching in getattr(avatar, "detaching", ()):
                if not detaching.called:
                    detaching.callback(None)
        if closed is None:
            self.clock.advance(100)
            closed = self.realm.close()
        while self.retiring():
            self.retiring()[0].callback(None)
        assert closed.called
        self.clock.advance(100)
        assert self.wrong == []
        assert all(life.over for life in self.lives)
        assert all(avatar.life.retiring is not None for avatar in self.avatars)
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
        assert all(report.called for report in self.reports)
        assert all(answer.called for answer in self.notified)
        unexpected = [
            failure for failure in self.logged if not failure.check(*KINDS, UnauthorizedLogin)
        ]
        assert unexpected == []


class WalkUnderPlainPB(Walk):
    """
    The same under Twisted's own factory, where a realm sees the connection of a mind only, and
    Twisted's broker fails at odd answers.
    """

    server_factory = pb.PBServerFactory
    always_a_mind = True


class WalkTests(SynchronousTestCase):
    def walk(self, machine):
        run_walks(machine, 100)
        self.flushLoggedErrors(*KINDS, UnauthorizedLogin)

    def test_walk(self):
        self.walk(Walk)

    def test_walk_under_plain_pb(self):
        self.walk(WalkUnderPlainPB)
