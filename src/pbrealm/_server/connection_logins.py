"""
The logins of one connection, from the client's first message to their end.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred

from pbrealm._server.connection_limits import Admission, Place, network_of, too_many
from pbrealm._server.login_rate import LoginRate
from pbrealm._server.login_state import Logins, PendingLogin
from pbrealm._server.login_timeout import LoginTimeout
from pbrealm._server.server_state import ServerState
from pbrealm._server.throttled_attempt import ThrottledAttempt
from pbrealm.errors import LoginRefused, Reason, SessionEnded

_T = TypeVar("_T")


class LoginsOwner(Protocol):
    """
    The connection, as its logins see it.

    @ivar place: among those of the server.
    """

    place: Place

    @property
    def lost(self) -> bool:
        """Whether the connection is lost."""

    def logins_changed(self) -> object:
        """What the client may do may be another thing now."""

    def authenticated_as(self, avatar_id: object) -> object:
        """A checker has accepted credentials of the client, and has given this avatar id."""

    def logged_out(self) -> object:
        """The last login is over, and the connection is not."""

    def drop(self) -> object:
        """Close the connection."""


class ConnectionLogins:
    """
    Lets the client of one connection log in, within the limits of the connection and the server.

    Each login that begins is counted until it is over.  While there is none, the client has a
    bounded time.

    @ivar counts: how many logins there are, and what that allows.
    """

    __slots__ = ("_owner", "_rate", "_server", "_timeout", "_waits", "counts")

    def __init__(
        self, server: ServerState, owner: LoginsOwner, timed_out: Callable[[], object]
    ) -> None:
        """
        @param timed_out: called if no login comes in time.
        """
        self.counts = Logins(server.limits)
        self._server = server
        self._owner = owner
        self._rate = LoginRate(server.clock.seconds())
        self._timeout = LoginTimeout(server.clock, server.limits.login_seconds, timed_out)
        # What logins wait for before the portal is asked: cancelled if the client leaves.
        self._waits: list[Deferred[Any]] = []

    @property
    def closing(self) -> bool:
        """Whether the server accepts no more logins."""
        return self._server.closing

    def limits_changed(self) -> None:
        """The server has other limits."""
        self._timeout.seconds = self._server.limits.login_seconds

    def begin_challenge(self) -> None:
        """
        A challenge is about to be given out.

        @raise LoginRefused: if too many challenges wait for their response.
        """
        try:
            self.counts.begin_challenge()
        except LoginRefused:
            self.count_refusal()
            raise

    def end_challenge(self) -> None:
        """A challenge was responded to, or dropped."""
        self.counts.end_challenge()

    def check_not_exhausted(self) -> None:
        """
        Check that the client may try to log in.

        @raise LoginRefused: if as many logins were refused as may be.
        """
        self.counts.check_not_exhausted()

    def count_refusal(self) -> None:
        """A login was refused before it was begun."""
        self.counts.refuse()
        self._after_refusal()

    def begin_login(self) -> PendingLogin:
        """
        A login begins; one of L{logged_in}, L{refused} and L{suspended} follows.

        @raise LoginRefused: if the client may not log in, or not again.
        @raise SessionEnded: if the connection is about to be closed.
        """
        try:
            login = self._begin_login()
        except LoginRefused:
            self._server.limited_logins += 1
            self.count_refusal()
            raise
        # From now on it is the server that takes its time.
        self._timeout.stop()
        return login

    def _begin_login(self) -> PendingLogin:
        if self._server.closing:
            raise LoginRefused("the server is shutting down", Reason.SHUTTING_DOWN)
        admission = self._owner.place.admission
        if admission is not Admission.ACCEPTED:
            self.counts.refuse(finally_=True)
            raise too_many(admission)
        # What is refused for good isn't told to come back.
        self.counts.check_not_exhausted()
        self._rate.begin(self._server.clock.seconds())
        return self.counts.begin()

    def count_return(self) -> None:
        """
        The client comes back to its sessions, which counts as a login.

        @raise LoginRefused: if it does so too often.
        """
        self._rate.begin(self._server.clock.seconds())

    def count_login(self, login: PendingLogin, *, guest: bool) -> None:
        """
        The portal is about to be asked for a login.

        Guests are counted by their network, of which one client may have many addresses.  Others
        are counted by their address, so that no guest keeps out who has an account elsewhere in
        the network.

        @raise LoginRefused: if too many logins come from there, or too much waits for unsaved
            changes; it isn't journaled, since what is bounded is the journal above all.
        """
        origin = network_of(self._owner.place.origin) if guest else self._owner.place.origin
        try:
            if self._server.held.is_full:
                raise LoginRefused("too much waits to be saved; try again later", Reason.BUSY)
            self._server.login_rates.begin(origin, self._server.clock.seconds())
        except LoginRefused:
            self._server.limited_logins += 1
            self.refused(login)
            raise

    def authenticated(self, login: PendingLogin, avatar_id: object) -> None:
        """
        A checker has accepted the credentials of a login; its avatar may take some time.

        @param avatar_id: as the checker gave it.
        """
        self.counts.authenticate(login)
        self._owner.logins_changed()
        self._owner.authenticated_as(avatar_id)

    async def wait(self, awaited: Deferred[_T]) -> _T:
        """
        Wait for a login method.

        @raise SessionEnded: if the client leaves meanwhile; what is waited for is cancelled then.
        """
        self._waits.append(awaited)
        try:
            return await awaited
        except CancelledError:
            if not self._owner.lost:
                raise
            raise SessionEnded(Reason.DISCONNECTED) from None
        finally:
            self._waits.remove(awaited)

    def attempt(self, login: PendingLogin, account: bytes | None) -> ThrottledAttempt:
        """
        The context to check the credentials of a login in.

        @param account: its name; L{None} if it isn't known yet.
        """
        attempt = ThrottledAttempt(self._server, self._owner.place.origin, account, self._waits)
        login.on_authenticated = attempt.leave
        return attempt

    def logged_in(self, login: PendingLogin, *, forgive: bool) -> None:
        """
        A login has succeeded.

        @param forgive: whether earlier refusals don't count any more; not for an anonymous login,
            which doesn't vouch for the client.
        """
        self.counts.succeeded(login, forgive=forgive)
        self._owner.logins_changed()
        if self._server.meter is not None:
            self._server.meter.logins.observe(perf_counter() - login.began)

    def suspended(self, login: PendingLogin) -> None:
        """
        It is the client's turn again, in a login that was begun.

        It has the time that was left before, or challenges would give it more and more.
        """
        self.counts.suspended(login)
        self._owner.logins_changed()
        if not self._owner.lost:
            self._resume_login_timeout()

    def refused(self, login: PendingLogin) -> None:
        """A login has failed."""
        self.counts.failed(login)
        self._owner.logins_changed()
        self._after_refusal()

    def logged_out(self, reason: Reason) -> None:
        """A login is over; the connection need not be."""
        self.counts.ended(reason)
        if self.counts.alive or self._owner.lost:
            return
        self._owner.logged_out()
        self.start_time()

    def _after_refusal(self) -> None:
        if self._owner.lost or not self.counts.idle:
            return
        if self.counts.exhausted or self.counts.revoked:
            # The error that is about to be raised is to be written before.
            self._server.clock.callLater(0, self._owner.drop)
        else:
            self._resume_login_timeout()

    def start_time(self) -> None:
        """The client's time to log in begins, unless there is a login."""
        if self.counts.idle:
            self._timeout.start()

    def _resume_login_timeout(self) -> None:
        if self.counts.idle:
            self._timeout.resume()

    def stop_time(self) -> None:
        """The client has no time to log in any more: there is no connection."""
        self._timeout.stop()

    def cancel(self) -> None:
        """The client has left: cancel what its logins wait for."""
        for awaited in self._waits[:]:
            awaited.cancel()
