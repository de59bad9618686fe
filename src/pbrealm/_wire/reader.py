"""
The message reader: turns received bytes into messages, without I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from copy import copy
from typing import Final

from pbrealm._wire.decode import DECODE_ERRORS
from pbrealm._wire.framing import UNFINISHED, Scanner
from pbrealm._wire.incoming import decode_lazy_message, decode_plain_message
from pbrealm._wire.message_limits import DEFAULT_LIMITS, MessageLimits, MessageTooLarge
from pbrealm._wire.ping import PING_ANSWER, PING_ERROR, PingAnswer
from pbrealm._wire.sexp import Sexp, decode_sexp
from pbrealm._wire.tokens import DIALECT, INCOMING_VOCABULARY, PREFIX_LIMIT

# The buffer is bytes, which messages are decoded from in place, as long as appending a chunk by
# copying the buffer is cheap: the chunk is large, and the buffer isn't.  Otherwise the buffer
# becomes a bytearray, which grows in place.
_MAX_COPIED_BUFFER: Final = 256 * 1024
_MIN_COPIED_CHUNK: Final = 4 * 1024


_MEMORY_PER_ITEM: Final = 128
_MEMORY_PER_BYTE: Final = 45
"""
Bytes that the objects of a message take at most for each item of its lists, besides the bytes of
its strings; and for each byte, where the items aren't counted.  Small sets take most.
"""


class NeedData(enum.Enum):
    """The type of L{NEED_DATA}."""

    NEED_DATA = enum.auto()


NEED_DATA: Final = NeedData.NEED_DATA
"""What L{MessageReader.next_message} returns when there is no message to be handled now."""


class MessageReader:
    """
    Finds and decodes the messages in a stream of bytes.

    Feed bytes with L{receive_data}, then take messages with L{next_message} until it returns
    L{NEED_DATA}.  Both may be called while a message is being handled.  After an error the reader
    discards its input, and every further L{receive_data} raises the same error.

    @ivar limits: may be replaced at any time, and then also holds for a message of which a part
        has arrived.
    @ivar message_memory: about how many bytes the objects of the last message take at most; 0
        once there is no further message to be handled.
    @ivar paused: whether messages stay in the buffer.
    @ivar pinged: whether pings were sent.  An error that answers one is not decoded then.
    @ivar standard: whether the peer uses the dialect C{pb} with Twisted's vocabulary, and numbers
        may be as large as Twisted allows by default.
    """

    __slots__ = (
        "_buffer",
        "_dialect",
        "_error",
        "_ping_answer",
        "_prefix_limit",
        "_scanner",
        "_start",
        "_vocabulary",
        "lazy",
        "limits",
        "message_memory",
        "paused",
        "pinged",
        "standard",
    )

    def __init__(self, *, lazy: bool = False) -> None:
        """
        @param lazy: whether to leave the arguments of calls, and the results of answers, as
            L{LazyJelly<pbrealm._wire.lazy_jelly.LazyJelly>} where L{standard} allows that.
        """
        self.limits: MessageLimits = DEFAULT_LIMITS
        self.paused = False
        self.pinged = False
        self.standard = False
        self.lazy = lazy
        self._prefix_limit = PREFIX_LIMIT
        self._vocabulary: Mapping[int, bytes] = INCOMING_VOCABULARY
        self._dialect: bytes | None = None
        self._scanner = Scanner()
        self.message_memory = 0
        self._buffer: bytes | bytearray = b""
        # Where the next message starts in the buffer.
        self._start = 0
        self._error: Exception | None = None
        # What this peer's answers to pings look like, once there was one.
        self._ping_answer: PingAnswer | None = None

    def configure(
        self, dialect: bytes | None, prefix_limit: int, vocabulary: Mapping[int, bytes]
    ) -> None:
        """
        Set what depends on the negotiation of the dialect.

        @param dialect: L{None} before there is one.
        @param prefix_limit: how many digits a prefix may have.
        @param vocabulary: words by their numbers.
        """
        self._dialect = dialect
        self._prefix_limit = prefix_limit
        self._vocabulary = vocabulary
        self.standard = (
            dialect == DIALECT
            and prefix_limit >= PREFIX_LIMIT
            and vocabulary == INCOMING_VOCABULARY
        )

    @property
    def buffered(self) -> bytes:
        """The bytes that no message has been made of yet."""
        return bytes(self._buffer[self._start :])

    def reset(self, received: bytes = b"") -> None:
        """
        Discard the buffer and a remembered error.

        @param received: the new content of the buffer.
        """
        self._buffer = received
        self._start = 0
        self._scanner = Scanner()
        self._error = None

    def receive_data(self, chunk: bytes) -> None:
        """
        Append bytes to the buffer.

        @raise Exception: the error that L{next_message} has raised, if it has.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if not chunk:
            return
        buffer = self._buffer
        if not buffer:
            self._buffer = chunk
            return
        if self._start:
            buffer = buffer[self._start :]
            self._start = 0
        if isinstance(buffer, bytearray):
            buffer += chunk
            self._buffer = buffer
        elif len(buffer) < _MAX_COPIED_BUFFER and len(chunk) > _MIN_COPIED_CHUNK:
            self._buffer = buffer + chunk
        else:
            self._buffer = bytearray(buffer)
            self._buffer += chunk

    def next_message(self) -> Sexp | NeedData:
        """
        Take the next message off the buffer.

        @return: an s-expression; L{NEED_DATA} if none is complete, or the reader is paused.
        @raise MessageTooLarge: if a message exceeds L{limits}, as soon as that is known.
        @raise BananaError: for a number, string or list that exceeds banana's own limits.
        @raise KeyError: for a number that isn't in the vocabulary.
        @raise NotImplementedError: for an unknown type byte, or for a vocabulary token in a
            dialect that has no vocabulary.
        """
        buffer = self._buffer
        if not buffer or self.paused:
            self.message_memory = 0
            return NEED_DATA
        start = self._start
        size = len(buffer)
        limits = self.limits
        tried = False
        if (
            self.standard
            and size - start <= limits.safe_bytes
            and not self._scanner.offset
            and isinstance(buffer, bytes)
        ):
            message: Sexp
            try:
                if self.lazy:
                    message, end = decode_plain_message(buffer, start, limits)
                else:
                    message, end = decode_sexp(
                        buffer,
                        start,
                        self._vocabulary,
                        depth=limits.depth,
                        prefix_limit=PREFIX_LIMIT,
                    )
            except (*DECODE_ERRORS, MessageTooLarge):
                # Not plain data, incomplete, or invalid: the scanner finds out which.  What is
                # too large is refused when it's used.
                tried = True
            else:
                if end <= size:
                    self._consume(end)
                    return message
        if self._ping_answer is not None and not self._scanner.offset:
            end = self._ping_answer.end_in(buffer, start)
            if end:
                self._consume(end)
                return PING_ANSWER
        end = self._scan()
        if end == UNFINISHED:
            self.message_memory = 0
            if start:
                self._buffer = buffer[start:]
                self._start = 0
            return NEED_DATA
        self._consume(end)
        self.message_memory = end - start + _MEMORY_PER_ITEM * self._scanner.items
        if self.pinged and self.standard and buffer.startswith(PING_ERROR, start):
            self._ping_answer = PingAnswer.like(bytes(memoryview(buffer)[start:end]))
            return PING_ANSWER
        args_end = self._scanner.args_end
        if isinstance(buffer, bytearray):
            buffer = bytes(memoryview(buffer)[start:end])
            start, end, args_end = 0, end - start, args_end - start
        return self._decode(buffer, start, end, args_end, tried)

    def _scan(self) -> int:
        try:
            return self._scanner.scan(
                self._buffer,
                self._start,
                self.limits,
                self._prefix_limit,
                self._vocabulary,
                self._dialect == DIALECT,
            )
        except Exception as error:
            # A copy: the traceback of the original refers to all that is on the stack.
            self._error = copy(error)
            self._consume(len(self._buffer))
            raise

    def _consume(self, end: int) -> None:
        self.message_memory = _MEMORY_PER_BYTE * (end - self._start)
        if end == len(self._buffer):
            self._buffer = b""
            self._start = 0
        else:
            self._start = end

    def _decode(self, buffer: bytes, start: int, end: int, args_end: int, tried: bool) -> Sexp:
        """
        Decode a complete message.

        @param args_end: see L{Scanner}.
        @param tried: whether it was tried to decode the message as plain data, and has failed.
        """
        if self.lazy and self.standard:
            try:
                return decode_lazy_message(buffer, start, end, args_end, tried=tried)
            except DECODE_ERRORS:
                pass
        return decode_sexp(buffer, start, self._vocabulary)[0]
