"""
The command C{drain}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.task import deferLater

from pbrealm._admin_command.client import AdminClient
from pbrealm._admin_command.console import Console
from pbrealm._admin_command.exit_status import Unreachable
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.text import count, counted, cut

STEP: Final = 0.5
"""Seconds between two looks at how far the drain is."""

END_SECONDS: Final = 5.0
"""How long the stream of events of a server that is gone may take to end."""

_BAR: Final = 30

_DRAINED: Final = "drained"


async def drain(run: Invocation) -> None:
    """Drain the server, and follow until it's done."""
    body: dict[str, Any] = {"seconds": run.options.seconds}
    if run.options.text is not None:
        body["text"] = run.options.text
    # A server may stop as soon as it's drained, so between two looks; its last event tells.
    last = _LastEvent(run.client)
    display = _Display(run.console)
    try:
        progress = await run.client.ask("POST", "drain", body=body)
        display.show(progress)
        while progress["state"] != _DRAINED:
            await deferLater(run.reactor, STEP)
            try:
                progress = await run.client.ask("GET", "drain")
            except Unreachable as why:
                if progress["left"] and not await last.was_drained(run.reactor):
                    raise Unreachable(f"{why}; {_left(progress)}") from None
                progress = {**progress, "state": _DRAINED, "left": 0}
            display.show(progress)
    finally:
        last.close()
        display.close()


class _LastEvent:
    """
    Whether the event has come that the server is drained.
    """

    def __init__(self, client: AdminClient) -> None:
        self._drained = False
        self._stream = Deferred.fromCoroutine(client.follow(self._on_event))
        # A server that has too many streams already can be drained, too.
        self._stream.addErrback(lambda _: None)

    def _on_event(self, name: str, data: Any) -> None:
        if name == "drain" and data["state"] == _DRAINED:
            self._drained = True

    async def was_drained(self, reactor: Any) -> bool:
        """Wait for the end of the stream of a server that is gone."""
        ended: Deferred[None] = Deferred()
        self._stream.addCallback(ended.callback)
        try:
            await ended.addTimeout(END_SECONDS, reactor)
        except TimeoutError:
            pass
        return self._drained

    def close(self) -> None:
        """Don't follow the stream any longer."""
        self._stream.cancel()


def _left(progress: Mapping[str, Any]) -> str:
    return f"{count(progress['left'])} of {counted(progress['total'], 'session')} left"


class _Display:
    """
    Shows how far a drain is: as a bar, in lines, or in JSON.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: str | None = None

    def show(self, progress: Mapping[str, Any]) -> None:
        """Show it, if it has changed."""
        console = self._console
        if console.json:
            console.document(progress)
            return
        text = f"{progress['state']}: {_left(progress)}"
        if text == self._last:
            return
        self._last = text
        if not console.is_terminal or console.columns is None:
            console.line(text)
        else:
            console.replace_line(cut(f"{_bar(progress)} {text}", console.columns - 1))

    def close(self) -> None:
        """End the line."""
        if self._console.is_terminal and self._last is not None:
            self._console.write("\n")


def _bar(progress: Mapping[str, Any]) -> str:
    total, left = progress["total"], progress["left"]
    full = _BAR if total == 0 else round(_BAR * (total - left) / total)
    return f"[{'#' * full}{'.' * (_BAR - full)}]"
