"""
A transport that takes as much as a test says.
"""

from typing import Any


class SlowTransport:
    """Takes so many writes, and then asks for a pause."""

    def __init__(self, room):
        self.room = room
        self.written = []
        self.reading = True
        self.producer: Any = None
        self.closed: str | None = None

    def registerProducer(self, producer, streaming):
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, data):
        self.written.append(data)
        self.room -= 1
        if self.room == 0:
            self.producer.pauseProducing()

    def drain(self, room=1000):
        self.room = room
        self.producer.resumeProducing()

    def pauseProducing(self):
        self.reading = False

    def resumeProducing(self):
        self.reading = True

    def loseConnection(self):
        assert self.producer is None, "a transport with a producer doesn't close"
        self.closed = "gently"

    def abortConnection(self):
        self.closed = "by force"
