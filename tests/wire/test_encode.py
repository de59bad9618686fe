"""
Plain data is encoded to the bytes that Twisted makes of it.
"""

from __future__ import annotations

import datetime
import decimal
from collections import OrderedDict, namedtuple
from typing import Any

from hypothesis import given
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire import encode
from pbrealm._wire.encode import encode_plain
from pbrealm._wire.tokens import NotPlain
from tests.examples import slow
from tests.wire.plain import graphs, trees, twisted_encode


class SameBytesTests(SynchronousTestCase):
    """
    L{encode_plain} against jelly and banana.
    """

    def check(self, obj: object) -> None:
        self.assertEqual(encode_plain(obj), twisted_encode(obj))

    @given(trees)
    def test_trees(self, obj: object) -> None:
        """Nested plain data."""
        self.check(obj)

    @given(graphs())
    def test_graphs(self, obj: object) -> None:
        """Containers in several places, and within themselves."""
        self.check(obj)

    def test_numbered_in_the_order_of_second_meeting(self) -> None:
        """Jelly numbers objects in the order of their second occurrence."""
        one, two = [1], [2]
        self.check([one, two, two, one, two])

    def test_empty_tuple_is_one_object(self) -> None:
        """There's one C{()}, so the second is a reference to the first."""
        self.check([(), (), frozenset(), ()])

    def test_cycles(self) -> None:
        """A container within itself, and two in one another."""
        ring: list[Any] = []
        ring.append(ring)
        self.check(ring)
        table: dict[Any, Any] = {"in": (ring, ring)}
        table["self"] = [table, {"deeper": table}]
        self.check((table, ring))

    def test_strings_that_are_words(self) -> None:
        """Strings that are words of the vocabulary become vocabulary tokens everywhere."""
        for word in ("list", "None", "message", "remote"):
            self.check([word, word.encode(), {word: word, word.encode(): word.encode()}])

    def test_lengths_that_take_more_digits(self) -> None:
        """Lengths around the powers of 128."""
        for length in (126, 127, 128, 129, 16382, 16383, 16384):
            self.check("x" * length)
            self.check(b"x" * length)
            self.check([1] * length)
            self.check(dict.fromkeys(range(length)))
            self.check({"k" * length: 1})

    def test_largest(self) -> None:
        """Values just within banana's limits."""
        self.check(b"x" * SIZE_LIMIT)
        self.check([2**448 - 1, -(2**448) + 1])

    @slow
    def test_largest_list(self) -> None:
        self.check([1] * (SIZE_LIMIT - 1))

    def test_keys_beyond_the_cache(self) -> None:
        """More keys than the cache holds, twice."""
        keys = [f"key {number}" for number in range(3 * encode._MAX_CACHED_KEYS // 2)]
        for _ in range(2):
            self.check(dict.fromkeys(keys))
            self.assertLessEqual(len(encode._key_cache), encode._MAX_CACHED_KEYS)

    def test_long_keys_are_not_kept(self) -> None:
        """Long keys aren't cached, so the size of the cache in bytes is bounded."""
        before = dict(encode._key_cache)
        self.check({"long" * 100: 1})
        self.assertEqual(dict(encode._key_cache), before)


class NotPlainTests(SynchronousTestCase):
    """
    What L{encode_plain} leaves to Twisted.
    """

    def test_refused(self) -> None:
        """Objects that aren't plain data, and values that Twisted refuses."""
        point = namedtuple("point", "x y")
        deep: list[Any] = []
        for _ in range(encode.MAX_DEPTH):
            deep = [deep]
        for obj in (
            pb.Referenceable(),
            pb.Copyable(),
            object(),
            OrderedDict(),
            point(1, 2),
            type("Number", (int,), {})(1),
            type("Text", (str,), {})("x"),
            int,
            len,
            encode,
            "\ud800",
            b"x" * (SIZE_LIMIT + 1),
            "x" * (SIZE_LIMIT + 1),
            [1] * SIZE_LIMIT,
            2**448,
            -(2**448),
            datetime.datetime.now(datetime.timezone.utc),
            datetime.time(tzinfo=datetime.timezone.utc),
            decimal.Decimal("NaN"),
            decimal.Decimal("Infinity"),
            deep,
        ):
            self.assertRaises(NotPlain, encode_plain, obj)
            self.assertRaises(NotPlain, encode_plain, {"in": [obj]})
            self.assertRaises(NotPlain, encode_plain, {b"in": (obj,)})
