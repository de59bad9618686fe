"""
Whether a peer takes what it is sent, as far as the kernel knows.

A transport says only when the last of its bytes has gone to the kernel.  That can take minutes
where a peer reads megabytes slowly, and its answer to a ping is as late.  Linux knows how many
bytes the peer's kernel has acknowledged.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any, Final

# From struct tcp_info of linux/tcp.h, whose fields keep their places: tcpi_bytes_acked, and
# tcpi_notsent_bytes.
_ACKNOWLEDGED: Final = struct.Struct("=Q")
_ACKNOWLEDGED_AT: Final = 120
_NOT_SENT: Final = struct.Struct("=I")
_NOT_SENT_AT: Final = 144
_INFO_SIZE: Final = 148


class TakenBytes:
    """
    Tells whether a peer takes bytes that it is too slow to take at once.

    The peer's kernel acknowledges what there is room for, also while the peer itself has
    stopped.  So bytes count only if there was no room for all of them.

    It asks the kernel of Linux about a TCP connection, also one with TLS.  Elsewhere it never
    notices anything.
    """

    __slots__ = ("_marked", "_transport")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        # What was acknowledged at the last mark; None if there was room for all.
        self._marked: int | None = None

    def mark(self) -> None:
        """Begin to watch."""
        info = _tcp_info(self._transport)
        self._marked = None
        if info is not None and _NOT_SENT.unpack_from(info, _NOT_SENT_AT)[0]:
            self._marked = _acknowledged(info)

    def some(self) -> bool:
        """Whether bytes that the peer had no room for have been acknowledged since the mark."""
        if self._marked is None:
            return False
        info = _tcp_info(self._transport)
        return info is not None and _acknowledged(info) > self._marked


def _acknowledged(info: bytes) -> int:
    count: int = _ACKNOWLEDGED.unpack_from(info, _ACKNOWLEDGED_AT)[0]
    return count


def _tcp_info(transport: Any) -> bytes | None:
    """What the kernel knows about the connection of a transport; L{None} where it doesn't say."""
    connected = _socket_of(transport)
    if sys.platform != "linux" or connected is None:
        return None
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    except OSError:
        # It isn't TCP, or it is closed.
        return None
    # Linux before 4.6 says less.
    return info if len(info) == _INFO_SIZE else None


def _socket_of(transport: Any) -> socket.socket | None:
    # With TLS, the handle is that of OpenSSL, and the socket is in the transport below.
    while transport is not None:
        get_handle = getattr(transport, "getHandle", None)
        handle = None if get_handle is None else get_handle()
        if isinstance(handle, socket.socket):
            return handle
        transport = getattr(transport, "transport", None)
    return None
