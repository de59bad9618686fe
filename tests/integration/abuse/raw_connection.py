"""
Perspective Broker over a blocking socket, for clients that break its rules.

This module uses neither Twisted nor pbrealm.
"""

from __future__ import annotations

import hashlib
import socket
import struct
from typing import Any

TIMEOUT = 60.0
"""Seconds after which a socket operation fails."""

# fmt: off
WORDS = [
    "None", "class", "dereference", "reference", "dictionary", "function", "instance", "list",
    "module", "persistent", "tuple", "unpersistable", "copy", "cache", "cached", "remote",
    "local", "lcache", "version", "login", "password", "challenge", "logged_in",
    "not_logged_in", "cachemessage", "message", "answer", "error", "decref", "decache",
    "uncache",
]
# fmt: on


READ_SIZE = 65536

NO_MIND: list[Any] = [b"None"]

MIND: list[Any] = [b"remote", 1]
"""The first object of the client's."""


class Closed(Exception):
    """The server has closed the connection."""


def digits(number: int) -> bytes:
    """A number as banana writes it in front of a type byte."""
    out = bytearray((number & 127,))
    while number := number >> 7:
        out.append(number & 127)
    return bytes(out)


def encode(item: Any) -> bytes:
    """A list, bytes or an integer in banana, without a vocabulary."""
    if isinstance(item, list):
        return digits(len(item)) + b"\x80" + b"".join(map(encode, item))
    if isinstance(item, bytes):
        return digits(len(item)) + b"\x82" + item
    return digits(abs(item)) + (b"\x81" if item >= 0 else b"\x83")


def decode(buffer: bytes, pos: int) -> tuple[Any, int]:
    """
    Read one item of banana.

    @return: the item, and the position after it.
    @raise IndexError: if the buffer ends before the item does.
    """
    number = shift = 0
    while buffer[pos] < 128:
        number |= buffer[pos] << shift
        shift += 7
        pos += 1
    kind = buffer[pos]
    pos += 1
    if kind == 0x80:
        items = []
        for _ in range(number):
            item, pos = decode(buffer, pos)
            items.append(item)
        return items, pos
    if kind == 0x82:
        if pos + number > len(buffer):
            raise IndexError
        return buffer[pos : pos + number], pos + number
    if kind == 0x87:
        return WORDS[number - 1].encode(), pos
    if kind == 0x84:
        if pos + 8 > len(buffer):
            raise IndexError
        return struct.unpack_from("!d", buffer, pos)[0], pos + 8
    return (-number if kind in (0x83, 0x86) else number), pos


def challenge_response(challenge: bytes, password: bytes = b"secret") -> bytes:
    """The response of Perspective Broker's login to a challenge."""
    return hashlib.md5(hashlib.md5(password).digest() + challenge).digest()


class RawConnection:
    """
    A connection to the server.

    @ivar sent: how many bytes the kernel has accepted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        greet: bool = True,
        dialect: bytes = b"pb",
        receive_buffer: int | None = None,
    ) -> None:
        """
        Connect.

        @param greet: whether to choose the dialect and send the version.
        @param dialect: C{b"pb"} has a vocabulary, C{b"none"} has not.
        @param receive_buffer: the size of the socket's receive buffer, in bytes.
        """
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        # Without this the kernel delays small packets, which slows down attacks in steps.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((host, port))
        self.sent = 0
        self._requests = 0
        self._answers: dict[int, tuple[bytes, Any]] = {}
        self._buffer = b""
        if greet:
            self.send([b"version", 6], before=encode(dialect))

    def write(self, data: bytes) -> None:
        """
        Send all the bytes.

        @raise Closed: if the server has closed the connection.
        """
        try:
            view = memoryview(data)
            while view:
                count = self.socket.send(view)
                self.sent += count
                view = view[count:]
        except ConnectionError:
            raise Closed from None

    def send(self, *expressions: list[Any], before: bytes = b"") -> None:
        """Send s-expressions, after some bytes."""
        self.write(before + b"".join(map(encode, expressions)))

    def request(self, target: Any, method: bytes, *args: Any) -> int:
        """
        Call a method without waiting for the answer.

        @param target: the id of the object.
        @return: the number of the request.
        """
        self._requests += 1
        self.send(
            [b"message", self._requests, target, method, 1, [b"tuple", *args], [b"dictionary"]]
        )
        return self._requests

    def wait_for_answer(self, number: int) -> tuple[bytes, Any]:
        """
        Wait for the answer to a request.  Answers to others are kept until they are waited for.

        @return: C{b"answer"} or C{b"error"}, and the content.
        """
        while number not in self._answers:
            message = self.receive()
            if isinstance(message, list) and message[0] in (b"answer", b"error"):
                self._answers[message[1]] = (message[0], message[2])
        return self._answers.pop(number)

    def has_received_answer(self, number: int) -> bool:
        """Whether the answer to a request came before one that was waited for."""
        return number in self._answers

    def call(self, target: Any, method: bytes, *args: Any) -> tuple[bytes, Any]:
        """Call a method and wait for the answer, as L{wait_for_answer} returns it."""
        return self.wait_for_answer(self.request(target, method, *args))

    def request_challenge(self, name: bytes) -> tuple[bytes, Any] | None:
        """
        Begin a login.

        @return: the challenge, and the id of the object that takes the response; L{None} if the
            server refuses.
        """
        kind, answer = self.call(b"root", b"login", name)
        if kind == b"error":
            return None
        _, challenge, (_, challenger) = answer
        return challenge, challenger

    def challenge(self, name: bytes) -> tuple[bytes, Any]:
        """As L{request_challenge}, for a login that the server must not refuse."""
        challenged = self.request_challenge(name)
        assert challenged is not None
        return challenged

    def login(
        self, name: bytes = b"mallory", password: bytes = b"secret", mind: Any = NO_MIND
    ) -> Any:
        """
        Log in.

        @param mind: such as L{MIND}.
        @return: the id of the perspective, or L{None} if the server refuses.
        """
        challenged = self.request_challenge(name)
        if challenged is None:
            return None
        challenge, challenger = challenged
        response = challenge_response(challenge, password)
        kind, answer = self.call(challenger, b"respond", response, mind)
        return answer[1] if kind == b"answer" else None

    def answer_of(self, target: Any, method: bytes, *args: Any) -> Any:
        """Call a method that the server must not refuse, and wait for what it returns."""
        kind, answer = self.call(target, method, *args)
        assert kind == b"answer", answer
        return answer

    def next_call(self) -> tuple[int, Any]:
        """
        Wait for a call by the server; the pings before it are dropped.

        @return: the number of the request, and the method.
        """
        while True:
            message = self.receive()
            if isinstance(message, list) and message[0] == b"message" and message[2] == MIND[1]:
                return message[1], message[3]

    def receive(self) -> Any:
        """The next message."""
        while True:
            try:
                item, pos = decode(self._buffer, 0)
            except IndexError:
                self.read_more()
            else:
                self._buffer = self._buffer[pos:]
                return item

    def read_more(self, most: int = READ_SIZE) -> int:
        """
        Read some bytes of the next message, or of several.

        @param most: how many bytes to read at most.
        @return: how many there were.
        """
        data = self.read(most)
        self._buffer += data
        return len(data)

    def read(self, most: int = READ_SIZE) -> bytes:
        """
        The next bytes.

        @raise Closed: if the server has closed the connection.
        """
        try:
            data = self.socket.recv(most)
        except ConnectionError:
            raise Closed from None
        if not data:
            raise Closed
        return data

    def wait_for_close(self) -> None:
        """Read until the server closes the connection."""
        try:
            while True:
                self.read()
        except Closed:
            self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
