"""
Sending an answer in the reactor's round in which the question came.

A transport only takes note of what it's to write, asks the reactor to be told when the socket has
room, and sends in the next round.  A socket nearly always has room; so for one small answer to
one small question that is half of the work.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.abstract import FileDescriptor

MAX_IMMEDIATE_BYTES: Final = 32 * 1024
"""Bytes.  For more than that it's no matter, and a socket may not have the room."""


def can_write_immediately(transport: Any) -> bool:
    """
    Whether L{write_immediately} may be used: it writes to a socket, and not by way of TLS.
    """
    transport = getattr(transport, "direct", transport)
    return isinstance(transport, FileDescriptor) and not getattr(transport, "TLS", False)


def write_immediately(transport: Any, data: bytes) -> None:
    """
    Write to a transport, and to its socket now if nothing is waiting before.

    Whatever can't be written now, for lack of room or for an error, is left to the transport: it
    will see for itself, as it would have.
    """
    direct = getattr(transport, "direct", transport)
    if (
        len(data) <= MAX_IMMEDIATE_BYTES
        and isinstance(direct, FileDescriptor)
        # It may have begun meanwhile.
        and not getattr(direct, "TLS", False)
        and direct.connected
        and not direct.disconnecting
        and not direct.dataBuffer
        and not getattr(direct, "_tempDataBuffer", True)
    ):
        sent = direct.writeSomeData(data)
        if isinstance(sent, int) and sent > 0:
            if sent == len(data):
                return
            data = data[sent:]
    transport.write(data)
