"""
The signals that stop the program, with the handlers of the process replaced by a table.
"""

import signal
import threading
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm._command.signals import stop_on_signals


class SignalReactor(MemoryReactorClock):
    """One that says which of its handlers were called, with which number."""

    def __init__(self):
        super().__init__()
        self.received: list[Any] = []

    def sigTerm(self, number, frame=None):
        self.received.append(("SIGTERM", number))

    def sigInt(self, number, frame=None):
        self.received.append(("SIGINT", number))


class SignalTests(SynchronousTestCase):
    def setUp(self):
        self.reactor: Any = SignalReactor()
        self.handlers: dict[Any, Any] = {
            signal.SIGINT: self.reactor.sigInt,
            signal.SIGTERM: self.reactor.sigTerm,
            signal.SIGHUP: signal.SIG_DFL,
        }
        self.patch(signal, "getsignal", self.handlers.__getitem__)
        self.patch(signal, "signal", self.handlers.__setitem__)

    def run_reactor(self):
        """Start it, which is when it takes over the signals."""
        stop_on_signals(self.reactor)
        for function, args, kw in self.reactor.whenRunningHooks:
            function(*args, **kw)

    def send(self, *numbers):
        for number in numbers:
            self.handlers[number](number, None)
        return self.reactor.received

    def test_before_the_reactor_runs(self):
        stop_on_signals(self.reactor)
        self.assertIs(self.handlers[signal.SIGHUP], signal.SIG_DFL)

    def test_sighup(self):
        """It's handled as SIGTERM, but the process ends by the signal that it got."""
        self.run_reactor()
        self.assertEqual(self.send(signal.SIGHUP), [("SIGTERM", signal.SIGHUP)])

    def test_others(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.setUp()
            self.run_reactor()
            self.assertEqual(self.send(number), [(number.name, number)])

    def test_further_ones(self):
        """The reactor can't be stopped twice."""
        self.run_reactor()
        received = self.send(signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        self.assertEqual(received, [("SIGTERM", signal.SIGHUP)])

    def test_several_services(self):
        self.run_reactor()
        before = dict(self.handlers)
        self.run_reactor()
        self.assertEqual(self.handlers, before)

    def test_left_to_the_program(self):
        """Under nohup, with a debugger, or with a handler that reloads."""
        for number, handler in (
            (signal.SIGHUP, signal.SIG_IGN),
            (signal.SIGHUP, lambda number, frame: None),
            (signal.SIGINT, signal.default_int_handler),
        ):
            self.setUp()
            self.handlers[number] = handler
            self.run_reactor()
            self.assertIs(self.handlers[number], handler)
            self.assertEqual(self.send(signal.SIGTERM), [("SIGTERM", signal.SIGTERM)])

    def assertUntouched(self):
        before = dict(self.handlers)
        self.run_reactor()
        self.assertEqual(self.handlers, before)

    def test_reactor_without_signals(self):
        self.handlers[signal.SIGTERM] = signal.SIG_DFL
        self.assertUntouched()

    def test_reactor_in_a_thread(self):
        """Only the main thread may set handlers."""
        self.patch(threading, "main_thread", lambda: None)
        self.assertUntouched()
