"""
FastBroker receives the same messages as Twisted's broker, whichever way it decodes them.
"""

from __future__ import annotations

import tracemalloc
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.spread import jelly, pb
from twisted.spread.banana import BananaError
from twisted.spread.jelly import InsecureJelly
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire import lazy_jelly
from pbrealm._wire.broker import FastBroker
from pbrealm._wire.lazy_jelly import LazyJelly, materialize
from pbrealm._wire.message_limits import MessageLimits, MessageTooLarge
from pbrealm._wire.tokens import NotPlain
from tests.wire.pair import Pair
from tests.wire.plain import integers, outcome, trees, twisted_decode, twisted_encode, written
from tests.wire.streams import jellies, pieces, tokens


def listening_broker(kind: type[pb.Broker]) -> tuple[Any, list[Any]]:
    """A broker, and what it has heard."""
    broker: Any = kind(isClient=False)
    broker.factory = pb.PBServerFactory(pb.Root())
    broker.makeConnection(StringTransport())
    broker._selectDialect(b"pb")
    heard: list[Any] = []
    broker.expressionReceived = heard.append
    # References may be collected together with the broker, when it can't write any more.
    broker.sendDecRef = lambda luid: None
    return broker, heard


class Taker(pb.Root):
    def remote_take(self, *args: object) -> None:
        """Take anything."""


def jellied(obj: Any) -> Any:
    """The jelly of an object."""
    return jelly.jelly(obj)


arguments = st.one_of(
    st.lists(trees, max_size=3).map(tuple).map(jellied),
    st.dictionaries(st.text(max_size=5), trees, max_size=3).map(jellied),
    jellies,
)


scalars = st.one_of(integers, st.binary(max_size=9), st.sampled_from([b"root", b"message"]))


messages = st.one_of(
    st.builds(
        lambda *items: list(items),
        st.sampled_from([b"message", b"cachemessage", b"other"]),
        integers,
        scalars,
        scalars,
        st.integers(0, 1) | scalars,
        arguments,
        arguments,
    ),
    st.builds(
        lambda *items: list(items),
        st.sampled_from([b"answer", b"error", b"other"]),
        integers,
        arguments | trees.map(jellied),
    ),
)


def _is_error(made: object) -> bool:
    return isinstance(made, type) and issubclass(made, Exception)


_TWO_FAULTS: list[Any] = [
    [b"message", 0, 0, 0, 0, [b"tuple"], [b"dictionary", [[b"dictionary"], 0], [0, []]]]
]
"""A key that can't be hashed, and a value without a type."""

_ODD_ID: list[Any] = [[b"answer", 0, [b"remote", []]]]
"""A reference to an object whose id is a list."""


class SameMessagesTests(SynchronousTestCase):
    """
    The messages that L{FastBroker} and L{pb.Broker} receive.
    """

    def run_both(self, stream: list[bytes]) -> list[Any]:
        ours, heard = listening_broker(FastBroker)
        theirs, expected = listening_broker(pb.Broker)
        for piece in stream:
            error = outcome(theirs.dataReceived, piece)
            found = outcome(ours.dataReceived, piece)
            if found is MessageTooLarge and error is None:
                # Lists that announce more items together than a message may have; plain PB waits
                # for them.
                return heard
            self.assertEqual(found, error)
            self.assertEqual(len(heard), len(expected))
            if error is not None:
                break
        for sexp, other in zip(heard, expected, strict=True):
            for item in sexp if isinstance(sexp, list) else ():
                if isinstance(item, LazyJelly):
                    # Before anybody looks at it, and again.
                    for _ in range(2):
                        made = outcome(ours.unserialize, item)
                        if made is InsecureJelly and any(
                            atom in repr(other) for atom in ("reference", "remote")
                        ):
                            # Ours takes no reference to what comes later, or never does; jelly
                            # may, and makes an object of it that can't be sent.  Nor does ours
                            # take a number for a reference that jelly would never give it, or
                            # what is no id for that of a remote object.
                            continue
                        plain = outcome(theirs.unserialize, other[sexp.index(item)])
                        if _is_error(made) and _is_error(plain):
                            # Of several faults, each may find another first.
                            continue
                        self.assertEqual(
                            outcome(twisted_encode, made), outcome(twisted_encode, plain)
                        )
            self.assertEqual(repr(materialize(sexp)), repr(other))
        return heard

    @given(st.lists(messages, max_size=3), st.lists(st.integers(0, 500), max_size=4))
    @example(_TWO_FAULTS, [])
    @example(_ODD_ID, [])
    def test_messages(self, several: list[Any], cuts: list[int]) -> None:
        """Calls and results, valid and invalid, however the stream is split."""
        self.run_both(pieces(b"".join(map(written, several)), cuts))

    @given(st.lists(tokens, max_size=9))
    @example([b"\x00\x00 \x80"] * 2)
    def test_nonsense(self, nonsense: list[bytes]) -> None:
        """Messages that start as a call or an answer and become invalid."""
        for start in (
            b"\x07\x80\x1a\x87",
            b"\x07\x80\x1a\x87\x01\x81\x04\x82root\x01\x82x\x01\x81\x02\x80\x0b\x87",
            b"\x03\x80\x1b\x87\x01\x81",
            b"\x03\x80\x1b\x87\x01\x81\x03\x80\x08\x87",
            b"\x03\x80\x1b\x87\x01\x81\x02\x80\x05\x87\x02\x80",
        ):
            self.run_both([start + b"".join(nonsense)])

    def test_strings_without_a_length(self) -> None:
        """A string may have an empty prefix; the next token isn't its length."""
        for inside in (b"\x02\x80\x07\x82unicode\x82", b"\x02\x80\x07\x82boolean\x82", b"\x80"):
            for after in (b"\x82", b"\x81", b"\x01\x82x"):
                self.run_both([b"\x03\x80\x1b\x87\x01\x81\x03\x80\x08\x87" + inside + after])

    def test_numbers_too_long(self) -> None:
        """A prefix beyond the limit is refused in any place."""
        for number in (b"\x01" * 64 + b"\x85", b"\x01" * 65 + b"\x85", b"\x01" * 65 + b"\x82"):
            self.run_both([b"\x03\x80\x1b\x87\x01\x81\x02\x80\x08\x87" + number])
            self.run_both([b"\x03\x80\x1b\x87" + number + b"\x02\x80\x08\x87\x01\x81"])

    @given(messages, st.integers(0, 9), st.integers(0, 200))
    def test_bounds(self, message: Any, depth: int, size: int) -> None:
        """The same limits hold, whichever way a message is decoded."""
        stream = written(message)
        outcomes = []
        for small in (True, False):
            broker, heard = listening_broker(FastBroker)
            broker.limits = MessageLimits(message_bytes=size, depth=depth, items=size)
            # One byte is too little to be decoded at once.
            cut = 0 if small else 1
            error = cut and outcome(broker.dataReceived, stream[:cut])
            error = error or outcome(broker.dataReceived, stream[cut:])
            outcomes.append((error, repr(materialize(heard))))
        self.assertEqual(outcomes[0], outcomes[1])

    def test_too_large_for_banana(self) -> None:
        """A message too large to be decoded without scanning."""
        large = [b"answer", 1, [b"list", b"x" * 600_000]]
        (heard,) = self.run_both([written(large)])
        self.assertEqual(heard[2][1], b"x" * 600_000)
        broker, _ = listening_broker(FastBroker)
        self.assertRaises(
            BananaError,
            broker.dataReceived,
            b"\x03\x80\x1b\x87\x01\x81\x02\x80\x08\x87\x01\x00\x28\x82" + b"x" * 700_000,
        )

    def test_new_object_each_time(self) -> None:
        """Each C{unserialize} makes a new object, so changing one doesn't change the next."""
        broker, heard = listening_broker(FastBroker)
        broker.dataReceived(written([b"answer", 1, jellied([1, 2])]))
        first = broker.unserialize(heard[0][2])
        first.append(3)
        self.assertEqual(broker.unserialize(heard[0][2]), [1, 2])
        heard[0][2].append(4)
        self.assertEqual(broker.unserialize(heard[0][2]), [1, 2, 4])
        self.assertEqual(twisted_decode(written(heard[0][2])), [1, 2, 4])


class TriedOnceTests(SynchronousTestCase):
    """What has turned out not to be plain data isn't decoded as such again."""

    def arguments(self, *chunks: bytes) -> Any:
        broker, heard = listening_broker(FastBroker)
        for chunk in chunks:
            broker.dataReceived(chunk)
        return heard[-1][5]

    def test_tried(self) -> None:
        reference = [b"tuple", [b"remote", 1]]
        data = written([b"message", 1, b"root", b"take", 1, reference, [b"dictionary"]])
        args = self.arguments(data)
        self.patch(lazy_jelly, "decode_plain", lambda *_: self.fail("tried again"))
        self.assertRaises(NotPlain, args.unjelly, MessageLimits())
        self.assertEqual(args.decoded(), reference)

    def test_not_tried(self) -> None:
        """Of a call that comes in two parts, or with an unusual start, nothing is known."""
        data = written([b"message", 1, b"root", b"take", 1, [b"tuple", 5], [b"dictionary"]])
        for chunks in ((data[:30], data[30:]), (b"\x07\x00" + data[1:],)):
            self.assertEqual(self.arguments(*chunks).unjelly(MessageLimits()), (5,))


class MemoryTests(SynchronousTestCase):
    """What SECURITY.md says of the memory that one message takes."""

    MOST = 55

    def factor(self, data: bytes) -> float:
        server = Pair(Taker()).server
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        before = tracemalloc.get_traced_memory()[0]
        server.dataReceived(data)
        # Lists within lists aren't jelly.
        self.flushLoggedErrors(AttributeError)
        return (tracemalloc.get_traced_memory()[1] - before) / len(data)

    def test_expensive_items(self) -> None:
        chain: Any = 0
        for _ in range(150):
            chain = [chain]
        for item in ([b"set", *range(19)], [b"set", *range(5)], [b"unpersistable", 0], chain):
            args = [b"tuple", [b"list", *[item] * (30_000 // len(written(item)))]]
            data = written([b"message", 1, b"root", b"take", 0, args, [b"dictionary"]])
            self.assertLess(self.factor(data), self.MOST)
            # With a longer prefix than it needs.
            self.assertLess(self.factor(b"\x07\x00" + data[1:]), self.MOST)
