"""
Failures that a peer has sent, made safe to handle.

A peer can answer with anything as an error, and send a failure whose attributes it has chosen.
"""

from __future__ import annotations

from inspect import getattr_static
from typing import Any, Final

from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._log_text import log_lines, log_text

MAX_TEXT: Final = 4_000
"""
Characters of the text of a failure, and of its traceback.  If nobody handles the failure, Twisted
logs both, in JSON, or the text.
"""

_MAX_PARENTS: Final = 100
"""Names of classes that a failure has, which a class is sought among when it's checked."""

_MAX_PARENT: Final = 200
"""Characters of each."""

_UNKNOWN_TYPE: Final = b"twisted.spread.pb.Error"


def received_failure(why: object) -> Failure:
    """
    A failure that C{errback} takes, and that can be checked, printed and logged.

    @param why: what the peer has answered with: a failure or an exception, or anything else.
    """
    if isinstance(why, pb.CopiedFailure):
        check_attributes(why)
        return why
    if isinstance(why, Failure):
        return why
    if isinstance(why, BaseException):
        return Failure(why)
    return Failure(pb.Error("the peer answered with something else than an error"))


def check_attributes(copied: Any) -> None:
    """
    Leave a failure of a peer with the attributes that a failure needs, and with valid ones.

    Any other could take the place of a method, or keep the failure from being passed on to the
    next peer.  A class of the program's may have further ones, which aren't its methods.

    Texts are escaped and cut.  Nobody knows where a failure gets to: where nobody handles it,
    Twisted logs it, also as the L{pb.RemoteError} that a coroutine was raised.

    @param copied: a L{pb.CopiedFailure}.
    """
    state = vars(copied)
    # Newer versions of Twisted keep them under a private name.
    parents = state.get("_parents", state.get("parents"))
    # Bytes, or it can't be passed on to another peer.
    kind = state.get("type")
    if isinstance(kind, bytes):
        kind = kind.decode("utf-8", "replace")
    value, traceback = (
        text if isinstance(text := state.get(name), str) else "" for name in ("value", "traceback")
    )
    further = {} if type(copied) is pb.CopiedFailure else _further_attributes(type(copied), state)
    state.clear()
    state.update(
        further,
        type=log_text(kind).encode() if isinstance(kind, str) else _UNKNOWN_TYPE,
        value=log_lines(value, MAX_TEXT),
        # The innermost calls come last.
        traceback=log_lines(traceback, MAX_TEXT, end=True),
        # What Failure.__init__ sets.  To set the stack by its property is deprecated.
        captureVars=False,
        count=0,
        stack=[],
        tb=None,
    )
    copied.frames = []
    copied.parents = (
        [each[:_MAX_PARENT] for each in parents[:_MAX_PARENTS] if isinstance(each, (str, bytes))]
        if isinstance(parents, (list, tuple))
        else []
    )


def _further_attributes(kind: type, state: dict[Any, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in state.items()
        if isinstance(name, str)
        and not hasattr(pb.CopiedFailure, name)
        and not _is_computed(getattr_static(kind, name, None))
    }


def _is_computed(attribute: object) -> bool:
    """Whether an attribute of a class is a method or a property, and not a default."""
    return callable(attribute) or hasattr(attribute, "__get__")
