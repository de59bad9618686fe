"""
A random walk over everything that can happen to a service that stays logged in, in any order.
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import (
    CachingRealm,
    Limits,
    LoginEnded,
    LoginRefused,
    MindTrackingRealm,
    Reason,
    WrappingRealm,
)
from pbrealm.client import LoginService
from pbrealm.testing import (
    MemoryEndpoint,
    MemoryServer,
    RecordingMind,
    StallingMind,
    make_portal,
)
from tests.avatars import Player, Slow
from tests.client.cases import Recorder
from tests.examples import run_walks

FOLLOWING = {
    "start": {"logged in", "coming back", "stopped", "start"},
    "logged in": {"lost"},
    "lost": {"coming back", "stopped", "start"},
    "coming back": {"logged in", "coming back", "stopped"},
    "stopped": {"start", "logged in", "coming back", "stopped"},
}
"""What may be told after what; C{start} is a call of C{startService} that isn't one too many."""


class StubbornEndpoint(MemoryEndpoint):
    """Goes on connecting when it is cancelled."""

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        connected: Deferred[Any] = Deferred()
        super().connect(protocolFactory).addBoth(connected.callback)
        return connected


class Moody(WrappingRealm):
    """Refuses logins as a test says."""

    refusal: Exception | None = None

    async def admit(self, session: Any, interfaces: Any) -> Any:
        if self.refusal is not None:
            raise self.refusal
        return await super().admit(session, interfaces)


class Walk(RuleBasedStateMachine):
    @initialize(
        mind=st.sampled_from([None, RecordingMind, StallingMind]),
        plain=st.booleans(),
        slow=st.booleans(),
        endpoint=st.sampled_from([MemoryEndpoint, StubbornEndpoint]),
    )
    def begin(self, mind, plain, slow, endpoint):
        self.slow: Any = Slow(Player) if slow else None
        self.moody = Moody(CachingRealm(self.slow or Player))
        self.realm = MindTrackingRealm(self.moody)
        factory = None
        if plain:
            factory = pb.PBServerFactory(make_portal(self.realm, {"alice": "secret"}))
        self.server = MemoryServer(self.realm, limits=Limits(), factory=factory)
        self.clock = self.server.clock
        self.endpoints = [endpoint(self.server), MemoryEndpoint(self.server)]
        self.password = b"secret"
        self.observer = Recorder()
        self.service = LoginService(
            self.endpoints,
            lambda: UsernamePassword(b"alice", self.password),
            None if mind is None else mind(),
            observer=self.observer,
            reactor=self.clock,
        )
        self.waits: list[Deferred[Any]] = []

    def watch(self, waiting):
        self.waits.append(waiting)

    # What the program does

    @rule()
    def start(self):
        if not self.service.running:
            self.observer.events.append(("start",))
        self.service.startService()

    @rule()
    def stop(self):
        self.watch(self.service.stopService())

    @rule(method=st.sampled_from(["greet", "fail", "later"]), pbwait=st.sampled_from([None, 5]))
    def call(self, method, pbwait):
        self.watch(self.service.call(method, pbwait=pbwait))

    @rule()
    def wait_for_the_login(self):
        self.watch(self.service.when_logged_in())

    @rule()
    def wait_for_the_stop(self):
        self.watch(self.service.when_stopped())

    @precondition(lambda self: self.waits)
    @rule(number=st.integers(0, 1000))
    def cancel(self, number):
        self.waits[number % len(self.waits)].cancel()

    @rule(what=st.sampled_from(["logged_in", "lost", "coming_back", "stopped"]))
    def stop_when_told(self, what):
        """The next time that the observer is told this, it stops the service."""
        original = getattr(Recorder, what)

        def told(*args: Any) -> None:
            delattr(self.observer, what)
            original(self.observer, *args)
            self.watch(self.service.stopService())

        setattr(self.observer, what, told)

    @rule(password=st.sampled_from([b"secret", b"guess"]))
    def change_the_password(self, password):
        self.password = password

    # What the server does

    @rule(reason=st.sampled_from(list(Reason)))
    def end(self, reason):
        for session in self.realm.sessions():
            session.end(reason)

    @rule(reason=st.sampled_from([None, Reason.REFUSED, Reason.BUSY]))
    def refuse(self, reason):
        self.moody.refusal = None if reason is None else LoginRefused("no", reason)

    @precondition(lambda self: self.slow is not None and self.slow.calls)
    @rule()
    def make_the_avatar(self):
        self.slow.finish()

    @rule()
    def kill(self):
        self.server.kill()

    @rule()
    def restart(self):
        self.server.restart()

    # What the network does

    @rule()
    def cut(self):
        for endpoint in self.endpoints:
            endpoint.cut_off()

    @rule()
    def restore(self):
        for endpoint in self.endpoints:
            endpoint.restore()

    @precondition(lambda self: self.server.clients)
    @rule()
    def drop(self):
        self.server.clients[-1].drop()

    @precondition(lambda self: self.server.clients)
    @rule(rounds=st.integers(1, 6))
    def deliver_some(self, rounds):
        self.clock.advance(0)
        for _ in range(rounds):
            self.server.clients[-1].pump()

    @rule(seconds=st.sampled_from([0, 1, 5, 30, 100]))
    def advance(self, seconds):
        for _ in range(max(seconds, 1)):
            self.server.advance(1 if seconds else 0)

    # What holds

    @invariant()
    def one_connection(self):
        """There is one at a time, but for those that are being aborted."""
        open_ones = [
            client
            for client in self.server.clients
            if not client.broker.disconnected and not client.broker.transport.disconnecting
        ]
        assert len(open_ones) <= 1, open_ones

    @invariant()
    def perspective(self):
        logged_in = bool(self.events) and self.events[-1] == "logged in"
        assert (self.service.perspective is not None) == logged_in

    @invariant()
    def told_in_order(self):
        for earlier, later in zip(["start", *self.events], self.events, strict=False):
            assert later in FOLLOWING[earlier], self.events

    @invariant()
    def stopped_is_told_once(self):
        starts = stops = 0
        for event in self.events:
            starts += event == "start"
            stops += event == "stopped"
            assert stops <= starts, self.events

    @property
    def events(self):
        return [event[0] for event in self.observer.events]

    def teardown(self):
        if not hasattr(self, "service"):
            return
        self.stop()
        self.advance(30)
        assert self.service.perspective is None
        assert "start" not in self.events or self.events[-1] == "stopped", self.events
        for endpoint in self.endpoints:
            endpoint.restore()
        self.advance(5)
        assert all(client.broker.disconnected for client in self.server.clients)
        # Who waits for the next stop, in a service that was never started, still does.
        pending = [each for each in self.waits if not each.called]
        assert not pending or "start" not in self.events, pending
        for each in pending:
            each.cancel()
        for each in self.waits:
            results: list[Any] = []
            each.addBoth(results.append)
            (result,) = results
            if isinstance(result, Failure) and isinstance(result.value, LoginEnded):
                assert not result.value.reconnect, result.value
        assert len(self.service._for_login) == len(self.service._for_stop) == 0
        left = [str(call) for call in self.clock.getDelayedCalls()]
        assert not [call for call in left if "Keepalive" in call or "client" in call], left


class WalkTests(SynchronousTestCase):
    def test_walk(self):
        run_walks(Walk, 300, steps=40)
        # What a plain server logs of a wrong password.
        self.flushLoggedErrors(UnauthorizedLogin)
