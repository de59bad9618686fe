"""
Banana, in and out, without copying the rest of the buffer for every item.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import ITCPTransport
from twisted.spread.banana import Banana

from pbrealm._wire.immediate_write import unencrypted_descriptor, write_immediately
from pbrealm._wire.message_limits import MessageLimits
from pbrealm._wire.outgoing import encode_sexp
from pbrealm._wire.reader import NEED_DATA, MessageReader
from pbrealm._wire.tokens import VOCABULARY, NotPlain

_TOGETHER: Final = 8
"""
Messages that go out together.  With more, either end of a connection with many calls in flight
would wait while the other works; with fewer, the system calls would be most of the work.
"""


class FastBanana(Banana):
    """
    A L{Banana} that bounds whole messages, and is faster.

    It delivers what Twisted's delivers, to the same hooks.  Two things differ, for the better: a
    message is off the buffer before it's handled, so that C{dataReceived} may be called from
    within; and after bytes that are an error, nothing more is taken in, every further call of
    C{dataReceived} raises the same.
    """

    fast_codec = False
    """
    Whether plain data and messages can take the short way on this connection: its dialect is
    C{pb}, its vocabulary is Twisted's, and its numbers may be as large as Twisted has them.
    """

    currentDialect: bytes | None = None
    transport: Any
    prefixLimit: Any
    _handling = False
    _answers_at_once = False
    # What was sent while messages are handled, where it's to go out at once afterwards.
    _held: list[bytes] | None = None

    def __init__(self, isClient: Any = 1) -> None:
        # By name, as pb.Broker does it: in a broker, pb.Broker is the next class.
        Banana.__init__(self, isClient)
        self._reader = MessageReader()

    @property
    def limits(self) -> MessageLimits:
        """May be replaced at any time; a message that is under way is held to the new ones."""
        return self._reader.limits

    @limits.setter
    def limits(self, limits: MessageLimits) -> None:
        self._reader.limits = limits

    @property
    def buffer(self) -> bytes:
        """What has arrived of a message that isn't complete; set it to start anew with that."""
        return self._reader.buffered

    @buffer.setter
    def buffer(self, received: bytes) -> None:
        self._reader.reset(received)

    def connectionMade(self) -> None:
        super().connectionMade()
        self._answers_at_once = self.immediate_descriptor() is not None
        if ITCPTransport.providedBy(self.transport):
            # Else a message that follows another at once waits until the other end has
            # acknowledged that one, for which it takes 40 ms if it has nothing to send.
            self.transport.setTcpNoDelay(True)

    def immediate_descriptor(self) -> FileDescriptor | None:
        """
        The file descriptor whose socket may be written to now, past the transport's write buffer.

        A subclass whose transport is a wrapper, such as a send queue, overrides this to return
        what is wrapped while nothing waits in the wrapper.

        @return: L{None} if everything has to go by way of C{transport.write}.
        """
        return unencrypted_descriptor(self.transport)

    def setPrefixLimit(self, limit: int) -> None:
        super().setPrefixLimit(limit)
        self._choose_codec()

    def _selectDialect(self, dialect: bytes) -> None:
        self.currentDialect = dialect
        self._choose_codec()
        super()._selectDialect(dialect)

    def _choose_codec(self) -> None:
        reader = self._reader
        reader.configure(self.currentDialect, self.prefixLimit, self.incomingVocabulary)
        self.fast_codec = reader.standard and self.outgoingSymbols.keys() == VOCABULARY.keys()

    def sendEncoded(self, obj: Any) -> None:
        """
        @raise BananaError: as L{Banana.sendEncoded} does; nothing is sent then.
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
            write_immediately(b"".join(held), self.immediate_descriptor(), self.transport)

    def dataReceived(self, chunk: bytes) -> None:
        """
        @raise MessageTooLarge: once a message exceeds L{limits}.
        @raise BananaError: and whatever else L{Banana.dataReceived} raises.
        """
        reader = self._reader
        reader.receive_data(chunk)
        if self._handling:
            return
        self._handling = True
        if self._answers_at_once:
            self._held = []
        try:
            while (message := reader.next_message()) is not NEED_DATA:
                self.callExpressionReceived(message)
            held, self._held = self._held, None
            if held:
                write_immediately(b"".join(held), self.immediate_descriptor(), self.transport)
        finally:
            self._handling = False
            if self._held is not None:
                self.hand_over()

    def hand_over(self) -> None:
        """Write what was to go out together, so that something else can be written after it."""
        held, self._held = self._held, None
        if held:
            self.transport.write(b"".join(held))
