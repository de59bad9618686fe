"""
What clients may send and call before their login.
"""

from typing import Any

from twisted.logger import formatEvent
from twisted.spread import banana

from tests.avatars import Player
from tests.logs import observe_log
from tests.server.cases import ServerTestCase


class UnauthenticatedTests(ServerTestCase):
    def send(self, client, data):
        client.broker.transport.write(data)
        self.server.flush()

    def test_nested_lists(self):
        client = self.serve()
        self.send(client, b"\x01\x80" * 17)
        self.assertFalse(client.connected)

    def test_deeper_lists_after_a_login(self):
        client = self.serve()
        self.held = client.login("alice", "secret")
        deep: list[Any] = []
        for _ in range(50):
            deep = [deep]
        self.patch(Player, "perspective_later", lambda player, nested: 1)
        self.assertEqual(client.call(self.held, "later", deep), 1)

    def test_limits_apply_again_after_the_last_logout(self):
        """After its last logout a client is held to the limits of an unauthenticated one."""
        client = self.serve()
        held = [client.login("alice", "secret")]
        held.clear()
        self.server.flush()
        self.send(client, b"\x01\x80" * 17)
        self.assertFalse(client.connected)

    def test_one_line_for_each(self):
        """Who is beyond a limit is disconnected, and the log says so in one line."""
        lines: list[str] = []
        observe_log(self, lambda event: lines.append(formatEvent(event)))
        nested, large = b"\x01\x80" * 17, b"\x00\x00\x02\x82" + b"x" * 40_000
        for sent, seconds, why in (
            (nested, 0, "more than 16 lists in one another"),
            (large, 0, "Security precaution"),
            (b"\x01\x80" * 4 + b"\x01" * 70_000, 0, "more was sent before the login than may be"),
            (b"", 30, "no login came in time"),
        ):
            client = self.serve()
            lines.clear()
            self.send(client, sent)
            self.server.advance(seconds)
            self.assertFalse(client.connected)
            (line,) = lines
            self.assertIn("closing the connection from 127.0.0.1:50000: ", line)
            self.assertIn(why, line)

    def test_large_messages(self):
        client = self.serve(unauthenticated_message_bytes=1000)
        root = client.wait(client.factory.getRootObject())
        root.callRemote("login", b"x" * 1000).addErrback(lambda _: None)
        self.server.flush()
        self.assertFalse(client.connected)

    def test_bytes_in_all(self):
        """Small messages without end are too much as well."""
        client = self.serve(unauthenticated_bytes=5000)
        root = client.wait(client.factory.getRootObject())
        for _ in range(100):
            if client.connected:
                root.callRemote("nothing", b"x" * 80).addErrback(lambda _: None)
                self.server.flush()
        self.assertFalse(client.connected)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_answers_count(self):
        """Short messages are no way to have the server keep many long answers."""
        client = self.serve()
        call = banana.encode([b"message", 1, b"", b"", 1, [b"tuple"], [b"dictionary"]])
        for _ in range(1000):
            if client.connected:
                client.server_broker.dataReceived(call)
                kept = sum(map(len, client.server_broker.transport.stream))
                self.server.clock.advance(0)
        self.assertFalse(client.connected)
        self.assertLess(kept, 2 * 64 * 1024)

    def test_small_message_that_comes_to_much(self):
        """To hash what these 2 KB refer to takes 2 ** 40 steps."""
        parts = [[b"reference", 0, [b"tuple", 1, 2]]]
        for number in range(1, 40):
            below = [b"dereference", number - 1]
            parts.append([b"reference", number, [b"tuple", below, below]])
        args = [b"tuple", *parts, [b"set", [b"dereference", 39]]]
        client = self.serve()
        client.server_broker.dataReceived(
            banana.encode([b"message", 1, b"root", b"login", 1, args, [b"dictionary"]])
        )
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_odd_ids(self):
        """Ids of no object, or that can't be ids, are answered, and not logged."""
        for command, target in (
            (b"message", 99),
            (b"message", b"nobody"),
            (b"message", [b"root"]),
        ):
            client = self.serve()
            answers: list[Any] = []
            self.patch(client.broker, "proto_error", lambda *answer, to=answers: to.append(answer))
            self.send(client, banana.encode([command, 1, target, b"x", 1, [b"tuple"], [b"tuple"]]))
            self.assertEqual(len(answers), 1, (command, target))
            self.assertTrue(client.connected)
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_what_is_no_message(self):
        for data in (
            b"\xff",
            b"GET / HTTP/1.1\r\n\r\n" * 9,
            banana.encode([]),
            banana.encode([b"answer", 1, 2]),
            banana.encode([b"decref", b"root"]),
            banana.encode([b"message"]),
            banana.encode([17, 18]),
            banana.encode([b"version", 99]),
            banana.encode(b"not a list"),
        ):
            client = self.serve()
            self.send(client, data)
            self.assertFalse(client.connected, data)
            self.assertEqual(self.flushLoggedErrors(), [])
