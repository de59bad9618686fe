"""
A broker whose connection may be lost and come back.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.spread import pb

from pbrealm._wire.broker import FastBroker
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm._wire.sexp import Sexp


class ResumableBroker(FastBroker):
    """
    A broker that can go on over another connection, with all that is under way.

    Its references, and its peer's, go on as well.

    @ivar stream: stands in for the transport, from the time on that both ends have agreed on it;
        until then, and with peers that know nothing of it, L{None}.
    """

    stream: ResumableStream | None = None

    def begin_stream(self, limit: int) -> ResumableStream:
        """
        Count what is sent from now on.

        @param limit: how many bytes that aren't acknowledged are kept.
        """
        self.flush()
        self.stream = stream = self.make_stream(limit)
        return stream

    def stream_begun(self, stream: ResumableStream) -> None:
        """The peer counts what it has sent after the message that is being handled."""
        # What has come together with this message.
        stream.begin(len(self.buffer))

    def make_stream(self, limit: int) -> ResumableStream:
        """Put a stream in front of the transport; for subclasses to override."""
        stream = ResumableStream(self, limit, self, self.transport)
        self.transport = stream
        return stream

    def write_now(self, data: bytes) -> int:
        stream = self.stream
        if stream is None:
            return super().write_now(data)
        if self.writes_to_stream():
            stream.write_now(data)
            return len(data)
        self.transport.write(data)
        return 0

    @property
    def handled(self) -> int:
        """How many bytes of the stream were received and handled."""
        return 0 if self.stream is None else self.stream.received - len(self.buffer)

    def written(self) -> int:
        """How many bytes of the stream were written, all messages that were sent included."""
        if self.coalesced:
            self.flush()
        return 0 if self.stream is None else self.stream.written

    def writes_to_stream(self) -> bool:
        """Whether nothing waits that is to be written before; for subclasses to override."""
        return True

    def proto_acknowledge(self, count: Sexp) -> None:
        """
        Protocol message: how many bytes of the stream the peer has received.

        @raise pb.ProtocolError: if there is no stream, or there weren't so many.
        """
        if self.stream is None or type(count) is not int:
            raise pb.ProtocolError("an acknowledgement of nothing")
        try:
            self.stream.acknowledged(count)
        except ValueError as why:
            raise pb.ProtocolError(str(why)) from None

    # For the stream

    def acknowledge(self, count: int) -> None:
        """Tell the peer how many bytes of it were received in all."""
        self.sendCall(b"acknowledge", count)  # type: ignore[no-untyped-call]

    def stream_received(self, data: bytes) -> None:
        """Bytes have come."""
        try:
            # On the instance, the stream has taken its place.
            type(self).dataReceived(self, data)
        except BaseException:
            # What isn't valid wouldn't be by another connection.
            if self.stream is not None:
                self.stream.abortConnection()
            raise

    def stream_away(self) -> None:
        """The connection is lost, and may be resumed; for subclasses to override."""

    def stream_over(self, why: Failure) -> Any:
        """The connection is lost for good."""
        type(self).connectionLost(self, why)
