"""
A broker with a send queue.
"""

from __future__ import annotations

from pbrealm._delivery.send_queue import SendQueue
from pbrealm._wire.broker import FastBroker


class QueuedBroker(FastBroker):
    """
    A broker whose transport is a L{SendQueue}, which notifications go through.

    @ivar send_queue: set before the connection is made.
    """

    send_queue: SendQueue
