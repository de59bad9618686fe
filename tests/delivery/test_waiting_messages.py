"""
What messages take that wait for a client.
"""

import gc
import tracemalloc
from functools import partial
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm import Backlog, SlowClientPolicy
from pbrealm._delivery.send_queue import SendQueue
from tests.delivery.slow_transport import SlowTransport


class MemoryTests(SynchronousTestCase):
    def test_short_messages(self):
        """What short messages take is bounded, and not their bytes only."""
        for when_slow in SlowClientPolicy:
            backlog = Backlog(soft_bytes=500_000, hard_bytes=500_000, when_slow=when_slow)
            over: list[Any] = []
            queue = SendQueue(
                SlowTransport(0), backlog, Clock(), lambda: None, partial(over.append, "too slow")
            )
            queue.start()
            queue.pauseProducing()
            dropped: list[int] = []
            gc.collect()
            tracemalloc.start()
            for number in range(10**4):
                data = b"%028d" % number
                if not over:
                    kind = (5, "news", number)
                    queue.post(data, kind, partial(_note, dropped, queue, number))
            size, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLess(size, 600_000, when_slow)
            self.assertTrue(15_000 < queue.waiting_bytes < 25_000, queue.waiting_bytes)

    def test_short_messages_that_cannot_be_dropped(self):
        """They are kept together, in the order of all, and don't make a client too slow."""
        backlog = Backlog(soft_bytes=500_000, hard_bytes=500_000)
        over: list[Any] = []
        transport = SlowTransport(0)
        queue = SendQueue(
            transport, backlog, Clock(), lambda: None, partial(over.append, "too slow")
        )
        queue.start()
        queue.pauseProducing()
        expected = []
        gc.collect()
        tracemalloc.start()
        for number in range(10**4):
            queue.write(b"%028d" % number)
            if not number % 1000:
                queue.post(b"news", "kind")
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for number in range(10**4):
            expected.append(b"%028d" % number)
            if not number % 1000:
                expected.append(b"news")
        self.assertLess(size, 500_000)
        self.assertEqual(over, [])
        transport.drain(room=10**5)
        self.assertEqual(b"".join(transport.written), b"".join(expected))
        self.assertLess(len(transport.written), 100)


def _note(dropped, queue, number):
    """As much as is kept for a notification whose answer is wanted."""
