"""
The log of errors that clients cause, within a budget.

A client can make the same call, or the end of the same avatar's session, fail a thousand times a
second.  An operator needs the traceback once.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from os.path import basename, dirname, sep
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

import twisted
from pbrealm._broker_slot import BrokerSlot
from pbrealm._log_text import bounded_failure, kind_of, log_text

LINES_PER_PERIOD: Final = 60
PERIOD: Final = 60.0
"""Seconds."""

MAX_LINE_BYTES: Final = 150
"""Of the text; with the time and the namespace, a line of the log has less than 200."""

MAX_PLACES: Final = 256
"""Places in the code whose errors are logged in full, once each."""

_LIBRARIES: Final = tuple(dirname(path) + sep for path in (__file__, twisted.__file__))
"""Where the code is that isn't the program's own."""

_OWNED: Final = "_pbrealm_errors"
"""The attribute of an owner."""

_log = Logger(namespace="pbrealm.errors")


def error_log(broker: pb.Broker | None, owner: object, clock: IReactorTime) -> ErrorLog:
    """
    The log for errors around a connection: that of the server, if it is one of ours.

    All other connections share the log of an owner.  With one each, they could log as much as
    there are of them.

    @param broker: of the connection; L{None} if it isn't known.
    @param owner: a realm, or something else that there is one of for many connections.
    @param clock: for a log of the owner.
    """
    errors = None if broker is None else _ERRORS.get(broker)
    if errors is None:
        errors = getattr(owner, _OWNED, None)
    if errors is None:
        errors = ErrorLog(clock)
        # What has slots can't own a log.
        with suppress(AttributeError):
            setattr(owner, _OWNED, errors)
    return errors


def set_error_log(broker: pb.Broker, errors: ErrorLog) -> None:
    """Have a connection share the log of its server."""
    _ERRORS.set(broker, errors)


class ErrorLog:
    """
    Logs the first error of each place in the code in full, and further ones as a short line each.

    A place is the innermost line of the traceback that is the program's own, if any is, with the
    type of the exception.  There are at most L{LINES_PER_PERIOD} short lines in a L{PERIOD}.
    Those left out are counted, and the count is logged at its end.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._places: set[Hashable] = set()
        self._period_end = clock.seconds()
        self._lines_left = 0
        self._left_out = 0
        self._stopped = False
        self._count_call: IDelayedCall | None = None

    def failure(self, what: str, why: Failure) -> None:
        """
        Log a failure.

        @param what: what has failed, in words of pbrealm.
        """
        kind = kind_of(why)
        if isinstance(why, pb.CopiedFailure):
            # The client that answered with it has chosen its type.
            place, where = "a client", "a client"
        elif why.frames:
            name, path, line = _place_of(why.frames)
            place = f"{kind} {path}:{line}"
            where = f"{basename(path)}:{line} in {name}"
        else:
            place, where = kind, "an unknown place"
        if self._is_new(place):
            _log.failure("{what}", failure=bounded_failure(why), what=log_text(what))
        else:
            self._line(f"{what} at {where}: {kind}: {log_text(why.value)}")

    def message(self, place: Hashable, text: str) -> None:
        """Log an error that has no traceback."""
        if self._is_new(place):
            _log.error("{text}", text=log_text(text))
        else:
            self._line(text)

    def stop(self) -> None:
        """
        Log the count of what was left out, if any.

        Something may fail later, such as an avatar that detaches slowly.  No timer is left behind
        then: what is left out after this isn't counted.
        """
        self._stopped = True
        if self._count_call is not None:
            self._count_call.cancel()
            self._log_count()

    def _is_new(self, place: Hashable) -> bool:
        if place in self._places or len(self._places) >= MAX_PLACES:
            return False
        self._places.add(place)
        return True

    def _line(self, text: str) -> None:
        now = self._clock.seconds()
        if now >= self._period_end:
            self._period_end = now + PERIOD
            self._lines_left = LINES_PER_PERIOD
        if self._lines_left:
            self._lines_left -= 1
            cut = log_text(text).encode()[:MAX_LINE_BYTES].decode("utf-8", "ignore")
            _log.error("{text}", text=cut)
            return
        if self._stopped:
            return
        self._left_out += 1
        if self._count_call is None:
            self._count_call = self._clock.callLater(self._period_end - now, self._log_count)

    def _log_count(self) -> None:
        self._count_call = None
        count, self._left_out = self._left_out, 0
        _log.error("{count} more errors of clients were not logged", count=count)


_ERRORS: Final = BrokerSlot[ErrorLog]("errors")


def _place_of(frames: list[Any]) -> tuple[str, str, int]:
    """The name of the function, the path and the line of the place of an error."""
    own = [frame for frame in frames if not frame[1].startswith(_LIBRARIES)]
    name, path, line = (own or frames)[-1][:3]
    return name, path, line
