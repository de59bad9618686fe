"""
What the kernel says about the bytes that a client takes.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from pbrealm._wire.taken_bytes import TakenBytes


class FakeSocket(socket.socket):
    """A socket with a connection whose numbers a test sets."""

    acknowledged = 0
    not_sent = 0
    size = 148
    asked = 0

    def getsockopt(self, *_: Any) -> Any:
        self.asked += 1
        info = bytearray(256)
        struct.pack_into("=Q", info, 120, self.acknowledged)
        struct.pack_into("=I", info, 144, self.not_sent)
        return bytes(info[: self.size])


class Handle:
    """A transport with a handle, or one that wraps another."""

    def __init__(self, handle: object, transport: object = None) -> None:
        self.handle = handle
        self.transport = transport

    def getHandle(self) -> object:
        return self.handle


class TakenBytesTests(SynchronousTestCase):
    def setUp(self) -> None:
        if sys.platform != "linux":
            raise SkipTest("only Linux says how many bytes were acknowledged")
        self.socket = FakeSocket()
        self.addCleanup(self.socket.close)
        self.taken = TakenBytes(Handle(object(), Handle(self.socket)))

    def test_slow(self):
        self.socket.not_sent = 100
        self.taken.mark()
        self.assertFalse(self.taken.some())
        self.socket.acknowledged = 1
        self.assertTrue(self.taken.some())
        self.taken.mark()
        self.assertFalse(self.taken.some())

    def test_room_for_all(self):
        """What a kernel has room for is acknowledged without the client."""
        self.taken.mark()
        self.socket.acknowledged = 100
        self.assertFalse(self.taken.some())

    def test_no_mark(self):
        self.socket.acknowledged = 100
        self.assertFalse(self.taken.some())
        self.assertEqual(self.socket.asked, 0)

    def test_closed(self):
        """A socket that is closed meanwhile is no error."""
        ends = socket.socketpair(socket.AF_UNIX)
        taken = TakenBytes(Handle(ends[0]))
        taken.mark()
        for end in ends:
            end.close()
        taken.mark()
        self.assertFalse(taken.some())

    def test_old_kernel(self):
        self.socket.size = 104
        self.socket.not_sent = 100
        self.taken.mark()
        self.assertFalse(self.taken.some())

    def test_no_socket(self):
        for transport in (StringTransport(), Handle(None), Handle(None, Handle(None)), None):
            taken = TakenBytes(transport)
            taken.mark()
            self.assertFalse(taken.some())
