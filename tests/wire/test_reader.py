"""
The message reader, without a protocol around it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.spread.banana import SIZE_LIMIT, BananaError
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.lazy_jelly import LazyJelly
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.reader import NEED_DATA, MessageReader
from pbrealm._wire.tokens import DIALECT, INCOMING_VOCABULARY, PREFIX_LIMIT
from tests.wire.plain import written

CALL = [
    b"message",
    7,
    b"root",
    b"echo",
    1,
    [b"tuple", [b"unicode", b"hello"], 2**40, 1.5],
    [b"dictionary", [[b"unicode", b"key"], [b"list", [b"None"]]]],
]
ANSWER = [b"answer", 7, [b"list", 1, [b"unicode", b"two"]]]
OTHER = [b"decref", 7, [[], [-1, b"x" * 200]]]


def reader(*, lazy: bool = False, dialect: bytes | None = DIALECT, **bounds: int) -> MessageReader:
    """A reader for a peer that uses Twisted's vocabulary."""
    made = MessageReader(lazy=lazy)
    made.configure(dialect, PREFIX_LIMIT, INCOMING_VOCABULARY)
    made.limits = MessageLimits(**bounds)
    return made


def messages(source: MessageReader) -> list[Any]:
    """All messages that are complete."""
    found = []
    while (message := source.next_message()) is not NEED_DATA:
        found.append(message)
    return found


class SplitInputTests(SynchronousTestCase):
    """
    The same messages come out, wherever the input is split.
    """

    def test_every_split(self) -> None:
        """Two pieces, split at each byte: the first has the messages that are complete in it."""
        expected = [CALL, ANSWER, OTHER]
        encoded = [written(message) for message in expected]
        ends = [len(b"".join(encoded[: count + 1])) for count in range(3)]
        stream = b"".join(encoded)
        for lazy in (True, False):
            for split in range(len(stream) + 1):
                source = reader(lazy=lazy)
                source.receive_data(stream[:split])
                first = messages(source)
                self.assertEqual(len(first), sum(end <= split for end in ends))
                self.assertEqual(
                    source.buffered,
                    stream[max([0, *(end for end in ends if end <= split)]) : split],
                )
                source.receive_data(stream[split:])
                self.assertEqual(first + messages(source), expected)
                self.assertEqual(source.buffered, b"")

    @given(st.lists(st.integers(1, 40), min_size=1), st.booleans())
    def test_pieces_of_any_size(self, sizes: list[int], lazy: bool) -> None:
        """Messages are taken after each piece, or once at the end."""
        expected = [CALL, ANSWER, OTHER] * 3
        stream = b"".join(map(written, expected))
        each, once = reader(lazy=lazy), reader(lazy=lazy)
        found = []
        start = 0
        while start < len(stream):
            piece = stream[start : start + sizes[start % len(sizes)]]
            start += len(piece)
            each.receive_data(piece)
            found += messages(each)
            once.receive_data(piece)
        self.assertEqual(found, expected)
        self.assertEqual(messages(once), expected)

    def test_large_message(self) -> None:
        """A message that is larger than one piece of any transport."""
        large = [b"answer", 1, [b"list", *[b"y" * 50_000] * 20]]
        stream = written(large) + written(CALL)
        for size in (1000, 5000, 65536, len(stream)):
            source = reader(lazy=True)
            found = []
            for start in range(0, len(stream), size):
                source.receive_data(stream[start : start + size])
                found += messages(source)
            self.assertEqual(found, [large, CALL])

    def test_data_between_messages(self) -> None:
        """Bytes that arrive while a message is handled come after those that are there."""
        source = reader()
        source.receive_data(written([1]) + written([2]))
        self.assertEqual(source.next_message(), [1])
        source.receive_data(written([3])[:1])
        self.assertEqual(source.next_message(), [2])
        self.assertIs(source.next_message(), NEED_DATA)
        source.receive_data(written([3])[1:])
        self.assertEqual(messages(source), [[3]])

    def test_no_data(self) -> None:
        source = reader()
        self.assertIs(source.next_message(), NEED_DATA)
        source.receive_data(b"")
        self.assertIs(source.next_message(), NEED_DATA)


class LazyTests(SynchronousTestCase):
    """
    Which parts of a message stay encoded.
    """

    def lazy_items(self, source: MessageReader, message: Any) -> list[int]:
        source.receive_data(written(message))
        (found,) = messages(source)
        return [at for at, item in enumerate(found) if isinstance(item, LazyJelly)]

    def test_lazy(self) -> None:
        """The arguments of a call, and the result of an answer."""
        source = reader(lazy=True)
        self.assertTrue(source.standard)
        self.assertEqual(self.lazy_items(source, CALL), [5, 6])
        self.assertEqual(self.lazy_items(source, ANSWER), [2])
        self.assertEqual(self.lazy_items(source, [b"error", 7, [b"copy", [b"x"]]]), [2])
        self.assertEqual(self.lazy_items(source, OTHER), [])

    def test_not_asked_for(self) -> None:
        self.assertEqual(self.lazy_items(reader(), CALL), [])

    def test_not_standard(self) -> None:
        """Bytes that only this peer understands are decoded at once."""
        short = MessageReader(lazy=True)
        short.configure(DIALECT, PREFIX_LIMIT - 1, INCOMING_VOCABULARY)
        renumbered = MessageReader(lazy=True)
        renumbered.configure(DIALECT, PREFIX_LIMIT, {**INCOMING_VOCABULARY, 200: b"new"})
        for source in (short, renumbered):
            self.assertFalse(source.standard)
            self.assertEqual(self.lazy_items(source, CALL), [])

    def test_own_vocabulary(self) -> None:
        source = MessageReader(lazy=True)
        source.configure(DIALECT, PREFIX_LIMIT, {200: b"new"})
        source.receive_data(b"\x48\x01\x87")
        self.assertEqual(messages(source), [b"new"])


class LimitTests(SynchronousTestCase):
    """
    A message beyond the limits is refused, whichever way it would be decoded.
    """

    def refused(self, message: Any, **bounds: Any) -> None:
        stream = written(message)
        for lazy in (True, False):
            for size in (1, len(stream)):
                source = reader(lazy=lazy, **bounds)
                with self.assertRaises(MessageTooLarge):
                    for start in range(0, len(stream), size):
                        source.receive_data(stream[start : start + size])
                        messages(source)
                self.assertEqual(source.buffered, b"")

    def accepted(self, message: Any, **bounds: Any) -> None:
        for lazy in (True, False):
            source = reader(lazy=lazy, **bounds)
            source.receive_data(written(message))
            self.assertEqual(messages(source), [message])

    def test_bytes(self) -> None:
        size = len(written(CALL))
        self.accepted(CALL, message_bytes=size)
        self.refused(CALL, message_bytes=size - 1)

    def test_depth(self) -> None:
        self.accepted(CALL, depth=5)
        self.refused(CALL, depth=4)

    def test_items(self) -> None:
        items = 7 + 4 + 2 + 2 + 2 + 2 + 2 + 1
        self.accepted(CALL, items=items)
        self.refused(CALL, items=items - 1)

    def test_changed_within_a_message(self) -> None:
        """New limits hold for a message of which a part has arrived."""
        source = reader(depth=1)
        source.receive_data(b"\x01\x80")
        self.assertIs(source.next_message(), NEED_DATA)
        source.limits = MessageLimits(depth=2)
        source.receive_data(b"\x01\x80\x05\x81")
        self.assertEqual(source.next_message(), [[5]])


class ErrorTests(SynchronousTestCase):
    """
    Errors are raised once the messages before them have been taken, and remembered.
    """

    def test_remembered(self) -> None:
        """The same error is raised for all that arrives later, without its traceback."""
        too_long = SIZE_LIMIT + 1
        header = bytes((too_long & 127, too_long >> 7 & 127, too_long >> 14))
        for invalid, kind in (
            (b"\x88", NotImplementedError),
            (b"\x7f\x87", KeyError),
            (b"\x01" * 65, BananaError),
            (header + b"\x80", BananaError),
            (header + b"\x82", BananaError),
        ):
            for lazy in (True, False):
                source = reader(lazy=lazy)
                source.receive_data(written(ANSWER) + invalid)
                self.assertEqual(source.next_message(), ANSWER)
                error = self.assertRaises(kind, source.next_message)
                self.assertEqual(source.buffered, b"")
                self.assertIs(source.next_message(), NEED_DATA)
                for _ in range(2):
                    again = self.assertRaises(kind, source.receive_data, written(ANSWER))
                    self.assertEqual(again.args, error.args)
                    self.assertIs(source.next_message(), NEED_DATA)

    def test_no_vocabulary(self) -> None:
        """Only the dialect C{pb} has one."""
        for dialect in (None, b"none"):
            source = reader(dialect=dialect)
            source.receive_data(b"\x01\x87")
            self.assertRaises(NotImplementedError, source.next_message)

    def test_reset(self) -> None:
        """A reader that is reset has forgotten the error, and the part of a message."""
        source = reader()
        source.receive_data(b"\x88")
        self.assertRaises(NotImplementedError, source.next_message)
        source.reset()
        source.receive_data(b"\x02\x80\x01")
        self.assertIs(source.next_message(), NEED_DATA)
        source.reset(written(ANSWER)[:5])
        self.assertEqual(source.buffered, written(ANSWER)[:5])
        source.receive_data(written(ANSWER)[5:])
        self.assertEqual(messages(source), [ANSWER])


class PauseTests(SynchronousTestCase):
    def test_paused(self) -> None:
        """While it is paused, a reader takes bytes, and gives no message."""
        for lazy in (True, False):
            source = reader(lazy=lazy)
            source.receive_data(written(CALL) * 2)
            self.assertEqual(source.next_message(), CALL)
            source.paused = True
            source.receive_data(written(ANSWER))
            source.receive_data(b"")
            self.assertIs(source.next_message(), NEED_DATA)
            self.assertEqual(source.buffered, written(CALL) + written(ANSWER))
            source.paused = False
            self.assertEqual(messages(source), [CALL, ANSWER])
