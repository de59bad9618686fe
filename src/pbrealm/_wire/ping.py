"""
Pings: calls that every Perspective Broker peer answers, at little cost to this end.

A ping is a call of an object that no peer has, so nothing needs to be installed there.  The peer
answers with an error of about 550 bytes.  Perspective Broker has no shorter exchange: a plain peer
with Python 3 closes the connection at a command that it doesn't know, and writes to its log about
any other call that fails.

All pings of a connection have one request id.  So their answers are known by their first bytes,
and nothing of them is decoded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.spread import pb

from pbrealm._wire.outgoing import call_header, write_call
from pbrealm._wire.tokens import INT, VOCABULARY_TOKENS, int_token, list_token

PING_ID: Final = 0
"""The request id of pings.  Those of calls begin with 1."""

_NO_OBJECT: Final = b"pbrealm.ping"
"""The name of an object that no peer has."""


def _encode_ping() -> bytes:
    parts = [call_header(PING_ID, _NO_OBJECT)]
    write_call(b"ping", (), {}, parts)
    return b"".join(parts)


PING: Final = _encode_ping()
"""A ping, for a peer with Twisted's vocabulary."""

PING_ERROR: Final = list_token(3) + VOCABULARY_TOKENS[b"error"] + int_token(PING_ID)
"""What the answer to a ping begins with."""

PING_ANSWER: Final = [b"error", PING_ID, b""]
"""The message that stands for any L{PingAnswer}."""

# Every failure has a number of its own, under this key.
_COUNT: Final = b"\x05\x82count"

_MAX_BYTES: Final = 2048
_MAX_DIGITS: Final = 5


def ping_by_call(broker: pb.Broker) -> Deferred[Any]:
    """
    Ping by an ordinary call, on any connection.

    @return: fires with an answer or a failure, and fails if the connection is lost.
    """
    answer: Deferred[Any] = broker.remoteForName(_NO_OBJECT).callRemote("ping")
    return answer


class PingAnswer:
    """
    The bytes of a peer's answers to pings, of which only the number of the failure differs.

    Comparing an answer with the last one takes far less time than scanning it.
    """

    __slots__ = ("_head", "_tail")

    def __init__(self, head: bytes, tail: bytes) -> None:
        self._head = head
        self._tail = tail

    @classmethod
    def like(cls, message: bytes) -> PingAnswer | None:
        """
        Learn from a valid message that begins with L{PING_ERROR}.

        @return: L{None} if it isn't what Twisted answers.
        """
        count = message.find(_COUNT) + len(_COUNT)
        end = _end_of_number(message, count)
        if len(message) > _MAX_BYTES or count < len(_COUNT) or not end:
            return None
        return _shared(message[:count], message[end:])

    def end_in(self, buffer: bytes | bytearray, start: int) -> int:
        """
        Find the end of an answer of this kind.

        @return: 0 if there is no whole one at C{start}.
        """
        if not buffer.startswith(self._head, start):
            return 0
        end = _end_of_number(buffer, start + len(self._head))
        return end + len(self._tail) if end and buffer.startswith(self._tail, end) else 0


# Most peers run the same few versions of Twisted.
_shared = lru_cache(maxsize=64)(PingAnswer)


def _end_of_number(buffer: bytes | bytearray, start: int) -> int:
    """
    Find the end of the token of a small number.

    @return: 0 if there is no such token at C{start}.
    """
    for end in range(start, min(start + _MAX_DIGITS + 1, len(buffer))):
        if buffer[end] >= 128:
            return end + 1 if buffer[end] == INT else 0
    return 0
