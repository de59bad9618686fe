"""
Banana, in and out, without copying the rest of the buffer for every item.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import banana

from pbrealm.wire.limits import GENEROUS, MessageLimits
from pbrealm.wire.messages import encode_sexp
from pbrealm.wire.scan import UNFINISHED, Scanner
from pbrealm.wire.sexp import decode_sexp
from pbrealm.wire.tokens import DIALECT, PREFIX_LIMIT, VOCABULARY, WORDS, NotPlain


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
    _scanner: Scanner | None = None
    _broken: Exception | None = None
    _at_work = False

    @property
    def buffer(self) -> bytes:
        """What has arrived of a message that isn't complete; set it to start anew with that."""
        return bytes(self._received)

    @buffer.setter
    def buffer(self, received: bytes) -> None:
        self._received = received
        self._scanner = self._broken = None

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
                self.transport.write(encoded)
                return
        super().sendEncoded(obj)

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
        else:
            # Bytes would be copied whole for each piece that arrives.
            self._received = bytearray(received) + chunk
        if not self._at_work:
            self._at_work = True
            try:
                self._take_messages()
            finally:
                self._at_work = False

    def _take_messages(self) -> None:
        scanner = self._scanner
        if scanner is None:
            scanner = self._scanner = Scanner()
        buffer, self._received = self._received, b""
        pos = 0
        try:
            while pos < len(buffer):
                end = self._scan(scanner, buffer, pos)
                if end == UNFINISHED:
                    break
                if not isinstance(buffer, bytes):
                    buffer = bytes(buffer)
                start, pos = pos, end
                self._message(buffer, start, end, scanner.split)
                if self._received:
                    # It arrived while the message was handled.
                    buffer, self._received = buffer[pos:] + self._received, b""
                    pos = 0
        finally:
            rest = buffer[pos:] if pos else buffer
            self._received = rest + self._received if self._received else rest
            if self._broken is not None:
                self._received = b""

    def _scan(self, scanner: Scanner, buffer: bytes | bytearray, pos: int) -> int:
        try:
            return scanner.scan(
                buffer,
                pos,
                self.limits,
                self.prefixLimit,
                self.incomingVocabulary,
                self.currentDialect == DIALECT,
            )
        except Exception as error:
            self._broken = error
            raise

    def _message(self, buffer: bytes, start: int, end: int, split: int) -> None:
        self.callExpressionReceived(decode_sexp(buffer, start, self.incomingVocabulary))
