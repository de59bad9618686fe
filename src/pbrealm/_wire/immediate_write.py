"""
Immediate writes: sending an answer in the reactor iteration in which the call came.

C{transport.write} only appends to the transport's write buffer.  The reactor sends the buffer in
its next iteration, once it has found the socket to be writable.  A socket nearly always is, and
for a small answer to a small call this detour is half of the work.
"""

from __future__ import annotations

from typing import Final, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.tcp import Connection

MAX_IMMEDIATE_BYTES: Final = 32 * 1024
"""
Bytes that are written immediately at most.  For more, the detour doesn't matter, and a socket's
send buffer may not have the room.
"""


class Writable(Protocol):
    """The part of a transport that takes what can't be written immediately."""

    def write(self, data: bytes, /) -> object: ...


def unencrypted_descriptor(transport: object) -> FileDescriptor | None:
    """
    The transport itself, if bytes may be written to its socket directly.

    @return: L{None} for a transport without a file descriptor, and for one that has TLS between
        C{write} and the socket.  A transport may start TLS at any time.
    """
    if not isinstance(transport, FileDescriptor):
        return None
    if isinstance(transport, Connection) and transport.TLS:
        return None
    return transport


def write_immediately(data: bytes, descriptor: FileDescriptor | None, transport: Writable) -> int:
    """
    Write to the socket now, and leave the rest to the transport.

    The transport gets all of it if something waits in its write buffer.  It also meets any error
    of the socket, by writing to it again.

    @param descriptor: what L{unencrypted_descriptor} returns now, for C{transport} or for the
        transport that C{transport} passes everything on to.
    @return: how many bytes the transport didn't get.
    """
    if (
        descriptor is not None
        and len(data) <= MAX_IMMEDIATE_BYTES
        and descriptor.connected
        and not descriptor.disconnecting
        # The write buffer, about which Twisted has no public question.  Both attributes are there
        # in 24.10 to 26.10 at least.  The second is private: in a version without it, nothing is
        # written immediately.
        and not descriptor.dataBuffer
        and not getattr(descriptor, "_tempDataBuffer", True)
        # A transport asks a pull producer for more when it has written its buffer, so it has to be
        # the transport that writes.
        and (descriptor.streamingProducer or descriptor.producer is None)
    ):
        sent = descriptor.writeSomeData(data)
        if isinstance(sent, int) and sent > 0:
            if sent == len(data):
                return sent
            transport.write(data[sent:])
            return sent
    transport.write(data)
    return 0
