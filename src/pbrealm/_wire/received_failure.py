"""
Errors that a peer answers with, made safe to handle.

A peer can answer with anything as an error, and with a failure whose attributes it has chosen.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.python.failure import Failure
from twisted.spread import pb

_UNKNOWN_TYPE: Final = b"twisted.spread.pb.Error"


def received_failure(why: object) -> Failure:
    """
    A failure that C{errback} takes, and that can be checked, printed and logged.

    @param why: what the peer has answered with: a failure or an exception, or anything else.
    """
    if isinstance(why, pb.CopiedFailure):
        return _with_valid_attributes(why)
    if isinstance(why, Failure):
        return why
    if isinstance(why, BaseException):
        return Failure(why)
    return Failure(pb.Error("the peer answered with something else than an error"))


def _with_valid_attributes(copied: Any) -> Failure:
    state = vars(copied)
    # Newer versions of Twisted keep them under a private name.
    parents = state.get("_parents", state.get("parents"))
    copied.parents = (
        [each for each in parents if isinstance(each, (str, bytes))]
        if isinstance(parents, (list, tuple))
        else []
    )
    # Bytes, or it can't be passed on to another peer.
    kind = state.get("type")
    if isinstance(kind, bytes):
        kind = kind.decode("utf-8", "replace")
    copied.type = kind.encode("utf-8", "replace") if isinstance(kind, str) else _UNKNOWN_TYPE
    for name in ("value", "traceback"):
        if not isinstance(state.get(name), str):
            setattr(copied, name, "")
    # Setting the attributes themselves is deprecated.
    state.update(frames=[], stack=[], tb=None, captureVars=False)
    failure: Failure = copied
    return failure
