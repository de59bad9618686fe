"""
Keys and values, encoded and decoded.
"""

import datetime
import decimal
from typing import Any

from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._wire.decode import decode_next
from pbrealm.store import _codec
from pbrealm.store._codec import decode_key, decode_value, encode_key, encode_value
from tests.wire.plain import graphs, hashables, trees


def typed(value: Any) -> Any:
    """
    A value with the types in it, since 1 equals True; without what PB's encoding doesn't have.
    """
    if type(value) in (list, tuple):
        return type(value), [typed(item) for item in value]
    if type(value) in (set, frozenset):
        return type(value), sorted(repr(typed(item)) for item in value)
    if type(value) is dict:
        return dict, sorted(repr((typed(key), typed(item))) for key, item in value.items())
    if isinstance(value, datetime.datetime | datetime.time):
        value = value.replace(fold=0)
    if type(value) is decimal.Decimal and not value:
        value = abs(value)
    return type(value), repr(value)


class CodecTests(SynchronousTestCase):
    @given(trees)
    def test_values(self, value):
        """A value keeps its types, also within."""
        self.assertEqual(typed(decode_value(encode_value("k", value))), typed(value))

    @given(hashables)
    def test_keys(self, key):
        """A key equals itself when it comes back."""
        try:
            encoded = encode_key(key)
        except TypeError as error:
            self.assertRegex(str(error), "more than|allowed")
            return
        decoded = decode_key(encoded)
        self.assertEqual((decoded, hash(decoded)), (key, hash(key)))

    @given(graphs())
    def test_what_is_encoded_can_be_decoded(self, value):
        """Also of values that are within themselves: they are refused."""
        try:
            encoded = encode_value("k", value)
        except TypeError as error:
            self.assertIn("is what it is in", str(error))
            return
        self.assertEqual(typed(decode_value(encoded)), typed(value))

    def test_shared(self):
        """A list that is in a value twice is one list when it comes back."""
        inner = [1]
        decoded = decode_value(encode_value("k", [inner, inner]))
        self.assertIs(decoded[0], decoded[1])

    def test_not_storable(self):
        """The error names the key, and says what the matter is."""
        ring: list[Any] = []
        ring.append(ring)
        for value in (
            object(),
            [object()],
            lambda: None,
            "\ud800",
            2**500,
            b"x" * 1_000_000,
            datetime.datetime.now(datetime.timezone.utc),
            decimal.Decimal("NaN"),
            {number * (2**61 - 1) for number in range(100)},
            ring,
            [b"x" * 600_000] * 30,
        ):
            with self.assertRaisesRegex(TypeError, "^the value of 'gold' can't be stored: .+"):
                encode_value("gold", value)

    def test_colliding_keys_anywhere(self):
        """More keys with one hash than can be loaded again are refused, however they are held."""
        for count, storable in ((64, True), (65, False)):
            keys = [number * (2**61 - 1) for number in range(count)]
            table: dict[Any, Any] = dict.fromkeys(keys, "value")
            values: list[Any] = [
                table,
                [{"a": (table,)}],
                {b"unicode": 1, **table},
                {b"unicode": {b"unicode": table}},
                [set(keys)],
                (frozenset(keys),),
                ["x" * 1000, table],
            ]
            for value in values:
                if storable:
                    self.assertEqual(decode_value(encode_value("k", value)), value)
                else:
                    self.assertRaises(TypeError, encode_value, "k", value)

    def test_decodes_only_what_may_fail(self):
        """Most collections are stored without being decoded, which takes twice as long."""
        decoded = []

        def decode(encoded, start, depth):
            decoded.append(encoded)
            return decode_next(encoded, start, depth)

        self.patch(_codec, "decode_next", decode)
        player = {"name": "alice", "items": ["sword"] * 200, "place": (1.5, 2.5)}
        for value in (player, [player["items"]], dict.fromkeys(map(str, range(64)), "text")):
            encode_value("k", value)
        self.assertEqual(decoded, [])
        encode_value("k", dict.fromkeys(range(65)))
        self.assertEqual(len(decoded), 1)

    def test_keys_that_can_not_be_found_again(self):
        nan = float("nan")
        for key in (nan, (1, nan), frozenset([nan]), "\ud800", object()):
            with self.assertRaisesRegex(TypeError, "^the key .+ can't be stored: .+"):
                encode_key(key)

    def test_nan_is_a_value(self):
        self.assertEqual(repr(decode_value(encode_value("k", float("nan")))), "nan")

    def test_long_keys_are_cut_in_errors(self):
        with self.assertRaisesRegex(TypeError, "^.{100,200}$"):
            encode_value("x" * 10_000, object())

    @given(trees)
    def test_damage(self, value):
        """Bytes that are too few, or too many, aren't a value."""
        encoded = encode_value("k", value)
        for damaged in (encoded[:-1], encoded + b"\x00", encoded[:-2], b""):
            self.assertRaises(ValueError, decode_value, damaged)

    def test_not_a_key(self):
        """A key must be one that a dictionary can have."""
        self.assertRaises(ValueError, decode_key, encode_value("k", [1]))
        self.assertRaises(ValueError, decode_key, b"")
