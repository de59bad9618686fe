"""
Whose session it is that a hand-written realm returns the aspect of.

A realm of pbrealm's begins a session for each login.  To a hand-written realm around it, it gives
the session itself; or, for an interface that a session doesn't provide, an aspect of the avatar,
which may be the same object for many sessions.  What the hand-written realm returns is looked up
here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet, finalize

from pbrealm._session.session import Session
from pbrealm.errors import LoginRefused, Reason

# Each session holds its aspect, so no other object has the id.  A session that is over is kept by
# its logout, and so for as long as a hand-written realm may still return that.
_given: Final[dict[int, WeakSet[Session]]] = {}


def note_aspect(session: Session, aspect: object) -> None:
    """A hand-written realm is given an aspect in place of a session."""
    session.aspect = aspect
    key = id(aspect)
    _given.setdefault(key, WeakSet()).add(session)
    finalize(session, _forget_if_empty, key).atexit = False


def _forget_if_empty(key: int) -> None:
    if key in _given and not any(True for _ in _given[key]):
        del _given[key]


def take_session(aspect: Any, logout: Callable[[], object], mind: object) -> Session | None:
    """
    Find the session behind what a realm has returned for a login.

    It is no other login's from now on.

    @param logout: what the realm has returned with the aspect.
    @param mind: what the realm was asked with.
    @return: the session, which may have ended; L{None} if there is none, or it was logged out.
    @raise LoginRefused: if it could be that of one of several users.
    """
    if isinstance(aspect, Session):
        return aspect
    sessions = _given.get(id(aspect), ())
    candidates = [each for each in sessions if each.ended is not Reason.LOGGED_OUT]
    if not candidates:
        return None
    # The realm may have put a logout of its own around the session's, and passed on no mind.
    for is_this in (
        lambda each: logout == each.logout,
        lambda each: mind is not None and mind is each.mind,
        lambda each: each.mind is None,
    ):
        found = [each for each in candidates if is_this(each)]
        if found:
            candidates = found
            break
    if len({each.avatar_id for each in candidates}) > 1:
        raise LoginRefused("other users are logging in; try again", Reason.BUSY)
    session = max(candidates, key=lambda each: each.id)
    _given[id(aspect)].discard(session)
    return session
