"""
The errors that a broker answers with, at little cost: any caller can cause one with a few bytes.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import Jellyable, SecurityOptions

from pbrealm._wire.encode import encode_plain
from pbrealm._wire.tokens import bytes_token, list_token

_COPYABLE_START: Final = list_token(2) + bytes_token(b"twisted.spread.pb.CopyableFailure")

_KEPT_LEVELS: Final = 20


def is_sent_as_object(error: object, security: SecurityOptions) -> bool:
    """Whether a peer gets an error itself, with its attributes, rather than a failure."""
    return isinstance(error, Jellyable) or bool(security.isClassAllowed(error.__class__))


def plain_failure(error: Any, unsafe_tracebacks: bool) -> pb.CopyableFailure:
    """
    Make what is sent of an error that isn't sent as an object: its classes and its text.

    @param error: a failure, or an exception.
    """
    if not isinstance(error, Failure):
        error = pb.CopyableFailure(error)
    elif not isinstance(error, pb.CopyableFailure):
        error = pb.failure2Copyable(error)
    error.unsafeTracebacks = unsafe_tracebacks
    made: pb.CopyableFailure = error
    return made


def encode_failure(why: pb.CopyableFailure) -> bytes:
    """
    Encode the jelly of a failure.

    @raise NotPlain: if its state isn't plain data, or can't be sent.
    """
    state: dict[str, Any] = why.getStateToCopy()
    # The lines of the traceback, once they were asked for.  Some versions of Twisted send them.
    state.pop("_frames", None)
    return _COPYABLE_START + encode_plain(state)


def innermost(traceback: TracebackType | None) -> TracebackType | None:
    """
    Cut a traceback.

    @return: its innermost levels.
    """
    kept = traceback
    length = 0
    while traceback is not None:
        traceback = traceback.tb_next
        length += 1
        if length > _KEPT_LEVELS and kept is not None:
            kept = kept.tb_next
    return kept
