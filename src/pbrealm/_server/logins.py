"""
The logins of one connection: how many there are, how many were refused, and what that allows.
"""

from __future__ import annotations

from enum import auto
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
    """Only log in again: the server has ended its last session."""


_ACCESS: Final = Transitions(
    {
        Access.UNAUTHENTICATED: (Access.LOGGED_IN,),
        Access.LOGGED_IN: (Access.LOGGED_OUT, Access.REVOKED),
        Access.LOGGED_OUT: (Access.LOGGED_IN,),
        Access.REVOKED: (Access.LOGGED_IN,),
    }
)


class Logins:
    """
    Counts the logins of one connection, and the challenges that wait for their response.

    @ivar access: what the client may do.
    @ivar alive: how many logins are alive.
    @ivar pending: how many wait for the server's answer.
    """

    __slots__ = (
        "_challenges",
        "_limits",
        "_refusals",
        "_revoked_for",
        "access",
        "alive",
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

    @property
    def idle(self) -> bool:
        """Whether no login is alive or pending."""
        return not self.alive and not self.pending

    @property
    def exhausted(self) -> bool:
        """Whether as many logins were refused as may be."""
        return self._refusals >= self._limits.login_attempts

    def check_may_call(self) -> None:
        """
        Check whether the client may call something else than what it logs in by.

        @raise LoginRefused: before a login.
        @raise SessionEnded: if the server has ended the client's last session.
        """
        if self.pending:
            return
        if self.access is Access.UNAUTHENTICATED:
            raise LoginRefused("there is nothing to call before the login")
        if self.access is Access.REVOKED:
            raise SessionEnded(self._revoked_for)

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

    def begin(self) -> None:
        """
        A login begins; one of L{succeeded} and L{failed} follows.

        @raise LoginRefused: if there are too many logins, or too many were refused.
        """
        if self.exhausted:
            raise LoginRefused("too many logins on this connection were refused")
        if self.pending + self.alive >= self._limits.logins:
            raise LoginRefused("as many logins are alive on this connection as may be")
        self.pending += 1

    def succeeded(self, *, forgive: bool) -> None:
        """
        A login has succeeded.

        @param forgive: whether earlier refusals don't count any more.
        """
        if forgive:
            self._refusals = 0
        self.pending -= 1
        self.alive += 1
        if self.access is not Access.LOGGED_IN:
            self.access = _ACCESS.to(Access.LOGGED_IN, self.access)

    def failed(self) -> None:
        """A login that was begun has failed."""
        self.pending -= 1
        self.refuse()

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
