"""
The server factory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakSet

from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.jelly import SecurityOptions, globalSecurity

from pbrealm._arguments import check_portal, check_seconds, described
from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.backlog import Backlog
from pbrealm._error_log import set_error_log
from pbrealm._server.broker import ServerBroker
from pbrealm._server.client_connection import ClientConnection
from pbrealm._server.connection_limits import Admission, Place, origin_of
from pbrealm._server.drain import Drain, DrainState
from pbrealm._server.limits import Limits
from pbrealm._server.login_methods import (
    DEFAULT_LOGIN_METHODS,
    LoginMethods,
)
from pbrealm._server.login_root import PortalRoot
from pbrealm._server.meter import Meter
from pbrealm._server.server_state import OpenConnection, ServerState
from pbrealm._server.stats import ServerStats
from pbrealm._session.goodbye import GOODBYE, set_goodbye
from pbrealm._session.served_realms import set_served_realms
from pbrealm._types import AnyClock, AnyLoginMethod
from pbrealm.errors import Reason
from pbrealm.realms._closing import add_server, close_realms

_log = Logger()
PATIENCE: Final = 10.0
"""Seconds that avatars and states get in all to detach and to retire, by default."""

_LIMITS = Limits()
_BACKLOG = Backlog()


class ServerFactory(pb.PBServerFactory):
    """
    A L{pb.PBServerFactory} for open networks.

    It keeps every client to its L{Limits}, and finds clients that don't answer.  Its realms see
    the connection of each login, whether or not the client passes a mind; and a login ends with
    its connection, also while it is pending.

    @ivar realm: that of the portal.
    @ivar reached: realms that logins have reached by way of hand-written ones.
    """

    protocol = ServerBroker
    noisy = False

    def __init__(
        self,
        portal: Portal,
        limits: Limits = _LIMITS,
        backlog: Backlog = _BACKLOG,
        *,
        login_methods: Iterable[AnyLoginMethod] = DEFAULT_LOGIN_METHODS,
        goodbye: str | None = GOODBYE,
        clock: AnyClock | None = None,
        unsafeTracebacks: bool = False,
        security: SecurityOptions = globalSecurity,
    ) -> None:
        """
        @param portal: for any realm.
        @param limits: what clients may do, and for how long.
        @param backlog: how much may wait to be sent to each client.
        @param login_methods: each an L{ILoginMethod<pbrealm.interfaces.ILoginMethod>}; the
            ways to log in, in place of Perspective Broker's own, which are L{PasswordLogin
            <pbrealm.logins.PasswordLogin>} and L{AnonymousLogin
            <pbrealm.logins.AnonymousLogin>}.
        @param goodbye: the method of minds that is called when the server ends their session, as
            C{remote_goodbye(code, text, reconnect)}; L{None} if the clients know none.
        @param clock: by default the global reactor.  The realms use it, too, unless they have
            a clock of their own.
        @param unsafeTracebacks: as in L{pb.PBServerFactory}.
        @param security: as in L{pb.PBServerFactory}.
        @raise TypeError: if an argument is of the wrong kind.
        @raise ValueError: if there are no login methods, or two of one name.
        """
        check_portal(portal)
        _check("limits", limits, Limits)
        _check("backlog", backlog, Backlog)
        if goodbye is not None and not (isinstance(goodbye, str) and goodbye):
            raise TypeError(f"goodbye must be the name of a method or None, not {goodbye!r}")
        root = PortalRoot(portal, LoginMethods(login_methods))
        super().__init__(root, unsafeTracebacks, security)
        self.realm = portal.realm
        self.reached: WeakSet[Any] = WeakSet()
        self._limits = limits
        self._backlog = backlog
        self._goodbye = goodbye
        self.clock = clock
        self._state: ServerState | None = None
        self._meter: Meter | None = None
        self._drain: Drain | None = None
        # What has whatever listens for this factory stop.
        self._listeners: list[Callable[[], object]] = []
        add_server(self)

    @property
    def serving(self) -> bool:
        """Whether it listens, or has connections, and isn't closed."""
        state, drain = self._state, self._drain
        if state is None:
            return self.numPorts > 0
        if drain is not None and drain.state is DrainState.DRAINING:
            return True
        return not state.closing and (self.numPorts > 0 or bool(state.connections))

    @property
    def limits(self) -> Limits:
        """
        What clients may do, and for how long.  Others may be set at any time, and hold for those
        who are connected, too.

        A connection that is over a limit on connections stays.  Who has begun to come back to a
        session, or has to log in, has the time that was allowed when that began.
        """
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        _check("limits", limits, Limits)
        self._limits = limits
        if self._state is not None:
            self._state.replace_limits(limits)

    @property
    def backlog(self) -> Backlog:
        """
        How much may wait to be sent to each client.  Another may be set at any time, and holds
        for those who are connected, too.
        """
        return self._backlog

    @backlog.setter
    def backlog(self, backlog: Backlog) -> None:
        _check("backlog", backlog, Backlog)
        self._backlog = backlog
        if self._state is not None:
            self._state.backlog.replace(backlog)

    @property
    def meter(self) -> Meter | None:
        """
        Measures calls and logins; L{None} if nobody asks.  One may be set at any time.
        """
        return self._meter

    @meter.setter
    def meter(self, meter: Meter | None) -> None:
        self._meter = meter
        if self._state is not None:
            self._state.set_meter(meter)

    def _server_state(self) -> ServerState:
        # Made when it's first needed, since a factory may be made before there is a reactor.
        if self._state is None:
            self._state = ServerState(self._limits, self._backlog, clock_or_reactor(self.clock))
            self._state.meter = self._meter
        return self._state

    def stats(self) -> Deferred[ServerStats]:
        """
        The figures of all its connections together.

        @return: fires with L{ServerStats}: with very many connections not at once, so that adding
            up holds nothing up.
        """
        return Deferred.fromCoroutine(self._server_state().stats())

    def add_listener(self, stop: Callable[[], object]) -> None:
        """
        Something listens for this factory.

        @param stop: has it stop.  It may be called when it has stopped already.
        """
        self._listeners.append(stop)

    @property
    def draining(self) -> Drain | None:
        """The drain that was begun; L{None} if none was."""
        return self._drain

    def drain(self, seconds: float = 10, *, text: str | None = None) -> Drain:
        """
        Accept no more clients, and end all sessions for the reason "shutting down", so that the
        clients come back to another server; then L{close}.

        What a L{ServerService<pbrealm.ServerService>} listens at is closed at once.

        @param seconds: over which the sessions end, evenly, so that the clients don't come to the
            other server all at once.
        @param text: what the goodbyes tell the clients, by default the text of the reason.
        @raise ValueError: if C{seconds} is negative, too large, or no number.
        @raise RuntimeError: if the factory is being drained or closed already.
        """
        check_seconds("seconds", seconds)
        state = self._server_state()
        if state.closing:
            raise RuntimeError("the server is being drained or closed already")
        state.closing = True
        for stop in self._listeners:
            stop()
        connections = sorted(state.connections, key=_age)
        self._drain = drain = Drain(connections, seconds, text, state.clock, self._close_drained)
        return drain

    def _close_drained(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._close(self._server_state(), PATIENCE))

    def close(self, patience: float = PATIENCE) -> Deferred[None]:
        """
        Accept no more clients, end all sessions for the reason "shutting down", close all
        connections, and have the realms retire their avatars and states.

        A realm that another server serves, also within another realm, stays open, and is closed
        with the last of them.

        @param patience: seconds that avatars and states get in all to detach and to retire.
        @return: fires when the last connection is lost and all has retired.  It never fails, and
            takes no longer than C{patience}, and the seconds that a client gets to answer the
            goodbye and to take what is still to be sent.
        """
        state = self._server_state()
        state.closing = True
        if self._drain is not None:
            self._drain.finish()
            return self._drain.done()
        return Deferred.fromCoroutine(self._close(state, patience))

    async def _close(self, state: ServerState, patience: float) -> None:
        sessions = [session for client in state.connections for session in client.sessions]
        # All are revoked before the first is ended, or those who wait for a slot would get one.
        for session in sessions:
            session.revoke(Reason.SHUTTING_DOWN)
        ends = DeferredList(
            [session.end(Reason.SHUTTING_DOWN) for session in sessions], consumeErrors=True
        )
        ends.addTimeout(patience, state.clock, onTimeoutCancel=_out_of_patience)
        # An avatar that takes its time to detach doesn't keep others from retiring.
        retired = close_realms(self)
        retired.addTimeout(patience, state.clock, onTimeoutCancel=lambda *_: None)
        await ends
        # For some logins by way of hand-written realms, only this is the end.
        await DeferredList([client.close() for client in tuple(state.connections)])
        await retired
        state.errors.stop()

    def buildProtocol(self, addr: IAddress | None) -> ServerBroker | None:
        """
        Make the broker of a new connection.

        @return: L{None} if there are too many connections, or the factory is closed.
        """
        state = self._server_state()
        if state.closing:
            return None
        place = Place(state.counter, origin_of(addr))
        if place.admission is Admission.REJECTED:
            state.rejected_connections += 1
            return None
        broker: ServerBroker = self.protocol(False, self.security)
        broker.factory = self
        set_error_log(broker, state.errors)
        set_served_realms(broker, self.reached)
        if self._goodbye != GOODBYE:
            set_goodbye(broker, self._goodbye)
        broker.held_for_all = state.held
        broker.client = ClientConnection(state, broker, place)
        broker.login_root = root = self.root.rootObject(broker)
        broker.setNameForLocal("root", root)
        return broker


def _check(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {kind.__name__}(…), not {described(value)}")


def _age(connection: OpenConnection) -> int:
    """By what connections are ordered: that which began its first session first comes first."""
    return min((session.id for session in connection.sessions), default=0)


def _out_of_patience(_: object, seconds: float) -> None:
    _log.warn("closing with sessions that did not end within {seconds:g} seconds", seconds=seconds)
