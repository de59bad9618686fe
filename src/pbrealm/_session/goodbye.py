"""
The goodbye: the call by which a client is told that, and why, the server has ended its session.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb

from pbrealm._broker_slot import BrokerSlot
from pbrealm._delivery.notify import call_mind
from pbrealm._delivery.unsent import send_unsent
from pbrealm.errors import Reason

GOODBYE: Final = "goodbye"
"""The method that is called by default, as C{remote_goodbye(code, text, reconnect)}."""

GOODBYE_TIMEOUT: Final = 2.0
"""Seconds that a client gets to answer the goodbye before its connection is closed."""

# The method's name, where it's another; empty for none.
_METHOD: Final = BrokerSlot[str]("goodbye")


def set_goodbye(broker: pb.Broker, method: str | None) -> None:
    """
    Set which method of the minds on a connection the goodbye calls.

    @param method: its name; L{None} for no goodbye.
    """
    _METHOD.set(broker, method or "")


def say_goodbye(
    broker: pb.Broker | None, mind: Any, reason: Reason, text: str, clock: IReactorTime
) -> Deferred[object] | None:
    """
    Tell a client that its session has ended.

    @param broker: that of the connection, where it's known.
    @param text: the reason in words.
    @return: fires when the client has answered, or had its time for that, and never fails;
        L{None} if there is nobody to tell.
    """
    method = None if broker is None else _METHOD.get(broker)
    if mind is None or method == "":
        return None
    if broker is not None:
        # The goodbye comes last, but for what waits.
        send_unsent(broker)
    goodbye = call_mind(mind, method or GOODBYE, (reason.number, text, reason.reconnect), {})
    # Any answer will do, also that the mind has no such method: the client was told.
    return goodbye.addTimeout(GOODBYE_TIMEOUT, clock).addErrback(lambda _: None)
