"""
The signals that stop the program.

Twisted leaves SIGHUP to end the process at once.  A terminal that is closed sends it, and
C{systemd} right after SIGTERM if C{SendSIGHUP=yes} is set.  Of the signals that Twisted handles, a
second one makes it log a traceback.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from twisted.logger import Logger

_log = Logger(namespace="pbrealm")
_ABSENT = object()


def stop_on_signals(reactor: Any) -> None:
    """
    Have SIGHUP do what SIGTERM does, and only the first signal do anything, once the reactor runs.

    Each signal that the program handles or ignores by itself, as under C{nohup}, is left to it.
    If the reactor handles no signals, nothing changes.
    """
    reactor.callWhenRunning(_replace_handlers, reactor)


def _replace_handlers(reactor: Any) -> None:
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(
        signal.SIGTERM
    ) != getattr(reactor, "sigTerm", _ABSENT):
        return
    handled = {
        signal.SIGTERM: reactor.sigTerm,
        signal.SIGINT: reactor.sigInt,
        signal.SIGHUP: signal.SIG_DFL,
    }
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            return
        stopping = True
        if number == signal.SIGHUP:
            _log.info("received SIGHUP, which is handled as SIGTERM")
        (reactor.sigInt if number == signal.SIGINT else reactor.sigTerm)(number, frame)

    for number, handler in handled.items():
        if signal.getsignal(number) == handler:
            signal.signal(number, stop)
