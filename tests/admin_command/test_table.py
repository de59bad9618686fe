"""
Tables.
"""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.table import Column, table
from pbrealm._admin_command.text import columns_of, one_line

COLUMNS = (Column("ID", right=True), Column("NAME", cut=True), Column("PEER", cut=True))


class TableTests(SynchronousTestCase):
    def test_layout(self):
        rows = [["1", "alice", "here"], ["20", "日本", ""]]
        self.assertEqual(
            list(table(COLUMNS, rows, None)),
            ["ID  NAME   PEER", " 1  alice  here", "20  日本"],
        )

    def test_empty(self):
        self.assertEqual(list(table(COLUMNS, [], 80)), ["ID  NAME  PEER"])

    def test_fit(self):
        """The widest that may be cut are, and no more than needed."""
        rows = [["123456789", "n" * 20, "p" * 12]]
        self.assertEqual(list(table(COLUMNS, rows, 37))[1], f"123456789  {'n' * 11}…  {'p' * 12}")
        self.assertEqual(list(table(COLUMNS, rows, 45))[1], "  ".join(rows[0]))

    def test_narrow(self):
        """Where nothing helps, lines end with the terminal."""
        self.assertEqual(list(table(COLUMNS, [["1" * 30, "n", "p"]], 10))[1], "1" * 9 + "…")

    @given(st.lists(st.tuples(*[st.text().map(one_line)] * 3), max_size=5), st.integers(1, 60))
    def test_width(self, rows, width):
        lines = list(table(COLUMNS, [list(row) for row in rows], width))
        self.assertEqual(len(lines), len(rows) + 1)
        self.assertLessEqual(max(map(columns_of, lines)), width)
