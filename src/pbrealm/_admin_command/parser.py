"""
The parser of the command line, made from the table of commands.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from pbrealm._admin_command.command import Argument, Command
from pbrealm._admin_command.exit_status import ExitStatus
from pbrealm._admin_command.text import one_line
from pbrealm._version import __version__

PROGRAM: Final = "pbrealm"

_DESCRIPTION: Final = "Asks the administration of a server, which listens where its --admin says."


class _CommandParser(argparse.ArgumentParser):
    """
    Parses the arguments of one command, and says which of its options one that there isn't may
    mean.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            # Left to the outer parser, the error would have the usage of that.
            likely = get_close_matches(rest[0].partition("=")[0], self._option_string_actions, 1)
            hint = f": did you mean {likely[0]}?" if likely else ""
            self.error(f"unrecognized arguments: {' '.join(map(one_line, rest))}{hint}")
        return found, rest


def make_parser(
    commands: Sequence[Command], common: Sequence[Argument]
) -> argparse.ArgumentParser:
    """
    Make the parser.

    @param common: the options of all commands, which may be given before and after its name.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_statuses(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    for argument in common:
        _add(parser, argument)
    # Their defaults mustn't replace what was given before the command.
    shared = _CommandParser(add_help=False, argument_default=argparse.SUPPRESS)
    for argument in common:
        _add(shared, argument, default=argparse.SUPPRESS)
    subparsers = parser.add_subparsers(
        metavar="COMMAND", required=True, title="commands", parser_class=_CommandParser
    )
    for command in commands:
        summary = command.summary
        each = subparsers.add_parser(
            command.name,
            help=_literal(summary[0].lower() + summary[1:].rstrip(".")),
            description=_literal(summary),
            parents=[shared],
            allow_abbrev=False,
        )
        each.set_defaults(command=command)
        one_of = each.add_mutually_exclusive_group(required=True) if command.one_of else None
        for argument in command.arguments:
            if one_of is not None and argument.name in command.one_of:
                _add(one_of, argument, optional=True)
            else:
                _add(each, argument)
    return parser


def _add(parser: Any, argument: Argument, *, optional: bool = False, **given: Any) -> None:
    given = {"help": _literal(argument.help), "default": argument.default, **given}
    if argument.value is None:
        given["default"] = given["default"] or False
        parser.add_argument(argument.name, action="store_true", **given)
        return
    given |= {"metavar": argument.value, "type": argument.convert}
    if argument.choices:
        given["choices"] = argument.choices
    if argument.is_option:
        given |= {"dest": argument.field, "required": argument.required}
        if argument.repeated:
            given |= {"action": "append", "default": []}
    elif argument.repeated:
        given["nargs"] = "*"
    elif optional:
        given["nargs"] = "?"
    parser.add_argument(argument.name, **given)


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _statuses() -> str:
    lines = [f"  {each.number:3}  {each.text}" for each in ExitStatus]
    return "\n".join(["exit statuses:", *lines])
