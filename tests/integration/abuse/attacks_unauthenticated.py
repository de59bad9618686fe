"""
Attacks by clients that have not logged in.
"""

from __future__ import annotations

import select
import time
from collections import Counter
from typing import Any

from tests.integration.abuse.attacks_base import MODULUS, Attacks, Outcome
from tests.integration.abuse.raw_connection import (
    TIMEOUT,
    Closed,
    challenge_response,
    digits,
    encode,
)


class UnauthenticatedAttacks(Attacks):
    """
    Attacks before a login.
    """

    def nested_lists(self, connections: int = 16, total: int = 64 << 20) -> Outcome:
        """Send headers of lists within lists, two bytes each."""
        return self._flood(b"\x01\x80" * 32768, connections, total)

    def flat_lists(self, connections: int = 16, total: int = 16 << 20) -> Outcome:
        """Send lists of as many empty lists as banana allows."""
        data = digits(640 * 1024) + b"\x80" + b"\x00\x80" * 32768
        return self._flood(data, connections, total)

    def strings(self, connections: int = 16, total: int = 16 << 20) -> Outcome:
        """Send strings as long as banana allows."""
        data = encode([b"x" * (640 * 1024)] * 4)
        return self._flood(data, connections, total)

    def headers_only(self, connections: int = 200) -> Outcome:
        """Send only the headers of lists and strings that are larger than any memory."""
        opened = self._connect_many(connections)
        for number, connection in enumerate(opened):
            connection.write(
                digits(2 ** (30 + number % 40)) + (b"\x82" if number % 2 else b"\x80")
            )
        for connection in opened:
            connection.wait_for_close()
        return {"closed": connections}

    def endless_header(self, connections: int = 16, total: int = 16 << 20) -> Outcome:
        """Send digits without a type byte."""
        return self._flood(b"\x01" * 65536, connections, total)

    def unfinished_messages(self, connections: int = 200, size: int = 16000) -> Outcome:
        """Send a long message without its last byte."""
        opened = []
        for _ in range(connections):
            opened.append(self._connect())
            opened[-1].write(digits(size + 1) + b"\x82" + b"x" * size)
        for connection in opened:
            connection.wait_for_close()
        return {"closed": connections}

    def trickle(self, connections: int = 20) -> Outcome:
        """Send a byte every 50 ms, until the server closes the connections."""
        opened = self._connect_many(connections)
        bytes_sent = 0
        while opened:
            for connection in opened[:]:
                try:
                    connection.write(b"\x01")
                    bytes_sent += 1
                except Closed:
                    connection.close()
                    opened.remove(connection)
            # The pace is the attack; it ends when the server closes the connections.
            time.sleep(0.05)
        return {"closed": connections, "bytes": bytes_sent}

    def silent_connections(self, connections: int = 40) -> Outcome:
        """Connect and send nothing, until the server closes the connections."""
        began = time.monotonic()
        for connection in self._connect_many(connections, greet=False):
            connection.wait_for_close()
        return {"closed": connections, "seconds": time.monotonic() - began}

    def repetition(self, connections: int = 4) -> Outcome:
        """Send 2 KB of references to each other, so that to hash them takes 2 ** 40 steps."""
        parts: list[Any] = [[b"reference", 0, [b"tuple", 1, 2]]]
        for number in range(1, 40):
            below = [b"dereference", number - 1]
            parts.append([b"reference", number, [b"tuple", below, below]])
        refused = 0
        for connection in self._connect_many(connections):
            kind, _ = connection.call(b"root", b"login", *parts, [b"set", [b"dereference", 39]])
            refused += kind == b"error"
            connection.close()
        return {"refused": refused}

    def unread_errors(self, connections: int = 100) -> Outcome:
        """Send requests and never read the answers."""
        opened = self._connect_many(connections, receive_buffer=2048)
        call = encode([b"message", 1, b"", b"", 1, [b"tuple"], [b"dictionary"]])
        sent = 0
        for connection in opened:
            try:
                for _ in range(50):
                    connection.write(call * 100)
            except Closed:
                pass
            sent += connection.sent
        for connection in opened:
            connection.close()
        return {"sent": sent}

    def wrong_passwords(self, attempts: int = 300, name_bytes: int = 0) -> Outcome:
        """Guess passwords for names that exist and names that don't."""
        outcomes: Counter[str] = Counter()
        connection = self._connect()
        for attempt in range(attempts):
            name = (b"alice", b"mallory", b"%d" % attempt + b"x" * name_bytes)[attempt % 3]
            try:
                outcomes["accepted" if connection.login(name, b"guess") else "refused"] += 1
            except Closed:
                outcomes["closed"] += 1
                connection.close()
                connection = self._connect()
        connection.close()
        return outcomes

    def replay(self, times: int = 50) -> Outcome:
        """Send the response to one challenge repeatedly, and to another connection's challenge."""
        connection = self._connect()
        challenge, challenger = connection.challenge(b"mallory")
        response = challenge_response(challenge)
        kinds: Counter[str] = Counter()
        for _ in range(times):
            kind, _ = connection.call(challenger, b"respond", response, [b"None"])
            kinds[kind.decode()] += 1
        other = self._connect()
        _, challenger = other.challenge(b"mallory")
        kind, _ = other.call(challenger, b"respond", response, [b"None"])
        kinds["other connection: " + kind.decode()] += 1
        connection.close()
        other.close()
        return kinds

    def challenges(self, times: int = 1100) -> Outcome:
        """Ask for challenges and answer none."""
        connection = self._connect()
        given = 0
        try:
            for _ in range(times):
                given += connection.request_challenge(b"mallory") is not None
        except Closed:
            pass
        return {"given": given}

    def disconnects(self, rounds: int = 10) -> Outcome:
        """Close the connection at each stage of a login, with a FIN and with a RST."""
        stages = 0
        for stage in range(8 * rounds):
            connection = self._connect(greet=False)
            if stage % 8 >= 1:
                connection.write(encode(b"pb"))
            if stage % 8 >= 2:
                connection.send([b"version", 6])
            if stage % 8 == 3:
                connection.request(b"root", b"login", b"mallory")
            if stage % 8 >= 4:
                challenge, challenger = connection.challenge(b"mallory")
                response = challenge_response(challenge)
                args = [b"tuple", response, [b"remote", 1]]
                message = [b"message", 9, challenger, b"respond", 1, args, [b"dictionary"]]
                data = encode(message)
                if stage % 8 == 5:
                    connection.write(data[: len(data) // 2])
                elif stage % 8 >= 6:
                    connection.write(data)
                if stage % 8 == 7:
                    connection.wait_for_answer(9)
            (connection.reset if stage // 8 % 2 else connection.close)()
            stages += 1
        return {"stages": stages}

    def expensive_logins(self, rounds: int = 10) -> Outcome:
        """
        Send 46 KB at a time, in messages of 15 KB: too many arguments that refer back to a string,
        colliding numbers in keys, and tuples of tuples.
        """
        string: Any = [b"reference", 1, b"x" * 12_000]
        repeated = [b"list", string, *([[b"dereference", 1]] * 200)]
        colliding = [number * MODULUS for number in range(1, 1000)]
        pairs: Any = [[b"reference", 0, [b"tuple", 1, 2]]]
        for number in range(1, 100):
            below = [b"dereference", number - 1]
            pairs.append([b"reference", number, [b"tuple", below, below]])
        kinds: Counter[str] = Counter()
        for _ in range(rounds):
            connection = self._connect()
            try:
                for args in (
                    [repeated, 1, 2],
                    [[b"set", *colliding]],
                    [[b"list", *pairs, [b"set", [b"dereference", 99]]]],
                ):
                    kind, _ = connection.call(b"root", b"login", *args)
                    kinds[kind.decode()] += 1
            except Closed:
                kinds["closed"] += 1
            connection.close()
        return kinds

    def parallel_guesses(self, connections: int = 50, tried: int = 5) -> Outcome:
        """
        Guess the password of one account over many connections at the same time, until so many
        guesses have been answered.
        """
        opened = self._connect_many(connections)
        asked = [connection.challenge(b"mallory")[1] for connection in opened]
        began = time.monotonic()
        for connection, challenger in zip(opened, asked, strict=True):
            connection.request(challenger, b"respond", b"guess", [b"None"])
        waiting = {connection.socket: connection for connection in opened}
        answers = 0
        while answers < tried:
            for answered in select.select(waiting, [], [], TIMEOUT)[0]:
                waiting.pop(answered).receive()
                answers += 1
        seconds = time.monotonic() - began
        for connection in opened:
            connection.close()
        return {"tried": answers, "seconds": seconds}
