"""
The life of a session, and of its hold on the avatar, as two state machines.
"""

from __future__ import annotations

from enum import auto
from typing import Final

from pbrealm._transitions import State, Transitions


class SessionState(State):
    """
    Where a session is in its life.
    """

    PENDING = auto()
    """The login was authenticated, and isn't answered yet."""

    OPEN = auto()
    """The login is answered: the client holds the session."""

    ENCLOSED = auto()
    """Another session of the same client holds this one, with a hand-written realm between."""

    REVOKED = auto()
    """Calls of the client are refused, and the client hasn't been told why."""

    WITHDRAWN = auto()
    """
    Calls are refused.  The client isn't told by this session: either its login isn't answered yet,
    or the session around this one tells it.
    """

    ENDING = auto()
    """The end is under way: the goodbye, the callbacks, the avatar's C{detached}."""

    ENDED = auto()
    """All of that is done."""


class HoldState(State):
    """
    Where a session's hold on its avatar is in its life.
    """

    HELD = auto()
    """The logout is to be called; the avatar hasn't been told of the session."""

    ATTACHING = auto()
    """The avatar's C{attached} is under way."""

    ATTACHED = auto()
    """The avatar is to be told of the end."""

    DETACHING = auto()
    """The avatar's C{detached} is under way."""

    RELEASED = auto()
    """The logout has been called."""


SESSION: Final = Transitions(
    {
        SessionState.PENDING: (SessionState.OPEN, SessionState.WITHDRAWN),
        SessionState.OPEN: (SessionState.ENCLOSED, SessionState.REVOKED),
        SessionState.ENCLOSED: (SessionState.WITHDRAWN,),
        SessionState.REVOKED: (SessionState.ENDING,),
        SessionState.WITHDRAWN: (SessionState.ENDING,),
        SessionState.ENDING: (SessionState.ENDED,),
        SessionState.ENDED: (),
    }
)

HOLD: Final = Transitions(
    {
        HoldState.HELD: (HoldState.ATTACHING, HoldState.RELEASED),
        # Back to HELD if C{attached} fails.
        HoldState.ATTACHING: (HoldState.ATTACHED, HoldState.HELD),
        HoldState.ATTACHED: (HoldState.DETACHING,),
        HoldState.DETACHING: (HoldState.RELEASED,),
        HoldState.RELEASED: (),
    }
)
