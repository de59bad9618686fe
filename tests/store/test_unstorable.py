"""
What the error of a value that can't be stored says.
"""

import datetime
import decimal
import enum
from typing import Any

from twisted.python.reflect import qual
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.store._codec import encode_key, encode_value


class Colour(enum.IntEnum):
    RED = 1


class Sword:
    pass


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


class UnstorableTests(SynchronousTestCase):
    def why(self, value: object) -> str:
        """What the error says after the key."""
        error = self.assertRaises(TypeError, encode_value, "gold", value)
        start = "the value of 'gold' can't be stored: "
        self.assertEqual(str(error)[: len(start)], start)
        return str(error)[len(start) :]

    def test_types(self) -> None:
        """The type is named, also of what looks like plain data."""
        for value, kind in (
            (1j, "builtins.complex"),
            (Sword(), "tests.store.test_unstorable.Sword"),
            (Colour.RED, "tests.store.test_unstorable.Colour"),
            (bytearray(b"x"), "builtins.bytearray"),
            (range(3), "builtins.range"),
        ):
            expected = f"an object of type {kind}, which isn't plain data"
            self.assertEqual(self.why(value), f"it is {expected}")
            self.assertEqual(self.why([1, value]), f"item [1] is {expected}")

    def test_classes(self) -> None:
        self.assertEqual(self.why(Sword), f"it is the class {qual(Sword)}, which isn't plain data")

    def test_places(self) -> None:
        """The place is where a program finds it, as far as it can be indexed."""
        bad = "is an object of type builtins.complex, which isn't plain data"
        for value, place in (
            ({"items": [1, ("x", 1j)]}, "item ['items'][1][1]"),
            ({(1, 2): {b"k": 1j}}, "item [(1, 2)][b'k']"),
            ({1j: 1}, "a key of it"),
            ([{1j: 1}], "a key of item [0]"),
            ({("a", 1j): 1}, "item [1] of a key of it"),
            ({1, 1j}, "a member of it"),
            ({"a": [frozenset({(1j,)})]}, "item [0] of a member of item ['a'][0]"),
        ):
            self.assertEqual(self.why(value), f"{place} {bad}")

    def test_sizes(self) -> None:
        """What is too large is told with the limit."""
        for value, expected in (
            ("é" * 400_000, "is a string of 800,000 bytes, of which 655,360 are allowed"),
            (b"x" * 655_361, "is a string of 655,361 bytes, of which 655,360 are allowed"),
            ([0] * 655_360, "has 655,360 items, of which 655,359 are allowed"),
            (dict.fromkeys(range(655_360)), "has 655,360 items, of which 655,359 are allowed"),
            (2**448, "is a number of 449 bits, of which 448 are allowed"),
            (-(2**500), "is a number of 501 bits, of which 448 are allowed"),
        ):
            self.assertEqual(self.why(value), f"it {expected}")
            self.assertEqual(self.why({"a": value}), f"item ['a'] {expected}")
        self.assertRegex(
            self.why([b"x" * 600_000] * 30),
            "^it takes 18,000,[0-9]{3} bytes, of which 16,777,216 are allowed$",
        )
        for allowed in ("x" * 655_360, [0] * 655_359, 2**448 - 1):
            encode_value("gold", allowed)

    def test_others(self) -> None:
        ring: list[Any] = [1]
        ring.append({"a": ring})
        for value, expected in (
            ("\ud800", "it isn't valid Unicode"),
            ({"\ud800": 1}, "a key of it isn't valid Unicode"),
            (decimal.Decimal("NaN"), "it isn't a finite number"),
            (
                [datetime.datetime.now(datetime.timezone.utc)],
                "item [0] has a time zone, which can't be stored",
            ),
            (ring, "item [1]['a'] is what it is in"),
            (nested(100), "it is nested more than 100 levels deep"),
            (
                [{number * (2**61 - 1) for number in range(65)}],
                "more than 64 keys in it have the same hash",
            ),
        ):
            self.assertEqual(self.why(value), expected)
        encode_value("gold", nested(99))

    def test_shared(self) -> None:
        """What is in the value many times is looked at once."""
        value: Any = [1]
        for _ in range(50):
            value = [value, value]
        self.assertEqual(
            self.why([value, 1j]),
            "item [1] is an object of type builtins.complex, which isn't plain data",
        )

    def test_long_places_are_cut(self) -> None:
        value: Any = 1j
        for _ in range(50):
            value = {"x" * 1000: value}
        self.assertRegex(self.why(value), "^item .{100,250}$")

    def test_keys(self) -> None:
        for key, expected in (
            ((1, Sword), f"item [1] is the class {qual(Sword)}, which isn't plain data"),
            ("\ud800", "it isn't valid Unicode"),
            (float("nan"), "it doesn't equal itself"),
            ("x" * 655_361, "it is a string of 655,361 bytes, of which 655,360 are allowed"),
        ):
            error = self.assertRaises(TypeError, encode_key, key)
            self.assertEqual(str(error).rpartition(" can't be stored: ")[2], expected)
