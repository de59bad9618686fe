"""
On whose behalf something is done now, and so whose grants what is handed out meanwhile are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

OnBehalfOf: TypeAlias = Any
"""
A session whose client's call is served; or a tuple of the sessions that something was handed out
by, or is passed to, when there is no such call; or L{None}.
"""

ON_BEHALF_OF: Final[ContextVar[OnBehalfOf]] = ContextVar("pbrealm.on_behalf_of", default=None)

PassedBack: TypeAlias = "dict[tuple[Any, Any], tuple[Any, tuple[Any, ...]]]"
"""
The objects that the client has passed back in a call, by the broker and the object's process
unique id: the object, and the sessions that it was bound to then.
"""

PASSED_BACK: Final[ContextVar[PassedBack | None]] = ContextVar("pbrealm.passed_back", default=None)
"""
That of the call that is served, also throughout what the call has started; L{None} if there is
nothing, or no call.
"""


@contextmanager
def on_behalf_of(whom: OnBehalfOf) -> Iterator[None]:
    """Do something on behalf of one or more sessions, or, with L{None}, of nobody."""
    token = ON_BEHALF_OF.set(whom)
    try:
        yield
    finally:
        ON_BEHALF_OF.reset(token)


@contextmanager
def handing_out(whom: OnBehalfOf, passed_back: PassedBack | None) -> Iterator[None]:
    """
    Send later what a call has sent.

    @param passed_back: what was passed back in the call then.
    """
    token = PASSED_BACK.set(passed_back)
    try:
        with on_behalf_of(whom):
            yield
    finally:
        PASSED_BACK.reset(token)


def forget_passed_back() -> PassedBack | None:
    """
    Another call is served from now on, or none.

    @return: what was passed back in the one before, which nearly always is nothing: so this sets
        the variable only where there is something.
    """
    passed_back = PASSED_BACK.get()
    if passed_back is not None:
        PASSED_BACK.set(None)
    return passed_back


def granting_sessions() -> tuple[Any, ...]:
    """The sessions that whatever is handed out now is handed out by."""
    whom = ON_BEHALF_OF.get()
    if whom is None:
        return ()
    return whom if type(whom) is tuple else (whom,)
