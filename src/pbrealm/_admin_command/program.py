"""
Runs a command of the table: from the command line to the exit status.
"""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import react
from twisted.python.failure import Failure

from pbrealm._admin_command.client import AdminClient
from pbrealm._admin_command.commands import COMMANDS, COMMON
from pbrealm._admin_command.connection import DEFAULT_ENDPOINT, http_client, read_token
from pbrealm._admin_command.console import Console
from pbrealm._admin_command.exit_status import CannotWrite, CommandError, ExitStatus
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.parser import make_parser


def run(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command.

    @return: the exit status.
    """
    options = make_parser(COMMANDS, COMMON).parse_args(arguments)
    statuses: list[int] = []
    try:
        react(_run_until_signal, [options, statuses.append])
    except SystemExit:
        # Of an error that isn't expected, react has logged the traceback.
        return statuses[0] if statuses else ExitStatus.FAILED.number
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED.number


def _run_until_signal(
    reactor: Any, options: Namespace, ended: Callable[[int], None]
) -> Deferred[None]:
    def make_client() -> AdminClient:
        endpoint = options.admin or os.environ.get("PBREALM_ADMIN") or DEFAULT_ENDPOINT
        token_file = options.token_file or os.environ.get("PBREALM_TOKEN_FILE")
        token = read_token(token_file) if token_file else None
        return AdminClient(http_client(reactor, endpoint), reactor, endpoint, token)

    console = Console.standard(json=options.json)
    invocation = Invocation(options, console, reactor, make_client)
    running = Deferred.fromCoroutine(run_command(invocation))
    signals: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        signals.append(number)
        reactor.callFromThread(running.cancel)

    def handle_signals() -> None:
        # Commands restore the terminal, which Twisted's handlers don't wait for.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, interrupt)

    def interrupted(why: Failure) -> int:
        why.trap(CancelledError)
        return 128 + signals[0]

    reactor.callWhenRunning(handle_signals)
    return running.addErrback(interrupted).addCallback(ended)


async def run_command(invocation: Invocation) -> int:
    """
    Run a command, and say what has gone wrong.

    @return: the exit status.
    """
    try:
        await invocation.options.command.run(invocation)
    except CommandError as why:
        # Whoever reads may have seen enough.
        if not isinstance(why.__cause__, BrokenPipeError):
            invocation.console.complain(str(why))
        if isinstance(why, CannotWrite):
            # The interpreter mustn't flush what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return why.status.number
    return ExitStatus.DONE.number
