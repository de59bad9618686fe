"""
Server-sent events.
"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._admin_command.event_parser import EventParser

STREAM = (
    ": a comment\n\n"
    'event: login\ndata: {"a": "ä"}\n\n'
    "data:first\r\ndata:  second\r\n\r\n"
    "event: nothing\n\n"
    "id: 5\nretry: 3\nunknown\nevent:end\ndata\n\n"
    "event: unfinished\ndata: x\n"
).encode()

EVENTS = [("login", '{"a": "ä"}'), ("message", "first\n second"), ("end", "")]


def parse(pieces):
    events = []
    parser = EventParser(lambda name, data: events.append((name, data)))
    for piece in pieces:
        parser.feed(piece)
    return events


class ParserTests(SynchronousTestCase):
    def test_whole(self):
        self.assertEqual(parse([STREAM]), EVENTS)

    @given(st.lists(st.integers(0, len(STREAM))))
    def test_pieces(self, cuts):
        """However the bytes are cut, the events are the same."""
        ends = sorted({0, len(STREAM), *cuts})
        pieces = [STREAM[a:b] for a, b in pairwise(ends)]
        self.assertEqual(parse(pieces), EVENTS)

    def test_no_utf_8(self):
        self.assertEqual(parse([b"data: \xff\n\n"]), [("message", "\ufffd")])
