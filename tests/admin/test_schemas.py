"""
Checks by JSON schemas.
"""

import json

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._schemas import BODY, MAX_DEPTH, check, convert, parse_json

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 3},
        "number": {"type": ["integer", "null"], "minimum": 0, "maximum": 9},
        "seconds": {"type": "number", "minimum": 0},
        "choice": {"enum": ["a", "b"]},
        "items": {"type": "array", "maxItems": 2, "items": {"type": "boolean"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}

values = st.none() | st.booleans() | st.integers(-1, 10) | st.sampled_from(["", "a", "abcd", 0.5])
bodies = st.dictionaries(
    st.sampled_from(["name", "number", "seconds", "choice", "items", "other"]),
    values | st.lists(values, max_size=3),
)


class CheckTests(SynchronousTestCase):
    def test_sentences(self):
        """What is wrong is said, with the name of what is."""
        for value, sentence in (
            ([], "body must be an object, not []"),
            ({}, "body must have name"),
            ({"name": ""}, "body.name must not be empty"),
            ({"name": "long"}, "body.name must have 3 characters at most"),
            ({"name": "a", "number": 1.5}, "body.number must be a whole number or null, not 1.5"),
            (
                {"name": "a", "number": True},
                "body.number must be a whole number or null, not true",
            ),
            ({"name": "a", "number": -1}, "body.number must be 0 or more, not -1"),
            ({"name": "a", "number": 10}, "body.number must be 9 or less, not 10"),
            ({"name": "a", "choice": "c"}, 'body.choice must be one of a, b, not "c"'),
            ({"name": "a", "items": [1]}, "body.items[0] must be true or false, not 1"),
            ({"name": "a", "items": [True] * 3}, "body.items must have 2 items at most"),
            (
                {"name": "a", "<b>\n": 1},
                'body must not have "<b>\\n", only name, number, seconds, choice, items',
            ),
            ({"name": "a", "nmae": 1}, 'body must not have "nmae", but may have name'),
        ):
            why = self.assertRaises(ValueError, check, "body", value, SCHEMA)
            self.assertEqual(str(why), sentence)

    def test_parts_of_the_body(self):
        """They are named as they are, and large numbers are easy to read."""
        inner = {"type": "integer", "minimum": 1024}
        schema = {"properties": {"limits": {"properties": {"connections": inner}}}}
        why = self.assertRaises(ValueError, check, BODY, {"limits": {"connections": 1}}, schema)
        self.assertEqual(str(why), "limits.connections must be 1,024 or more, not 1")

    def test_long_values(self):
        """They aren't repeated in full."""
        why = self.assertRaises(ValueError, check, "body", "x" * 10000, SCHEMA)
        self.assertLess(len(str(why)), 300)

    @given(bodies)
    def test_like_another(self, body):
        """A library of JSON schemas decides in the same way."""
        # It takes 1.0 for a whole number, but here none is drawn.
        expected = jsonschema.Draft202012Validator(SCHEMA).is_valid(body)
        try:
            check("body", body, SCHEMA)
        except ValueError:
            self.assertFalse(expected, body)
        else:
            self.assertTrue(expected, body)


class ConvertTests(SynchronousTestCase):
    def test_numbers(self):
        self.assertEqual(convert("n", "12", {"type": "integer"}), 12)
        self.assertEqual(convert("n", "1.5", {"type": "number"}), 1.5)
        self.assertEqual(convert("n", "12", {"type": "string"}), "12")

    def test_no_numbers(self):
        for text in ("", "x", "1e3", "nan", "inf", "٣", "1_0", " 1", "9" * 5000, "0x1"):
            for kind in ("integer", "number"):
                self.assertRaises(ValueError, convert, "n", text, {"type": kind})


class ParseTests(SynchronousTestCase):
    def test_json(self):
        self.assertEqual(
            parse_json('{"a": [1, 1.5, "ä\\ud83d\\ude00"]}'.encode()), {"a": [1, 1.5, "ä😀"]}
        )

    def test_bounds(self):
        """What is just within them is parsed."""
        deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
        self.assertEqual(json.dumps(parse_json(deepest)).encode(), deepest)
        for number in (2**63 - 1, -(2**63)):
            self.assertEqual(parse_json(b"%d" % number), number)

    def test_no_json(self):
        """None of these raises anything else, or holds up the server."""
        for data in (
            b"",
            b"{",
            b"\xff",
            b"NaN",
            b"[Infinity]",
            b"1e999",
            b'"\\ud800"',
            b"9" * 60000,
            b"[" * 60000,
            b'{"a":' * 10000,
            b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
            b'{"a":' * 600 + b"1" + b"}" * 600,
            b"[" * 600 + b"]" * 600,
            b"9223372036854775808",
            b"-9223372036854775809",
            b"9" * 4000,
        ):
            why = self.assertRaises(ValueError, parse_json, data)
            self.assertIn("must be JSON", str(why))
            self.assertNotIn("recursion", str(why))
            self.assertLess(len(str(why)), 300)
