"""
Figures and texts for people.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.text import (
    columns_of,
    counted,
    cut,
    duration,
    moment,
    one_line,
    pad,
    size,
    value,
)


class FigureTests(SynchronousTestCase):
    def test_duration(self):
        for seconds, text in (
            (None, "-"),
            (-0.1, "0.0 s"),
            (0, "0.0 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1 min 0 s"),
            (3599.6, "1 h 0 min"),
            (86399.6, "1 d 0 h"),
            (1e8, "1,157 d 9 h"),
        ):
            self.assertEqual(duration(seconds), text)

    def test_size(self):
        for number, text in (
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KB"),
            (9949, "9.9 KB"),
            (9950, "10 KB"),
            (999_499, "999 KB"),
            (999_500, "1.0 MB"),
            (5e15, "5000 TB"),
        ):
            self.assertEqual(size(number), text)

    def test_counted(self):
        self.assertEqual(counted(1, "session"), "1 session")
        self.assertEqual(counted(10_000, "session"), "10,000 sessions")

    def test_moment(self):
        self.assertEqual(moment("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04:05")

    def test_value(self):
        for something, text in (
            (None, "none"),
            (True, "yes"),
            (False, "no"),
            (12345, "12,345"),
            (0.5, "0.5"),
            ("a\x1b", "a\\x1b"),
            ([1, "\x07\x9b"], '[1, "\\u0007\\x9b"]'),
            ({"a": None}, '{"a": null}'),
        ):
            self.assertEqual(value(something), text)


class WidthTests(SynchronousTestCase):
    def test_columns(self):
        for text, columns in (("", 0), ("abc", 3), ("ä", 1), ("日本", 4), ("e\u0301", 1)):
            self.assertEqual(columns_of(text), columns)

    def test_cut(self):
        self.assertEqual(cut("abcdef", 6), "abcdef")
        self.assertEqual(cut("abcdef", 5), "abcd…")
        self.assertEqual(cut("日本語", 5), "日本…")
        self.assertEqual(cut("日本語", 4), "日…")

    @given(st.text(), st.integers(1, 20))
    def test_room(self, text, columns):
        """Whatever a text is, it takes as much room as there is, and can't do anything else."""
        shown = cut(one_line(text), columns)
        self.assertLessEqual(columns_of(shown), columns)
        self.assertTrue(shown.isprintable())
        self.assertEqual(columns_of(pad(shown, columns)), columns)
        self.assertTrue(pad(shown, columns, right=True).endswith(shown))
