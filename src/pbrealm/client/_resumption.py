"""
Coming back to a session whose connection was lost.
"""

from __future__ import annotations

from typing import Any

from twisted.spread import pb

from pbrealm._wire.resumable_broker import ResumableBroker
from pbrealm._wire.resumable_stream import ResumableStream
from pbrealm.errors import Reason, SessionEnded


class Resumption:
    """
    What a client comes back to its sessions by.

    @ivar stream: what it sends and gets, over one connection after another.
    @ivar seconds: that it has to come back.
    """

    def __init__(self, broker: ResumableBroker, stream: ResumableStream) -> None:
        self._broker = broker
        self.stream = stream
        self.seconds = 0
        self._name = b""
        self._token = b""
        # The new connection that was tried last.
        self._attempt: ResumableBroker | None = None
        self._attempts = 0

    @classmethod
    async def begin(
        cls, broker: ResumableBroker, root: pb.RemoteReference, limit: int
    ) -> Resumption:
        """
        Agree with the server that the connection may be resumed.

        @param broker: of a connection with a login.
        @param limit: how many bytes that the server hasn't acknowledged are kept.
        @raise twisted.spread.pb.RemoteError: if the server knows no resumption, or not just now.
        """
        agreed = root.callRemote("beginResumable")
        self = cls(broker, broker.begin_stream(limit))
        # When the answer comes, before a further message is handled.
        agreed.addCallback(self._begun)
        try:
            await agreed
        except BaseException:
            self.stream.forgo()
            raise
        return self

    def _begun(self, answer: Any) -> None:
        self._name, self._token, seconds = answer
        self.seconds = int(seconds)
        self._broker.stream_begun(self.stream)

    async def resume(self, broker: ResumableBroker, root: pb.RemoteReference) -> None:
        """
        Come back by another connection.

        @param broker: of the new connection, on which there is no login.
        @raise SessionEnded: if there is nothing to come back to any more.
        @raise twisted.spread.pb.RemoteError: if the server refuses it, or doesn't know it.
        """
        # What still came by the old connection, or by an earlier attempt, would come twice.
        self.stream.detach()
        if self.stream.over:
            raise SessionEnded(Reason.DISCONNECTED)
        self._attempt = broker
        self._attempts += 1
        # Until the answer, nothing more may be sent over this connection.
        answer = root.callRemote(
            "resume", self._name, self._token, self._attempts, self.stream.received
        )
        answer.addCallback(self._answered, broker)
        await answer

    def _answered(self, answer: object, broker: ResumableBroker) -> None:
        outcome, value, received = _parse(answer)
        if outcome != b"resumed":
            self.stream.peer_handled = received
            number = int(value) if value.isdigit() else 0
            reason = next((each for each in Reason if each.number == number), None)
            raise SessionEnded(reason or Reason.DISCONNECTED)
        # From here on this connection has the bytes of the stream.
        rest, broker.buffer = broker.buffer, b""
        if self._attempt is not broker or not self.stream.has_kept(received):
            broker.transport.abortConnection()
            raise SessionEnded(Reason.TOO_SLOW)
        self._token = value
        self.stream.attach(broker, broker.transport, received)
        if rest:
            broker.dataReceived(rest)


def _parse(answer: object) -> tuple[bytes, bytes, int]:
    """
    @raise SessionEnded: if it isn't what a server answers to C{resume}.
    """
    match answer:
        case (bytes(outcome), bytes(value), bytes(count)) if count.isdigit():
            return outcome, value, int(count)
    raise SessionEnded(Reason.DISCONNECTED)
