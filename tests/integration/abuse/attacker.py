"""
Hostile clients, against the raw socket: nothing here knows Twisted or pbrealm.

C{python attacker.py ATTACK HOST PORT [name=number ...]} attacks, and prints as JSON what came of
it.  Sockets block, with a time-out; they are this process's own.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import sys
import time
from collections import Counter

TIMEOUT = 20.0
"""Seconds after which a server counts as hanging."""

# fmt: off
WORDS = [
    "None", "class", "dereference", "reference", "dictionary", "function", "instance", "list",
    "module", "persistent", "tuple", "unpersistable", "copy", "cache", "cached", "remote",
    "local", "lcache", "version", "login", "password", "challenge", "logged_in",
    "not_logged_in", "cachemessage", "message", "answer", "error", "decref", "decache",
    "uncache",
]
# fmt: on


class Closed(Exception):
    """The server has closed the connection."""


def digits(number):
    out = bytearray((number & 127,))
    while number := number >> 7:
        out.append(number & 127)
    return bytes(out)


def encode(item):
    """Banana, without a vocabulary."""
    if isinstance(item, list):
        return digits(len(item)) + b"\x80" + b"".join(map(encode, item))
    if isinstance(item, bytes):
        return digits(len(item)) + b"\x82" + item
    return digits(abs(item)) + (b"\x81" if item >= 0 else b"\x83")


class Wire:
    """
    A connection, on which the greetings have been exchanged.

    @ivar sent: how many bytes the kernel has taken.
    """

    def __init__(self, host, port, greet=True, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        # Or the kernel would wait for more to say, which slows down those who attack step by step.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((host, port))
        self.sent = 0
        self._requests = 0
        self._buffer = b""
        if greet:
            self.send([b"version", 6], before=encode(b"pb"))

    def write(self, data):
        try:
            view = memoryview(data)
            while view:
                count = self.socket.send(view)
                self.sent += count
                view = view[count:]
        except (ConnectionError, BrokenPipeError):
            raise Closed from None

    def send(self, *expressions, before=b""):
        self.write(before + b"".join(map(encode, expressions)))

    def request(self, target, method, *args):
        """Call without waiting; the number of the request."""
        self._requests += 1
        self.send(
            [b"message", self._requests, target, method, 1, [b"tuple", *args], [b"dictionary"]]
        )
        return self._requests

    def answer(self, number):
        """Wait for the answer to a request: its kind, and what's in it."""
        while True:
            message = self.receive()
            if isinstance(message, list) and message[:2] in (
                [b"answer", number],
                [b"error", number],
            ):
                return message[0], message[2]

    def call(self, target, method, *args):
        return self.answer(self.request(target, method, *args))

    def challenge(self, name):
        """Ask for a challenge: that, and the id of what takes the response."""
        kind, answer = self.call(b"root", b"login", name)
        if kind == b"error":
            return None
        _, challenge, (_, challenger) = answer
        return challenge, challenger

    def login(self, name=b"mallory", password=b"secret"):
        """Log in: the id of the perspective, or None."""
        challenged = self.challenge(name)
        if challenged is None:
            return None
        challenge, challenger = challenged
        response = hashlib.md5(hashlib.md5(password).digest() + challenge).digest()
        kind, answer = self.call(challenger, b"respond", response, [b"None"])
        return answer[1] if kind == b"answer" else None

    def receive(self):
        """The next message."""
        while True:
            try:
                item, pos = decode(self._buffer, 0)
            except IndexError:
                self._buffer += self.read()
            else:
                self._buffer = self._buffer[pos:]
                return item

    def read(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            raise Closed from None
        if not data:
            raise Closed
        return data

    def wait_for_the_end(self):
        """Until the server closes."""
        try:
            while True:
                self.read()
        except Closed:
            self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Be gone without a goodbye: the server gets a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def decode(buffer, pos):
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


def pour(wires, connect, data, total):
    """
    Write the same over and over on each of the connections, anew on each that the server closes,
    until so many bytes are away.
    """
    sent = closed = 0
    while sent < total:
        for place, wire in enumerate(wires):
            before = wire.sent
            try:
                wire.write(data)
            except Closed:
                closed += 1
                wire.close()
                wires[place] = connect()
            sent += wire.sent - before
    for wire in wires:
        wire.close()
    return {"sent": sent, "closed": closed}


class Attacks:
    """
    Each method is one; its arguments are numbers.
    """

    def __init__(self, host, port):
        self.host = host
        self.port = port

    def wire(self, **kw):
        return Wire(self.host, self.port, **kw)

    def wires(self, count, **kw):
        return [self.wire(**kw) for _ in range(count)]

    # Bytes that are no login

    def nested_lists(self, connections=16, total=64 << 20):
        """Headers of lists within lists, two bytes each."""
        return pour(self.wires(connections), self.wire, b"\x01\x80" * 32768, total)

    def flat_lists(self, connections=16, total=16 << 20):
        """Lists of as many lists as banana allows, each of them empty."""
        data = digits(640 * 1024) + b"\x80" + b"\x00\x80" * 32768
        return pour(self.wires(connections), self.wire, data, total)

    def strings(self, connections=16, total=16 << 20):
        """One string after the other, each as long as banana allows."""
        data = encode([b"x" * (640 * 1024)] * 4)
        return pour(self.wires(connections), self.wire, data, total)

    def announcements(self, connections=200):
        """Lists and strings that are only announced, and larger than all the memory there is."""
        wires = self.wires(connections)
        for number, wire in enumerate(wires):
            wire.write(digits(2 ** (30 + number % 40)) + (b"\x82" if number % 2 else b"\x80"))
        for wire in wires:
            wire.wait_for_the_end()
        return {"closed": connections}

    def endless_header(self, connections=16, total=16 << 20):
        """Digits, and never what they are the number of."""
        return pour(self.wires(connections), self.wire, b"\x01" * 65536, total)

    def unfinished(self, connections=200, bytes=16000):
        """A message that's as long as it may be, but for its end."""
        wires = []
        for _ in range(connections):
            wires.append(self.wire())
            wires[-1].write(digits(bytes + 1) + b"\x82" + b"x" * bytes)
        for wire in wires:
            wire.wait_for_the_end()
        return {"closed": connections}

    def trickle(self, connections=20, gap=0.05):
        """A byte now and then."""
        wires = self.wires(connections)
        bytes_sent = 0
        while wires:
            for wire in wires[:]:
                try:
                    wire.write(b"\x01")
                    bytes_sent += 1
                except Closed:
                    wire.close()
                    wires.remove(wire)
            time.sleep(gap)
        return {"closed": connections, "bytes": bytes_sent}

    def silence(self, connections=40):
        """Connections that never speak."""
        began = time.monotonic()
        for wire in self.wires(connections, greet=False):
            wire.wait_for_the_end()
        return {"closed": connections, "seconds": time.monotonic() - began}

    def repetition(self, connections=4):
        """2 KB that refer to one another so that hashing them takes 2 ** 60 steps."""
        parts = [[b"reference", 0, [b"tuple", 1, 2]]]
        for number in range(1, 60):
            below = [b"dereference", number - 1]
            parts.append([b"reference", number, [b"tuple", below, below]])
        refused = 0
        for wire in self.wires(connections):
            kind, _ = wire.call(b"root", b"login", *parts, [b"set", [b"dereference", 59]])
            refused += kind == b"error"
            wire.close()
        return {"refused": refused}

    def unread(self, connections=100):
        """Requests whose answers are never read."""
        wires = self.wires(connections, receive_buffer=2048)
        call = encode([b"message", 1, b"", b"", 1, [b"tuple"], [b"dictionary"]])
        sent = 0
        for wire in wires:
            try:
                for _ in range(50):
                    wire.write(call * 100)
            except Closed:
                pass
            sent += wire.sent
        for wire in wires:
            wire.close()
        return {"sent": sent}

    # Logins

    def wrong_passwords(self, attempts=300, name_bytes=0):
        """Guess, on one connection after the other, under names that exist and that don't."""
        outcomes = Counter()
        wire = self.wire()
        for attempt in range(attempts):
            name = (b"alice", b"mallory", b"%d" % attempt + b"x" * name_bytes)[attempt % 3]
            try:
                outcomes["in" if wire.login(name, b"guess") else "refused"] += 1
            except Closed:
                outcomes["closed"] += 1
                wire.close()
                wire = self.wire()
        wire.close()
        return outcomes

    def replay(self, times=50):
        """Answer one challenge again and again."""
        wire = self.wire()
        challenge, challenger = wire.challenge(b"mallory")
        response = hashlib.md5(hashlib.md5(b"secret").digest() + challenge).digest()
        kinds = Counter()
        for _ in range(times):
            kind, _ = wire.call(challenger, b"respond", response, [b"None"])
            kinds[kind.decode()] += 1
        # Nor on another connection, or to another challenge.
        other = self.wire()
        _, challenger = other.challenge(b"mallory")
        kind, _ = other.call(challenger, b"respond", response, [b"None"])
        kinds["elsewhere " + kind.decode()] += 1
        wire.close()
        other.close()
        return kinds

    def challenges(self, times=1100):
        """Ask for challenges, and answer none."""
        wire = self.wire()
        given = 0
        try:
            for _ in range(times):
                given += wire.challenge(b"mallory") is not None
        except Closed:
            pass
        return {"given": given}

    def login_loop(self, logins=200, keep=0):
        """Log in on one connection, over and over; and log out again, unless all are kept."""
        wire = self.wire()
        outcomes = Counter()
        try:
            for _ in range(logins):
                perspective = wire.login()
                outcomes["refused" if perspective is None else "in"] += 1
                if perspective is not None and not keep:
                    wire.send([b"decref", perspective])
        except Closed:
            outcomes["closed"] += 1
        wire.close()
        return outcomes

    def disconnects(self, rounds=10):
        """Leave at each stage of a login, with and without a goodbye."""
        stages = 0
        for stage in range(8 * rounds):
            wire = self.wire(greet=False)
            if stage % 8 >= 1:
                wire.write(encode(b"pb"))
            if stage % 8 >= 2:
                wire.send([b"version", 6])
            if stage % 8 == 3:
                wire.request(b"root", b"login", b"mallory")
            if stage % 8 >= 4:
                challenge, challenger = wire.challenge(b"mallory")
                response = hashlib.md5(hashlib.md5(b"secret").digest() + challenge).digest()
                args = [b"tuple", response, [b"remote", 1]]
                message = [b"message", 9, challenger, b"respond", 1, args, [b"dictionary"]]
                data = encode(message)
                if stage % 8 == 5:
                    wire.write(data[: len(data) // 2])
                elif stage % 8 >= 6:
                    wire.write(data)
                if stage % 8 == 7:
                    wire.answer(9)
            (wire.reset if stage // 8 % 2 else wire.close)()
            stages += 1
        return {"stages": stages}

    # With a login

    def references(self, calls=1100):
        """Have the server hold objects, and drop none."""
        wire = self.wire()
        perspective = wire.login()
        kinds = Counter()
        try:
            for _ in range(calls):
                kind, _ = wire.call(perspective, b"object")
                kinds[kind.decode()] += 1
        except Closed:
            kinds["closed"] += 1
        wire.close()
        return kinds

    def decrefs(self):
        """Let go of what isn't theirs."""
        closed = 0
        targets = [b"root", b"nothing", 0, 1, 2, -1, 10**6, [b"root"]]
        for target in targets:
            for member in (False, True):
                wire = self.wire()
                if member:
                    wire.login()
                for command in (b"decref", b"decache", b"uncache"):
                    try:
                        wire.send(*[[command, target]] * 3)
                    except Closed:
                        pass
                wire.wait_for_the_end()
                closed += 1
        return {"closed": closed, "of": 2 * len(targets)}

    def strange_ids(self, most=60):
        """Call objects of others, by all the ids there may be."""
        wire = self.wire()
        own = wire.login()
        kinds = Counter()
        for target in [*range(-2, most), b"alice", b"perspective", [1], [b"remote", 1]]:
            if target != own:
                kind, _ = wire.call(target, b"greet")
                kinds[kind.decode()] += 1
        wire.close()
        return kinds

    def deep_member(self, total=4 << 20):
        """As a member, nested lists; anew after each that's cut off."""
        sent = closed = 0
        while sent < total:
            wire = self.wire()
            wire.login()
            try:
                wire.write(b"\x01\x80" * 500_000)
            except Closed:
                pass
            wire.wait_for_the_end()
            closed += 1
            sent += wire.sent
        return {"sent": sent, "closed": closed}

    def large_member(self, lists=200_000):
        """As a member, one message of as many empty lists as may be."""
        wire = self.wire()
        perspective = wire.login()
        data = encode([b"message", 77, perspective, b"echo", 1])
        # One list of seven, of which the sixth is a tuple with a list of lists.
        data = b"\x07" + data[1:] + b"\x02\x80" + encode(b"tuple")
        data += digits(lists + 1) + b"\x80" + encode(b"list") + b"\x01\x80\x04\x82list" * lists
        data += encode([b"dictionary"])
        try:
            wire.write(data)
            kind, _ = wire.answer(77)
        except Closed:
            kind = b"closed"
        wire.close()
        return {"kind": kind.decode(), "sent": wire.sent}

    def unread_member(self, calls=2000, bytes=100_000):
        """As a member, calls whose answers are never read, as long as the server takes them."""
        wire = self.wire(receive_buffer=4096)
        perspective = wire.login()
        wire.socket.settimeout(2)
        taken = 0
        try:
            for _ in range(calls):
                wire.request(perspective, b"echo", b"x" * bytes)
                taken += 1
            how = "all taken"
        except Closed:
            how = "closed"
        except TimeoutError:
            how = "not taken any more"
        wire.close()
        return {"calls": taken, "how": how}


def main():
    name, host, port, *arguments = sys.argv[1:]
    numbers = dict(argument.split("=") for argument in arguments)
    attack = getattr(Attacks(host, int(port)), name)
    print(json.dumps(attack(**{k: json.loads(v) for k, v in numbers.items()})), flush=True)


if __name__ == "__main__":
    main()
