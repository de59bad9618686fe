"""
The logins of one connection: how many there are, how many were refused, and what that allows.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import auto
from time import perf_counter
from typing import Final

from pbrealm._server.limits import Limits
from pbrealm._transitions import State, Transitions
from pbrealm.errors import LoginRefused, Reason, SessionEnded


class Access(State):
    """
    What the client of a connection may do.
    """

    UNAUTHENTICATED = auto()
    """Only log in; no login has succeeded yet."""

    LOGGED_IN = auto()
    """Call what it has references to; at least one login is alive."""

    LOGGED_OUT = auto()
    """
    The same, within the limits of an unauthenticated client: it has dropped its last perspective
    by itself, and may hold other references.
    """

    REVOKED = auto()
    """Nothing: the server has ended its last session, and is about to close the connection."""


_ACCESS: Final = Transitions(
    {
        Access.UNAUTHENTICATED: (Access.LOGGED_IN,),
        Access.LOGGED_IN: (Access.LOGGED_OUT, Access.REVOKED),
        Access.LOGGED_OUT: (Access.LOGGED_IN,),
        Access.REVOKED: (Access.LOGGED_IN,),
    }
)


class PendingLogin:
    """
    A login that waits for the server's answer.

    @ivar authenticated: whether a checker has accepted its credentials.
    @ivar on_authenticated: called once one has; the realm may take its time after that.
    @ivar began: when it began, by L{time.perf_counter}.
    """

    __slots__ = ("authenticated", "began", "on_authenticated")

    def __init__(self) -> None:
        self.authenticated = False
        self.began = perf_counter()
        self.on_authenticated: Callable[[], object] | None = None


class Logins:
    """
    Counts the logins of one connection, and the challenges that wait for their response.

    @ivar access: what the client may do.
    @ivar alive: how many logins are alive.
    @ivar pending: how many wait for the server's answer.
    @ivar authenticated: how many of those that are pending have been authenticated.
    """

    __slots__ = (
        "_challenges",
        "_limits",
        "_refusals",
        "_revoked_for",
        "access",
        "alive",
        "authenticated",
        "pending",
    )

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._challenges = 0
        self._refusals = 0
        # Why the server has ended the last session; of interest where access is REVOKED.
        self._revoked_for = Reason.DISCONNECTED
        self.access = Access.UNAUTHENTICATED
        self.alive = 0
        self.pending = 0
        self.authenticated = 0

    @property
    def idle(self) -> bool:
        """Whether no login is alive or pending."""
        return not self.alive and not self.pending

    @property
    def fresh(self) -> bool:
        """Whether there has been no login that has succeeded, and none is pending."""
        return self.idle and self.access is Access.UNAUTHENTICATED

    @property
    def exhausted(self) -> bool:
        """Whether as many logins were refused as may be."""
        return self._refusals >= self._limits.login_attempts

    @property
    def trusted(self) -> bool:
        """Whether a login is alive, or pending and authenticated."""
        return self.alive > 0 or self.authenticated > 0

    @property
    def revoked(self) -> bool:
        """Whether the server has ended the last session, and no other login is coming about."""
        return self.access is Access.REVOKED and not self.trusted

    @property
    def may_only_log_in(self) -> bool:
        """Whether the client can't call anything but what it logs in by."""
        return not self.trusted and self.access is not Access.LOGGED_OUT

    @property
    def ended_for(self) -> Reason:
        """Why the last login is over; as far as is known, since the connection is lost."""
        return self._revoked_for

    def check_may_call(self) -> None:
        """
        Check whether the client may call something else than what it logs in by.

        @raise LoginRefused: before a login.
        @raise SessionEnded: if the server has ended the client's last session.
        """
        self.check_not_revoked()
        if self.access is Access.UNAUTHENTICATED and not self.authenticated:
            raise LoginRefused("there is nothing to call before the login")

    def check_not_revoked(self) -> None:
        """
        Check that the connection isn't about to be closed.

        @raise SessionEnded: if the server has ended the client's last session.
        """
        if self.revoked:
            raise SessionEnded(self._revoked_for)

    def check_not_exhausted(self) -> None:
        """
        Check that the client may try to log in.

        @raise LoginRefused: if as many logins were refused as may be.
        """
        if self.exhausted:
            raise LoginRefused("too many logins on this connection were refused")

    def begin_challenge(self) -> None:
        """
        A challenge is about to be given out; L{end_challenge} follows.

        @raise LoginRefused: if too many challenges wait for their response.
        """
        if self._challenges >= self._limits.logins:
            raise LoginRefused("too many challenges wait for their answers")
        self._challenges += 1

    def end_challenge(self) -> None:
        """A challenge was responded to, or dropped."""
        self._challenges -= 1

    def begin(self) -> PendingLogin:
        """
        A login begins; one of L{succeeded}, L{failed} and L{suspended} follows.

        @raise LoginRefused: if there are too many logins, or too many were refused.
        @raise SessionEnded: if the connection is about to be closed.
        """
        self.check_not_revoked()
        self.check_not_exhausted()
        if self.pending + self.alive >= self._limits.logins:
            raise LoginRefused("as many logins are alive on this connection as may be")
        self.pending += 1
        return PendingLogin()

    def authenticate(self, login: PendingLogin) -> None:
        """A checker has accepted the credentials of a login."""
        if not login.authenticated:
            login.authenticated = True
            self.authenticated += 1
            if login.on_authenticated is not None:
                login.on_authenticated()

    def succeeded(self, login: PendingLogin, *, forgive: bool) -> None:
        """
        A login has succeeded.

        @param forgive: whether earlier refusals don't count any more.
        """
        if forgive:
            self._refusals = 0
        self._settle(login)
        self.alive += 1
        if self.access is not Access.LOGGED_IN:
            self.access = _ACCESS.to(Access.LOGGED_IN, self.access)

    def suspended(self, login: PendingLogin) -> None:
        """It is the client's turn again, in a login that was begun."""
        self._settle(login)

    def failed(self, login: PendingLogin) -> None:
        """A login that was begun has failed."""
        self._settle(login)
        self.refuse()

    def _settle(self, login: PendingLogin) -> None:
        self.pending -= 1
        self.authenticated -= login.authenticated

    def refuse(self, *, finally_: bool = False) -> None:
        """
        Count a refusal.

        @param finally_: whether no login may follow.
        """
        attempts = self._limits.login_attempts
        self._refusals = attempts if finally_ else min(self._refusals + 1, attempts)

    def ended(self, reason: Reason) -> None:
        """A login is over."""
        self.alive -= 1
        if self.alive:
            return
        if reason is Reason.LOGGED_OUT:
            self.access = _ACCESS.to(Access.LOGGED_OUT, self.access)
        else:
            self._revoked_for = reason
            self.access = _ACCESS.to(Access.REVOKED, self.access)
