"""
What it costs to answer with an error: little, as a call of a few bytes gets one.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.spread import banana, pb
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.error_answers import encode_failure, innermost
from pbrealm._wire.sexp import decode_sexp
from pbrealm._wire.tokens import INCOMING_VOCABULARY, NotPlain
from tests.wire.pair import Pair


class Root(pb.Root):
    def remote_take(self, *args: object) -> None:
        """Take anything."""

    def remote_refuse(self) -> None:
        raise pb.Error("as it should")

    def remote_later(self) -> Deferred[None]:
        later: Deferred[None] = Deferred()
        try:
            raise ValueError("a bug")
        except ValueError:
            failure = Failure()
        failure.getTraceback()
        later.errback(failure)
        return later


def raised(depth: int) -> Any:
    """A failure at so many levels."""

    def descend(levels: int) -> None:
        if levels:
            descend(levels - 1)
        raise ValueError("é")

    try:
        descend(depth)
    except ValueError:
        return pb.CopyableFailure()
    return None


def calls(act: Any) -> int:
    """How many functions of Python are called."""
    count = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def message(method: bytes, *args: Any, target: Any = b"root") -> bytes:
    items = [b"message", 1, target, method, 1, [b"tuple", *args], [b"dictionary"]]
    return banana.encode(items)


class EncodeTests(SynchronousTestCase):
    def test_same_as_jelly(self) -> None:
        broker = Pair(Root()).server
        for why in (raised(0), raised(30), pb.CopyableFailure(pb.Error("x"))):
            sent, _ = decode_sexp(encode_failure(why), 0, INCOMING_VOCABULARY)
            self.assertEqual(sent, pb.Broker.serialize(broker, why))

    def test_what_is_not_plain(self) -> None:
        """Attributes that the program has added are left to jelly."""
        why = raised(0)
        why.more = object()
        self.assertRaises(NotPlain, encode_failure, why)

    def test_no_frames(self) -> None:
        """The lines of the traceback stay here, also if something has printed them."""
        pair = Pair(Root())
        pair.call("later")
        self.flushLoggedErrors(ValueError)
        self.assertIn(b"a bug", pair.said["server"])
        self.assertNotIn(b"remote_later", pair.said["server"])


class CostTests(SynchronousTestCase):
    def cost(self, data: bytes) -> int:
        server = Pair(Root()).server
        # What is imported or cached the first time.
        server.dataReceived(data)
        count = calls(lambda: server.dataReceived(data))
        self.assertIn(b"CopyableFailure", server.transport.value())
        self.flushLoggedErrors()
        return count

    def test_errors_of_this_end(self) -> None:
        self.assertLess(self.cost(message(b"take", target=99)), 130)
        self.assertLess(self.cost(message(b"refuse")), 130)

    def test_undecodable_item(self) -> None:
        """How deep it is nested makes no deeper traceback."""
        item: Any = [b"unicode", b"\xff"]
        for _ in range(180):
            item = [b"list", item]
        self.cost(message(b"take", item))
        server = Pair(Root()).server
        failures: list[Failure] = []
        server.call_failed = failures.append
        server.dataReceived(message(b"take", item))
        (failure,) = failures
        failure.trap(UnicodeDecodeError)
        self.assertLess(len(failure.frames), 30)
        self.assertEqual(failure.frames[-1][0], "_unjelly_unicode")


class InnermostTests(SynchronousTestCase):
    def test_kept(self) -> None:
        tb = raised(100).tb
        kept = innermost(tb)
        last: Any = kept
        levels = 0
        while kept is not None:
            last, kept = kept, kept.tb_next
            levels += 1
        self.assertEqual(levels, 20)
        self.assertEqual(last.tb_frame.f_locals["levels"], 0)

    def test_short(self) -> None:
        tb = raised(3).tb
        self.assertIs(innermost(tb), tb)
        self.assertIsNone(innermost(None))
