"""
Failures that a peer has sent, made safe to handle.

A peer can answer with anything as an error, and send a failure whose attributes it has chosen.
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
    next peer.  A class of the program's may have further ones.

    @param copied: a L{pb.CopiedFailure}.
    """
    state = vars(copied)
    # Newer versions of Twisted keep them under a private name.
    parents = state.get("_parents", state.get("parents"))
    # Bytes, or it can't be passed on to another peer.
    kind = state.get("type")
    if isinstance(kind, bytes):
        kind = kind.decode("utf-8", "replace")
    texts = {name: state.get(name) for name in ("value", "traceback")}
    further = {} if type(copied) is pb.CopiedFailure else _further_attributes(state)
    state.clear()
    state.update(
        further,
        type=kind.encode("utf-8", "replace") if isinstance(kind, str) else _UNKNOWN_TYPE,
        **{name: text if isinstance(text, str) else "" for name, text in texts.items()},
        # What Failure.__init__ sets.  To set the stack by its property is deprecated.
        captureVars=False,
        count=0,
        stack=[],
        tb=None,
    )
    copied.frames = []
    copied.parents = (
        [each for each in parents if isinstance(each, (str, bytes))]
        if isinstance(parents, (list, tuple))
        else []
    )


def _further_attributes(state: dict[Any, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in state.items()
        if isinstance(name, str) and not hasattr(pb.CopiedFailure, name)
    }
