"""
The command C{top}.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pbrealm._admin_command.client import PAGE
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.keys import Keys
from pbrealm._admin_command.sessions import COLUMNS, row
from pbrealm._admin_command.table import table
from pbrealm._admin_command.text import count, counted, cut, one_line, size

STEP: Final = 2.0
"""Seconds between two looks."""

RATE_STEPS: Final = 6
"""How many steps of the counts make the rates: a minute."""

_MOST_ROWS: Final = 20
"""How many sessions are shown where there is no terminal."""

_OTHER_LINES: Final = 6
"""What else is on a terminal: four lines above the table, its heading, and the empty last line."""

_BEGIN: Final = "\x1b[?1049h\x1b[?25l"
"""Another screen, and no cursor."""

_END: Final = "\x1b[?25h\x1b[?1049l"

_HOME: Final = "\x1b[H"
_CLEAR_REST_OF_LINE: Final = "\x1b[K"
_CLEAR_REST: Final = "\x1b[J"


async def top(run: Invocation) -> None:
    """Show how the server does: on a terminal again and again, otherwise once."""
    if run.console.is_terminal:
        await _Screen(run).show()
        return
    view = await look(run, None)
    if run.console.json:
        run.console.document(view)
    else:
        for line in render(view, None, None):
            run.console.line(line)


async def look(run: Invocation, lines: int | None) -> Mapping[str, Any]:
    """
    Ask for all that is shown.

    @param lines: those of the terminal, if there is one.
    @return: the time, what is asked, counts, rates by second, the state of the drain, and the
        sessions for which the most waits, the most first.
    """
    client = run.client
    rates = await client.ask("GET", "rates")
    drain = await client.ask("GET", "drain")
    top = await client.ask("GET", "top", parameters={"limit": _rows(lines)})
    now = datetime.fromtimestamp(run.reactor.seconds(), timezone.utc)
    return {
        "server": client.where,
        "time": f"{now.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
        "state": drain["state"],
        "left": drain["left"],
        "per_second": per_second(rates),
        **top,
    }


def _rows(lines: int | None) -> int:
    """How many sessions there is room for, or may be asked for at once."""
    return _MOST_ROWS if lines is None else min(max(lines - _OTHER_LINES, 1), PAGE)


def per_second(rates: Mapping[str, Any]) -> Mapping[str, float]:
    """The logins, refusals and ends of the last minute, or of the time that the server has run."""
    counts: Mapping[str, Sequence[int]] = {
        "logins": rates["logins"],
        "refusals": rates["refusals"],
        **{f"ends: {reason}": ends for reason, ends in rates["ends"].items()},
    }
    seconds = max(min(RATE_STEPS, len(rates["times"])), 1) * rates["step"]
    return {name: round(sum(steps[-RATE_STEPS:]) / seconds, 3) for name, steps in counts.items()}


def render(view: Mapping[str, Any], columns: int | None, lines: int | None) -> Iterator[str]:
    """
    Lay out a view.

    @param columns: those of the terminal, if there is one.
    @param lines: those of the terminal, if there is one; the last stays empty.
    """
    return islice(_lines(view, columns, lines), lines and lines - 1)


def _lines(view: Mapping[str, Any], columns: int | None, lines: int | None) -> Iterator[str]:
    head = [
        f"{one_line(view['server'])}  {view['time'][11:19]} UTC  {_state(view)}",
        f"{counted(view['count'], 'session')} of {counted(view['avatars'], 'avatar id')}, "
        f"{count(view['away'])} away, {size(view['waiting_bytes'])} waiting",
        "per second: "
        + ", ".join(f"{one_line(name)} {rate:.3g}" for name, rate in view["per_second"].items()),
        "",
    ]
    for line in head:
        yield line if columns is None else cut(line, columns)
    shown = view["sessions"][: _rows(lines)]
    yield from table(COLUMNS, [row(each) for each in shown], columns)


def _state(view: Mapping[str, Any]) -> str:
    left = view["left"]
    return one_line(view["state"]) if left is None else f"{view['state']}, {count(left)} left"


class _Screen:
    """
    Shows views on a terminal, until q is pressed.
    """

    def __init__(self, run: Invocation) -> None:
        self._run = run
        self._console = run.console
        self._quit: Deferred[None] = Deferred()

    async def show(self) -> None:
        """Show them."""
        keys = Keys(sys.stdin, self._run.reactor, self._key) if sys.stdin.isatty() else None
        self._console.write(_BEGIN)
        looking = Deferred.fromCoroutine(self._look_again_and_again())
        looking.addErrback(self._fail)
        try:
            await self._quit
        finally:
            looking.cancel()
            self._console.write(_END)
            if keys is not None:
                keys.close()

    def _key(self, key: str) -> None:
        if key in "qQ" and not self._quit.called:
            self._quit.callback(None)

    def _fail(self, why: Any) -> None:
        if not self._quit.called:
            self._quit.errback(why)

    async def _look_again_and_again(self) -> None:
        while True:
            lines = self._console.lines
            view = await look(self._run, lines)
            rendered = render(view, self._console.columns, lines)
            shown = "".join(f"{line}{_CLEAR_REST_OF_LINE}\n" for line in rendered)
            self._console.write(f"{_HOME}{shown}{_CLEAR_REST}")
            await deferLater(self._run.reactor, STEP)
