"""
Attacks by clients that have logged in.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.integration.abuse.attacks_base import MODULUS, Attacks, Outcome
from tests.integration.abuse.raw_connection import (
    Closed,
    challenge_response,
    digits,
    encode,
)
from tests.wire.crafted import same_places


class LoggedInAttacks(Attacks):
    """
    Attacks after a login.
    """

    def login_loop(self, logins: int = 200, keep: int = 0) -> Outcome:
        """Log in repeatedly on one connection, and log out each time unless C{keep} is 1."""
        connection = self._connect()
        outcomes: Counter[str] = Counter()
        try:
            for _ in range(logins):
                perspective = connection.login()
                outcomes["refused" if perspective is None else "accepted"] += 1
                if perspective is not None and not keep:
                    connection.send([b"decref", perspective])
        except Closed:
            outcomes["closed"] += 1
        connection.close()
        return outcomes

    def references(self, calls: int = 1100) -> Outcome:
        """Obtain references to objects and drop none."""
        connection = self._connect()
        perspective = connection.login()
        kinds: Counter[str] = Counter()
        try:
            for _ in range(calls):
                kind, _ = connection.call(perspective, b"object")
                kinds[kind.decode()] += 1
        except Closed:
            kinds["closed"] += 1
        connection.close()
        return kinds

    def decrefs(self) -> Outcome:
        """Send decrefs for references that the client doesn't have, before and after a login."""
        closed = 0
        targets: list[Any] = [b"root", b"nothing", 0, 1, 2, -1, 10**6, [b"root"]]
        for target in targets:
            for logged_in in (False, True):
                connection = self._connect()
                if logged_in:
                    connection.login()
                for command in (b"decref", b"decache", b"uncache"):
                    try:
                        connection.send(*[[command, target]] * 3)
                    except Closed:
                        pass
                connection.wait_for_close()
                closed += 1
        return {"closed": closed, "of": 2 * len(targets)}

    def foreign_ids(self, most: int = 60) -> Outcome:
        """Call objects by ids that the client wasn't given."""
        connection = self._connect()
        own = connection.login()
        kinds: Counter[str] = Counter()
        for target in [*range(-2, most), b"alice", b"perspective", [1], [b"remote", 1]]:
            if target != own:
                kind, _ = connection.call(target, b"greet")
                kinds[kind.decode()] += 1
        connection.close()
        return kinds

    def deep_lists(self, total: int = 4 << 20) -> Outcome:
        """Send nested lists, each time over a new connection, until the server closes it."""
        sent = closed = 0
        while sent < total:
            connection = self._connect()
            connection.login()
            try:
                connection.write(b"\x01\x80" * 500_000)
            except Closed:
                pass
            connection.wait_for_close()
            closed += 1
            sent += connection.sent
        return {"sent": sent, "closed": closed}

    def many_lists(self, lists: int = 200_000) -> Outcome:
        """Send one call with as many empty lists as the limits allow."""
        connection = self._connect()
        perspective = connection.login()
        data = encode([b"message", 77, perspective, b"echo", 1])
        # A list of seven items.  The sixth is a tuple with a list of lists.
        data = b"\x07" + data[1:] + b"\x02\x80" + encode(b"tuple")
        data += digits(lists + 1) + b"\x80" + encode(b"list") + b"\x01\x80\x04\x82list" * lists
        data += encode([b"dictionary"])
        try:
            connection.write(data)
            kind, _ = connection.wait_for_answer(77)
        except Closed:
            kind = b"closed"
        connection.close()
        return {"kind": kind.decode(), "sent": connection.sent}

    def unread_answers(self, calls: int = 2000, size: int = 100_000) -> Outcome:
        """Make calls and never read the answers, until the server stops reading."""
        connection = self._connect(receive_buffer=4096)
        perspective = connection.login()
        connection.socket.settimeout(1)
        accepted = 0
        try:
            for _ in range(calls):
                connection.request(perspective, b"echo", b"x" * size)
                accepted += 1
            how = "all read"
        except Closed:
            how = "closed"
        except TimeoutError:
            how = "not read"
        connection.close()
        return {"calls": accepted, "how": how}

    def colliding_keys(self, keys: int = 60_000) -> Outcome:
        """Send a set, and a dictionary, of numbers with the same hash: 720 KB each."""
        connection = self._connect()
        perspective = connection.login()
        numbers = [number * MODULUS for number in range(1, keys + 1)]
        kinds: Counter[str] = Counter()
        for container in ([b"set", *numbers], [b"dictionary", *([n, 1] for n in numbers)]):
            kind, _ = connection.call(perspective, b"echo", container)
            kinds[kind.decode()] += 1
        connection.close()
        return {**kinds, "sent": connection.sent}

    def keys_at_the_same_places(self, size: int = 2**17) -> Outcome:
        """Send numbers that a dictionary tries at the same places: 1.1 MB."""
        connection = self._connect()
        perspective = connection.login()
        pairs = [b"dictionary", *([number, 1] for number in same_places(size))]
        kind, _ = connection.call(perspective, b"echo", pairs)
        connection.close()
        return {"kind": kind.decode(), "sent": connection.sent}

    def forged_minds(self, logins: int = 5) -> Outcome:
        """Log in with something else than a reference as the mind."""
        state = [b"dictionary", [[b"unicode", b"broker"], 5], [[b"unicode", b"luid"], 1]]
        kinds: Counter[str] = Counter()
        for mind in ([b"twisted.spread.pb.CopyableFailure", state], [b"list"], 5)[:logins]:
            connection = self._connect()
            challenge, challenger = connection.challenge(b"mallory")
            kind, _ = connection.call(challenger, b"respond", challenge_response(challenge), mind)
            kinds[kind.decode()] += 1
            connection.close()
        return kinds

    def kept_arguments(self, calls: int = 300, size: int = 100_000) -> Outcome:
        """Make calls with keyword arguments, whose positional arguments are no tuple."""
        connection = self._connect()
        perspective = connection.login()
        kw = [b"dictionary", [[b"unicode", b"key"], b"x" * size]]
        kinds: Counter[str] = Counter()
        for number in range(100, 100 + calls):
            connection.send([b"message", number, perspective, b"echo", 1, 5, kw])
            kinds[connection.wait_for_answer(number)[0].decode()] += 1
        connection.close()
        return kinds
