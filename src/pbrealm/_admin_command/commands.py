"""
The table of commands: what the parser, the help and the completions are made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from pbrealm._admin_command.arguments import (
    json_value,
    keyword,
    positive_seconds,
    reason,
    reason_name,
    seconds,
    setting,
    whole,
)
from pbrealm._admin_command.command import Argument, Command
from pbrealm._admin_command.completion import SHELLS, script
from pbrealm._admin_command.drain import drain
from pbrealm._admin_command.history import follow_events, list_ends
from pbrealm._admin_command.invocation import Invocation
from pbrealm._admin_command.messages import broadcast, notify
from pbrealm._admin_command.sessions import kick, list_avatars, list_sessions, show_session
from pbrealm._admin_command.settings import settings
from pbrealm._admin_command.top import top
from pbrealm._delivery.backlog import Backlog
from pbrealm._server.limits import Limits
from pbrealm.errors import Reason

COMMON: Final = (
    Argument(
        "--admin",
        "where the administration listens: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; by default "
        "$PBREALM_ADMIN, else unix:/run/pbrealm/admin.sock",
        "ENDPOINT",
    ),
    Argument(
        "--token-file",
        "the file with the token, which is needed except on UNIX sockets; by default "
        "$PBREALM_TOKEN_FILE",
        "FILE",
        is_file=True,
    ),
    Argument("--json", "write JSON: one document, or a line for each event or step"),
)
"""The options of all commands."""

_LIMIT: Final = Argument("--limit", "how many at most; by default all", "N", whole)

_TEXT: Final = Argument("--text", "what the clients are told", "TEXT")

_CALL: Final = (
    Argument("method", "the method of the clients' minds, without remote_", "METHOD"),
    Argument("arguments", "an argument in JSON", "ARG", json_value, repeated=True),
    Argument(
        "--keyword", "a keyword argument, its value in JSON", "NAME=VALUE", keyword, repeated=True
    ),
    Argument(
        "--timeout",
        "how long the clients have to answer; by default 30",
        "SECONDS",
        positive_seconds,
        default=30.0,
    ),
)


def _setting_names() -> Sequence[str]:
    return (
        *(f"limits.{each.name}=" for each in fields(Limits)),
        *(f"backlog.{each.name}=" for each in fields(Backlog)),
        "sessions.limit=",
        "sessions.total=",
        "sessions.on_full=",
    )


async def _completion(run: Invocation) -> None:
    run.console.write(script(run.options.shell, COMMANDS, COMMON))


COMMANDS: Final = (
    Command(
        "sessions",
        "List the sessions.",
        list_sessions,
        (
            Argument("--avatar", "those of this avatar id", "NAME"),
            Argument("--peer", "those whose address begins so", "PREFIX"),
            Argument("--min-seconds", "those that are this old, or older", "N", seconds),
            Argument("--max-seconds", "those that are this old, or younger", "N", seconds),
            _LIMIT,
        ),
    ),
    Command(
        "show",
        "Show a session, and what its connection has carried.",
        show_session,
        (Argument("id", "the number of the session", "ID", whole),),
    ),
    Command(
        "avatars",
        "List the avatar ids that have sessions, and how many each has.",
        list_avatars,
        (_LIMIT,),
    ),
    Command(
        "kick",
        "End a session, or all of an avatar id.",
        kick,
        (
            Argument("id", "the number of the session", "ID", whole),
            Argument("--avatar", "all sessions of this avatar id", "NAME"),
            _TEXT,
            Argument("--reconnect", "ask the client to come back"),
        ),
        one_of=("id", "--avatar"),
    ),
    Command(
        "notify",
        "Call a method of the clients of an avatar id, and show their answers.",
        notify,
        (Argument("avatar_id", "whose clients", "AVATAR"), *_CALL),
    ),
    Command("broadcast", "Call a method of all clients.", broadcast, _CALL),
    Command(
        "drain",
        "Let nobody in any more, have all clients leave and come back to another server, and "
        "follow until the last has left. It can't be changed or undone.",
        drain,
        (
            Argument("--seconds", "over which they leave, evenly", "N", seconds, required=True),
            _TEXT,
        ),
    ),
    Command(
        "ends",
        "List the last ends of sessions and refusals of logins, newest first.",
        list_ends,
        (
            Argument("--avatar", "those of this avatar id", "NAME"),
            Argument(
                "--reason",
                "those for this reason, by its number or name: "
                + ", ".join(f"{each.number} {reason_name(each)}" for each in Reason),
                "REASON",
                reason,
                proposals=[reason_name(each) for each in Reason],
            ),
            _LIMIT,
        ),
    ),
    Command("events", "Follow what happens, until the server is gone.", follow_events),
    Command(
        "settings",
        "Show the settings, or change some of them until the server restarts.",
        settings,
        (
            Argument(
                "changes",
                "a new value, such as limits.connections=500, sessions.limit=null or "
                "sessions.on_full=replace",
                "NAME=VALUE",
                setting,
                repeated=True,
                proposals=_setting_names(),
            ),
        ),
    ),
    Command(
        "top",
        "Show counts, rates, and the sessions for which the most waits: on a terminal every 2 "
        "seconds, until q or Ctrl-C is pressed; otherwise once.",
        top,
    ),
    Command(
        "completion",
        "Write the completions of a shell.",
        _completion,
        (Argument("shell", "the shell", "SHELL", choices=SHELLS),),
    ),
)
