"""
Banana, in and out, without copying the rest of the buffer for every item.
"""

from __future__ import annotations

from copy import copy
from functools import cached_property
from typing import Any, Final

from twisted.internet.interfaces import ITCPTransport
from twisted.spread import banana

from pbrealm._wire.framing import UNFINISHED, Scanner
from pbrealm._wire.immediate_write import can_write_immediately, write_immediately
from pbrealm._wire.message_limits import GENEROUS, MessageLimits
from pbrealm._wire.outgoing import encode_sexp
from pbrealm._wire.sexp import decode_sexp
from pbrealm._wire.tokens import DIALECT, PREFIX_LIMIT, VOCABULARY, WORDS, NotPlain

# What has arrived is kept as bytes, which messages can be taken from as they are, for as long as a
# new piece is worth the copy of what came before it; then in an array, that grows in place.
_LONG: Final = 256 * 1024
_SHORT: Final = 4 * 1024

_TOGETHER: Final = 8
"""
Messages that go out together.  With more, either end of a connection with many calls in flight
would wait while the other works; with fewer, the system calls would be most of the work.
"""


class FastBanana(banana.Banana):
    """
    A L{banana.Banana} that bounds whole messages, and is faster.

    It delivers what Twisted's delivers, to the same hooks.  Two things differ, for the better: a
    message is off the buffer before it's handled, so that C{dataReceived} may be called from
    within; and after bytes that are an error, nothing more is taken in, every further call of
    C{dataReceived} raises the same.
    """

    limits: MessageLimits = GENEROUS
    """May be replaced at any time; a message that is under way is held to the new ones."""

    fast_codec = False
    """
    Whether plain data and messages can take the short way on this connection: its dialect is
    C{pb}, its vocabulary is Twisted's, and its numbers may be as large as Twisted has them.
    """

    transport: Any
    prefixLimit: Any
    _received: bytes | bytearray = b""
    _broken: Exception | None = None
    _at_work = False
    _answers_at_once = False
    # What was sent while messages are handled, where it's to go out at once afterwards.
    _held: list[bytes] | None = None

    @cached_property
    def _scanner(self) -> Scanner:
        # Brokers are made by calling Banana's __init__ by name, past that of any class between.
        return Scanner()

    @property
    def buffer(self) -> bytes:
        """What has arrived of a message that isn't complete; set it to start anew with that."""
        return bytes(self._received)

    @buffer.setter
    def buffer(self, received: bytes) -> None:
        self._received = received
        self._scanner = Scanner()
        self._broken = None

    def connectionMade(self) -> None:
        super().connectionMade()
        self._answers_at_once = can_write_immediately(self.transport)
        if ITCPTransport.providedBy(self.transport):
            # Else a message that follows another at once waits until the other end has
            # acknowledged that one, for which it takes 40 ms if it has nothing to send.
            self.transport.setTcpNoDelay(True)

    def setPrefixLimit(self, limit: int) -> None:
        super().setPrefixLimit(limit)
        self._choose_codec()

    def _selectDialect(self, dialect: bytes) -> None:
        self.currentDialect = dialect
        self._choose_codec()
        super()._selectDialect(dialect)

    def _choose_codec(self) -> None:
        self.fast_codec = (
            getattr(self, "currentDialect", None) == DIALECT
            and self.prefixLimit >= PREFIX_LIMIT
            and self.outgoingSymbols.keys() == VOCABULARY.keys()
            and self.incomingVocabulary == WORDS
        )

    def sendEncoded(self, obj: Any) -> None:
        """
        @raise BananaError: as L{banana.Banana.sendEncoded} does; nothing is sent then.
        """
        if self.fast_codec:
            try:
                encoded = encode_sexp(obj)
            except (NotPlain, RecursionError):
                # Twisted's may know better, and if not it has the right error.
                pass
            else:
                self.send_bytes(encoded)
                return
        self.hand_over()
        super().sendEncoded(obj)

    def send_bytes(self, encoded: bytes) -> None:
        """
        Send a message that is encoded already, after those that were sent before.
        """
        held = self._held
        if held is None:
            self.transport.write(encoded)
            return
        held.append(encoded)
        if len(held) == _TOGETHER:
            self._held = []
            write_immediately(self.transport, b"".join(held))

    def dataReceived(self, chunk: bytes) -> None:
        """
        @raise MessageTooLarge: once a message exceeds L{limits}.
        @raise BananaError: and whatever else L{banana.Banana.dataReceived} raises.
        """
        if self._broken is not None:
            raise self._broken.with_traceback(None)
        received = self._received
        if not received:
            self._received = chunk
        elif isinstance(received, bytearray):
            received += chunk
        elif len(received) < _LONG and len(chunk) > _SHORT:
            self._received = received + chunk
        else:
            self._received = bytearray(received)
            self._received += chunk
        if self._at_work:
            return
        self._at_work = True
        if self._answers_at_once:
            self._held = []
        try:
            self._take_messages()
            held, self._held = self._held, None
            if held:
                write_immediately(self.transport, b"".join(held))
        finally:
            self._at_work = False
            if self._held is not None:
                self.hand_over()

    def hand_over(self) -> None:
        """Write what was to go out together, so that something else can be written after it."""
        held, self._held = self._held, None
        if held:
            self.transport.write(b"".join(held))

    def _take_messages(self) -> None:
        buffer, self._received = self._received, b""
        pos = 0
        try:
            while pos < len(buffer):
                expression, end = self._next_message(buffer, pos)
                if end == UNFINISHED:
                    break
                pos = end
                self.callExpressionReceived(expression)
                if self._received:
                    # It arrived while the message was handled.
                    buffer, self._received = bytes(buffer[pos:]) + self._received, b""
                    pos = 0
        finally:
            rest = buffer[pos:] if pos else buffer
            self._received = rest + self._received if self._received else rest
            if self._broken is not None:
                self._received = b""

    def _next_message(self, buffer: bytes | bytearray, pos: int) -> tuple[Any, int]:
        """
        The message that begins at C{pos}, and where it ends; or anything, and L{UNFINISHED}.
        """
        try:
            end = self._scanner.scan(
                buffer,
                pos,
                self.limits,
                self.prefixLimit,
                self.incomingVocabulary,
                self.currentDialect == DIALECT,
            )
        except Exception as error:
            # Not the error itself, whose traceback holds on to all that came with it.
            self._broken = copy(error)
            raise
        if end == UNFINISHED:
            return None, end
        if isinstance(buffer, bytearray):
            message = bytes(memoryview(buffer)[pos:end])
            return self._expression(message, 0, end - pos, self._scanner.split - pos), end
        return self._expression(buffer, pos, end, self._scanner.split), end

    def _expression(self, buffer: bytes, start: int, end: int, split: int) -> Any:
        """
        The message in C{buffer[start:end]} as an s-expression.

        @param split: what L{Scanner} says of it.
        """
        return decode_sexp(buffer, start, self.incomingVocabulary)
