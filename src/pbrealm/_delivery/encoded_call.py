"""
A call that is encoded once for many connections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pbrealm._wire.outgoing import call_header, write_call
from pbrealm._wire.tokens import NotPlain


@dataclass(frozen=True)
class EncodedCall:
    """
    What C{callRemote} would write, without what differs from one connection to the next.
    """

    method: bytes
    """The method's name."""

    tail: bytes
    """The bytes of the method's name, whether an answer is asked for, and the arguments."""

    answer: bool
    """Whether an answer is asked for."""

    def message(self, request_id: int, object_id: int | bytes) -> bytes:
        """
        The whole message.

        @param object_id: the C{luid} of the reference that is called.
        """
        return call_header(request_id, object_id) + self.tail


def encode_call(
    method: str | bytes, args: Iterable[object], kw: Mapping[str, object]
) -> EncodedCall | None:
    """
    Encode a call as C{callRemote(method, *args, **kw)} does, C{pbanswer} in C{kw} included.

    The arguments are taken as they are now; later changes of them aren't sent.

    @return: L{None} if C{callRemote} has to be called for each connection, because the arguments
        contain more than plain data, or can't be sent.
    @raise TypeError: if the method isn't named by a string.
    @raise UnicodeEncodeError: if its name can't be encoded as UTF-8.
    """
    parts: list[bytes] = []
    if isinstance(method, str):
        name = method.encode()
    elif isinstance(method, bytes):
        name = method
    else:
        raise TypeError(f"a method is called by its name, a string, not by {method!r}")
    try:
        answer = write_call(name, tuple(args), dict(kw), parts)
    except NotPlain:
        return None
    return EncodedCall(name, b"".join(parts), bool(answer))
