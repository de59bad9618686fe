"""
What can happen to logins, in any order.
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.spread import pb

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
from pbrealm.testing import MemoryServer, RecordingMind, StallingMind, make_portal
from tests.avatars import Slow, SlowToAttach
from tests.delivery.odd_errors import ODD_ERRORS
from tests.random_walk.avatars import KINDS, Boom, Life, Retiring, Watched
from tests.wire.objects import Point

NAMES = ["alice", "bob", "carol"]
LIMIT = 2
TOTAL = 4

which = st.integers(0, 1000)

publisher: Any = globalLogPublisher

kinds = st.sampled_from(KINDS)


def forged_mind():
    """What arrives as a failure whose attributes the client has chosen."""
    return pb.CopyableFailure(Failure(Boom("a mind")))


class Actions(RuleBasedStateMachine):
    """
    All that can happen at a server with a slow factory, avatars that are slow to attach, a limit
    and a total, and clients that log in, leave and vanish.
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
