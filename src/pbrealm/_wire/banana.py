"""
A faster banana: the input and output of one connection.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import ITCPTransport, IUNIXTransport
from twisted.spread.banana import Banana

from pbrealm._wire.immediate_write import unencrypted_descriptor, write_immediately
from pbrealm._wire.message_limits import MessageLimits
from pbrealm._wire.outgoing import encode_sexp
from pbrealm._wire.reader import NEED_DATA, MessageReader
from pbrealm._wire.tokens import VOCABULARY_TOKENS, NotPlain

_MAX_COALESCED: Final = 8
"""
Messages that are written together at most.  With more, each end of a connection with many calls
in flight would be idle while the other works; with fewer, system calls would be most of the work.
"""

_MAX_COALESCED_BYTES: Final = 16 * 1024
"""Bytes of a message from which on it is written at once, so that few bytes are held back."""


class FastBanana(Banana):
    """
    A faster L{Banana} that limits the size of messages.

    It calls the same hooks with the same messages as Twisted's.  Two things differ:

     - A message is taken off the buffer before it's handled, so C{dataReceived} may be called by
       what handles a message.
     - After invalid bytes, every further call of C{dataReceived} raises the same error.

    What is sent while received messages are handled, mostly their answers, is coalesced into few
    writes, which go to the socket immediately if possible.

    @ivar fast_codec: whether messages can be sent without Twisted's encoder on this connection.
        This is so if the dialect is C{pb}, the vocabulary is Twisted's, and the prefix limit isn't
        below the default.
    @ivar coalesced: the messages that are to be written together; L{None} while each is written by
        itself.
    """

    # A broker of Twisted has nearly as many attributes as instances can have that share a table of
    # their names, so ours are apart.
    __slots__ = ("_coalesces_writes", "_handling_messages", "_reader", "coalesced", "fast_codec")

    currentDialect: bytes | None = None
    transport: Any
    prefixLimit: Any

    def __init__(self, isClient: int = 1) -> None:
        # By name, as pb.Broker does it too: for a broker, super() is pb.Broker.
        Banana.__init__(self, isClient)
        self._begin(MessageReader())

    def _begin(self, reader: MessageReader) -> None:
        self._reader = reader
        self.fast_codec = False
        self._handling_messages = False
        self._coalesces_writes = False
        self.coalesced: list[bytes] | None = None

    @property
    def limits(self) -> MessageLimits:
        """
        The limits on a received message.

        They may be replaced at any time, and then also hold for a message of which a part has
        arrived.
        """
        return self._reader.limits

    @limits.setter
    def limits(self, limits: MessageLimits) -> None:
        self._reader.limits = limits

    @property
    def decodes_arguments(self) -> bool:
        """
        Whether arguments that are plain data may be decoded together with their message.

        If not, all messages are plain s-expressions, which take no more memory than their bytes
        call for.
        """
        return self._reader.lazy

    @decodes_arguments.setter
    def decodes_arguments(self, decodes: bool) -> None:
        self._reader.lazy = decodes

    @property
    def buffer(self) -> bytes:
        """
        The bytes of an incomplete message.

        Setting this discards the old bytes, and the error that further calls of C{dataReceived}
        would raise.
        """
        return self._reader.buffered

    @buffer.setter
    def buffer(self, received: bytes) -> None:
        self._reader.reset(received)

    def connectionMade(self) -> None:
        super().connectionMade()
        self._coalesces_writes = self.immediate_descriptor() is not None
        transport = self.transport
        # In old versions of Twisted, a transport of a UNIX socket claims to be one of TCP.
        if ITCPTransport.providedBy(transport) and not IUNIXTransport.providedBy(transport):
            # With Nagle's algorithm, the second of two messages would wait until the peer has
            # acknowledged the first, which a peer with nothing to send delays by 40 ms.
            transport.setTcpNoDelay(True)

    def immediate_descriptor(self) -> FileDescriptor | None:
        """
        The file descriptor whose socket may be written to now, past the transport's write buffer.

        A subclass whose transport is a wrapper, such as a send queue, overrides this to return
        the wrapped transport while nothing waits in the wrapper.

        @return: L{None} if everything has to go by way of C{transport.write}.
        """
        return unencrypted_descriptor(self.transport)

    def setPrefixLimit(self, limit: int) -> None:
        super().setPrefixLimit(limit)
        self._configure_codec()

    def _selectDialect(self, dialect: bytes) -> None:
        self.currentDialect = dialect
        self._configure_codec()
        super()._selectDialect(dialect)

    def _configure_codec(self) -> None:
        reader = self._reader
        reader.configure(self.currentDialect, self.prefixLimit, self.incomingVocabulary)
        self.fast_codec = (
            reader.standard and self.outgoingSymbols.keys() == VOCABULARY_TOKENS.keys()
        )

    def sendEncoded(self, obj: Any) -> None:
        """
        Encode and send an s-expression.

        @raise BananaError: as L{Banana.sendEncoded} does.  Nothing is sent then.
        """
        if self.fast_codec:
            try:
                encoded = encode_sexp(obj)
            except (NotPlain, RecursionError):
                # Twisted's encoder can send it, or raises the proper error.
                pass
            else:
                self.send_bytes(encoded)
                return
        self.flush()
        super().sendEncoded(obj)

    def send_bytes(self, encoded: bytes) -> None:
        """
        Send an encoded message, after all that were sent before.
        """
        coalesced = self.coalesced
        if coalesced is None:
            self.transport.write(encoded)
            return
        coalesced.append(encoded)
        if len(coalesced) == _MAX_COALESCED or len(encoded) > _MAX_COALESCED_BYTES:
            self.coalesced = []
            self.write_now(b"".join(coalesced))

    def flush(self) -> None:
        """
        Write the coalesced messages to the transport, so that the caller can write to it next.

        Until C{dataReceived} is called again, each message is written by itself.
        """
        coalesced, self.coalesced = self.coalesced, None
        if coalesced:
            self.transport.write(b"".join(coalesced))

    def write_now(self, data: bytes) -> int:
        """
        Write to the socket at once, if that is possible.

        @return: how many bytes were written past C{transport.write}.
        """
        return write_immediately(data, self.immediate_descriptor(), self.transport)

    def pause_messages(self) -> None:
        """
        Handle no further message until L{resume_messages}, not even one that has been received.

        The caller sees to it that the transport delivers no more bytes meanwhile.
        """
        self._reader.paused = True

    def resume_messages(self) -> None:
        """Handle the messages that have been received meanwhile, and those to come."""
        self._reader.paused = False
        # On the instance, something else may take what comes by an earlier connection.
        type(self).dataReceived(self, b"")

    def dataReceived(self, chunk: bytes) -> None:
        """
        Handle received bytes.

        @raise Exception: as L{MessageReader.next_message} does, and whatever the handling of a
            message raises.
        """
        reader = self._reader
        reader.receive_data(chunk)
        if self._handling_messages:
            return
        self._handling_messages = True
        if self._coalesces_writes:
            self.coalesced = []
        try:
            while (message := reader.next_message()) is not NEED_DATA:
                self.callExpressionReceived(message)
            coalesced, self.coalesced = self.coalesced, None
            if coalesced:
                self.write_now(b"".join(coalesced))
        finally:
            self._handling_messages = False
            if self.coalesced is not None:
                self.flush()
