"""
The service that stays logged in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from secrets import token_bytes
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._arguments import described
from pbrealm._clock import clock_or_reactor
from pbrealm._delivery.notify import check_timeout
from pbrealm._types import AnyClock, AnyCredentials, AnyLoginObserver
from pbrealm.client._backoff import Backoff
from pbrealm.client._calls import call_perspective
from pbrealm.client._endpoints import ClientEndpoint, Endpoints
from pbrealm.client._login_connection import LoginConnection
from pbrealm.client._login_failures import logged_out
from pbrealm.client._login_settings import (
    LoginSettings,
    check_credentials,
    checked_client_id,
    positive_bytes,
    positive_seconds,
)
from pbrealm.client._login_states import SERVICE, ServiceState
from pbrealm.client._mind import GoodbyeMind
from pbrealm.client._observer import Observer
from pbrealm.client._waiting import Waiting
from pbrealm.errors import LoginEnded, NotLoggedIn, Reason

_log = Logger(namespace="pbrealm")

LOGIN_WAIT: Final = 30.0
"""Seconds that a call waits for a login, by default."""


class LoginService(Service):
    """
    A service that logs in to a server of Perspective Broker, and stays logged in::

        service = LoginService("tcp:example.org:8787", UsernamePassword(b"alice", b"secret"))
        service.setServiceParent(application)
        print(await service.call("greet"))

    It comes back when the connection is lost, refused or takes too long, when the server doesn't
    answer any more, and when the server says so: in its goodbye, or by the reason of a refused
    login.  It stops when another goodbye or another error says that it shouldn't come back: it was
    kicked or replaced, or the login was refused.  Any error that answers a login is final, unless
    it has a reason to come back.

    With the defaults, a server that has vanished without a word is found dead within 40 seconds of
    the last thing that came from it: C{ping_interval} and C{ping_timeout} together.  An attempt
    to log in takes no longer than C{login_timeout} for the credentials, C{connect_timeout}, and
    C{login_timeout} again for the login: 150 seconds at worst.

    The delay before an attempt is drawn at random, so that the clients of a server that has gone
    come back one by one: after the first failure evenly between a quarter of C{first_delay} and
    all of it, and after each further one between twice as much, up to C{max_delay}.  It begins
    anew after a login, or a return to the session, that has lasted for C{max_delay} seconds.
    While there is a session to come back to, a delay is at most a quarter of the time for that.
    Of several endpoints, the next one is tried sooner, evenly between at once and a quarter of
    C{first_delay} later, until each of them was tried.

    The server is any that speaks Perspective Broker.  It gets a mind in any case, since the
    goodbye is told to a mind: one that answers other calls with L{NoMind
    <pbrealm.errors.NoMind>}, if the program has none.
    """

    def __init__(
        self,
        endpoint: ClientEndpoint | Iterable[ClientEndpoint],
        credentials: AnyCredentials | Callable[[], Any],
        mind: pb.Referenceable | None = None,
        *,
        observer: AnyLoginObserver | None = None,
        connect_timeout: float = 30,
        login_timeout: float = 60,
        ping_interval: float = 30,
        ping_timeout: float = 10,
        first_delay: float = 4,
        max_delay: float = 60,
        goodbye: str = "goodbye",
        resume: bool = False,
        resume_bytes: int = 1024 * 1024,
        client_id: bytes | None = None,
        reactor: AnyClock | None = None,
    ) -> None:
        """
        @param endpoint: where to connect to: an endpoint, an endpoint string, or several of them,
            which are tried in turn, from the first one on: the next one after each attempt that
            failed, and after a goodbye for the reason "shutting down" or "asked to reconnect".
        @param credentials: as for C{pb.PBClientFactory.login}; or a function that returns them, or
            a Deferred or coroutine of them, and is called before each attempt.  If it fails, that
            is logged, and it is called again, like after other failures; with a
            L{LoginFailed<twisted.cred.error.LoginFailed>}, the service stops.
        @param mind: what the server can call.
        @param observer: an L{ILoginObserver<pbrealm.interfaces.ILoginObserver>}.
        @param connect_timeout: seconds until the connection is made.
        @param login_timeout: seconds from the connection to the answer to the login, and as many
            for the credentials.
        @param ping_interval: seconds without any traffic from the server until it is pinged; 0 for
            never.  By default more than a server of pbrealm leaves it without a ping of its own.
        @param ping_timeout: seconds that the server has for a sign of life after a ping.
        @param first_delay: seconds of the longest first delay.
        @param max_delay: seconds of the longest delay, and how long a login has to last for the
            delays to begin anew.
        @param goodbye: the method by which the server says goodbye, as in its
            L{ServerFactory<pbrealm.ServerFactory>}.
        @param resume: whether to come back to the same session after a loss of the connection, if
            the server knows how.
        @param resume_bytes: how much is kept of what the server hasn't acknowledged.  If there is
            more when the connection is lost, or while it is, the session can't be resumed.
        @param client_id: who this client is among those of its account, also after a restart of
            its process: it takes the place of the session that it had before.  By default it has
            an id of its own, each time that it is made.
        @param reactor: by default the global one.  Where no endpoint is a string, a
            L{Clock<twisted.internet.task.Clock>} will do.
        @raise TypeError: if an argument is of the wrong kind.
        @raise ValueError: if a string isn't an endpoint string, or a number of seconds is wrong.
        """
        if mind is not None and not isinstance(mind, pb.Referenceable):
            raise TypeError(f"mind must be a pb.Referenceable or None, not {described(mind)}")
        if not (isinstance(goodbye, str) and goodbye):
            raise TypeError(f"goodbye must be the name of a method, not {goodbye!r}")
        if not callable(credentials):
            check_credentials(credentials)
        if max_delay < first_delay:
            raise ValueError("max_delay must be at least first_delay")
        self._clock = clock_or_reactor(reactor)
        self._endpoints = Endpoints(endpoint, self._clock)
        self._settings = LoginSettings(
            credentials if callable(credentials) else lambda: credentials,
            GoodbyeMind() if mind is None else mind,
            goodbye,
            positive_seconds("connect_timeout", connect_timeout),
            positive_seconds("login_timeout", login_timeout),
            ping_interval and positive_seconds("ping_interval", ping_interval),
            positive_seconds("ping_timeout", ping_timeout),
            self._clock,
            positive_bytes("resume_bytes", resume_bytes) if resume else None,
            token_bytes(16) if client_id is None else checked_client_id(client_id),
        )
        self._backoff = Backoff(
            positive_seconds("first_delay", first_delay), positive_seconds("max_delay", max_delay)
        )
        self._observer = Observer(observer)
        self._state = ServiceState.STOPPED
        self._connection: LoginConnection | None = None
        self._perspective: Any = None
        self._retry: IDelayedCall | None = None
        # Why the last login ended, or None before that, and how long to wait after it.
        self._why: LoginEnded | None = None
        self._delay = 0.0
        self._for_login = Waiting[Any]()
        self._for_stop = Waiting[LoginEnded]()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._state.name.lower().replace('_', ' ')}>"

    # The service

    def startService(self) -> None:
        """
        Begin to log in.

        If the service is being stopped, it begins when that is done.
        """
        super().startService()
        if self._state is ServiceState.STOPPED:
            self._begin()

    def stopService(self) -> Deferred[None]:
        """
        Log out, close the connection, and try no more.  What waits for a login fails.

        @return: fires when all of that is done, and never fails: within 5 seconds if the server
            doesn't let itself be told.
        """
        super().stopService()
        state = self._state
        if state is ServiceState.STOPPED:
            return succeed(None)
        stopped = self._for_stop.wait()
        done: Deferred[None] = stopped.addCallback(lambda _: None)
        if state is ServiceState.STOPPING:
            # It may have been started again meanwhile.
            self._fail_calls()
        elif state is ServiceState.WAITING and self._retry is not None:
            self._retry.cancel()
            self._stop(logged_out())
            self._stopped()
        elif state is ServiceState.LEAVING:
            self._stop(logged_out())
        elif self._connection is not None:
            self._connection.leave()
        return done

    # For the program

    @property
    def perspective(self) -> Any:
        """The reference to the perspective, as long as there is a login; else L{None}."""
        return self._perspective

    def when_logged_in(self) -> Deferred[Any]:
        """
        Wait for a login.

        @return: fires with the perspective: at once if there is a login, or else at the next one.
            Fails with L{LoginEnded<pbrealm.errors.LoginEnded>} when the service stops, and at once
            if it has stopped.
        """
        if self._perspective is not None:
            return succeed(self._perspective)
        if self._stays_away:
            return fail(self._failure())
        return self._for_login.wait()

    def when_stopped(self) -> Deferred[LoginEnded]:
        """
        Wait until the service stops, by itself or because the program stops it.

        @return: fires with a L{LoginEnded<pbrealm.errors.LoginEnded>} that says why: at once if
            the service has stopped.
        """
        if self._state is ServiceState.STOPPED and self._why is not None:
            return succeed(self._why)
        return self._for_stop.wait()

    def call(
        self, method: str, /, *args: Any, pbwait: float | None = LOGIN_WAIT, **kw: Any
    ) -> Deferred[Any]:
        """
        Call a method of the perspective, once there is a login.

        A call that is under way when the connection is lost fails, and isn't made again: nobody
        knows whether the server has run it.  With C{resume=True} it goes on when the service is
        back at its session.  If it can't come back, the call fails with L{CallLost
        <pbrealm.errors.CallLost>}, which says whether it was run, as far as that is known.

        @param pbwait: how many seconds to wait for a login; L{None} for as long as it takes.  It
            isn't sent.
        @return: as of C{callRemote}.  Fails with L{NotLoggedIn<pbrealm.errors.NotLoggedIn>} if
            there is no login in time, and with L{LoginEnded<pbrealm.errors.LoginEnded>}, which is
            one, as soon as the service has stopped.
        """
        if self._perspective is not None:
            return call_perspective(self._perspective, method, args, kw)
        seconds = check_timeout("pbwait", pbwait)
        waiting = self.when_logged_in()
        if seconds is not None:
            late = NotLoggedIn(f"no login within {seconds:g} seconds")
            waiting.addTimeout(seconds, self._clock, lambda *_: Failure(late))
        return waiting.addCallback(call_perspective, method, args, kw)

    # What becomes of the logins

    @property
    def _stays_away(self) -> bool:
        """Whether there will be no login unless the service is started again."""
        return self._why is not None and not self.running and self._state in _AT_REST

    def _begin(self) -> None:
        self._retry = None
        self._state = SERVICE.to(ServiceState.LOGGING_IN, self._state)
        self._connection = LoginConnection(
            self._settings,
            self._endpoints,
            self._backoff,
            self._logged_in,
            self._away,
            self._resumed,
            self._ended,
            self._closed,
        )
        self._connection.begin()

    def _logged_in(self, perspective: Any) -> None:
        self._state = SERVICE.to(ServiceState.LOGGED_IN, self._state)
        self._perspective = perspective
        _log.info("logged in")
        self._observer.tell("logged_in", perspective)
        # Whoever is told may stop the service: the others wait on.
        while self._perspective is perspective:
            waiting = self._for_login.take_first()
            if waiting is None:
                return
            waiting.callback(perspective)

    def _away(self, seconds: float, why: LoginEnded) -> None:
        _log.info("{why}; coming back in {seconds:.1f} seconds", why=why.sentence, seconds=seconds)
        self._observer.tell("coming_back", seconds, why)

    def _resumed(self) -> None:
        _log.info("the session goes on")
        self._observer.tell("resumed")

    def _ended(self, why: LoginEnded) -> None:
        was_logged_in = self._state is ServiceState.LOGGED_IN
        self._perspective = None
        leaves = not was_logged_in or why.reason in _ELSEWHERE
        soon = leaves and self._endpoints.next()
        self._delay = self._backoff.soon() if soon else self._backoff.next()
        if why.reconnect:
            self._why = why
            self._state = SERVICE.to(ServiceState.LEAVING, self._state)
        else:
            super().stopService()
            self._stop(why)
        if was_logged_in:
            self._observer.tell("lost", why)

    def _closed(self) -> None:
        self._connection = None
        if self._state is ServiceState.STOPPING:
            self._stopped()
            return
        why = self._why
        assert why is not None
        seconds = self._delay
        self._state = SERVICE.to(ServiceState.WAITING, self._state)
        self._retry = self._clock.callLater(seconds, self._begin)
        _log.info("{why}; coming back in {seconds:.1f} seconds", why=why.sentence, seconds=seconds)
        self._observer.tell("coming_back", seconds, why)

    def _stop(self, why: LoginEnded) -> None:
        self._why = why
        self._state = SERVICE.to(ServiceState.STOPPING, self._state)
        self._fail_calls()

    def _stopped(self) -> None:
        why = self._why
        assert why is not None
        self._state = SERVICE.to(ServiceState.STOPPED, self._state)
        self._backoff.reset()
        self._endpoints.begin_anew()
        # Those who wait from now on wait for the next time.
        waiting, self._for_stop = self._for_stop, Waiting()
        _log.info("stopped: {why}", why=why)
        self._observer.tell("stopped", why)
        waiting.tell(why)
        # It was started again while it was being stopped.
        if self.running and self._state is ServiceState.STOPPED:
            self._begin()

    def _fail_calls(self) -> None:
        self._for_login.tell(self._failure())

    def _failure(self) -> Failure:
        return Failure(self._why)


_ELSEWHERE: Final = (Reason.SHUTTING_DOWN, Reason.RECONNECT)
"""Why a server has its clients go to another one, if they know any."""

_AT_REST: Final = (ServiceState.STOPPING, ServiceState.STOPPED)
