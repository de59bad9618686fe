"""
Looks into the file of a store that no server has open: C{python -m pbrealm.store}.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from pbrealm.errors import StoreError
from pbrealm.store._codec import encode_value
from pbrealm.store._contents import Contents, decode_rows
from pbrealm.store._file import StoreFile
from pbrealm.store._json import from_json, to_json


class Problem(Exception):
    """What is said instead of a traceback."""


def list_names(file: StoreFile, options: argparse.Namespace) -> Iterator[str]:
    """Print the names that have items."""
    yield from map(_shown, file.names())


def show(file: StoreFile, options: argparse.Namespace) -> Iterator[str]:
    """Print the items of a name as text."""
    items = _read(file, options.name).items
    if not items:
        raise Problem(f"{options.file} has nothing of {options.name!r}")
    for key in sorted(items, key=repr):
        yield f"{key!r}: {items[key]!r}"


def export(file: StoreFile, options: argparse.Namespace) -> Iterator[str]:
    """Print items as lines of JSON, with their types."""
    for name in options.names or file.names():
        items = _read(file, name).items
        if not items:
            raise Problem(f"{options.file} has nothing of {name!r}")
        for key, value in items.items():
            line = {"name": name, "key": to_json(key), "value": to_json(value)}
            yield json.dumps(line, allow_nan=False)


def import_lines(file: StoreFile, options: argparse.Namespace) -> Iterator[str]:
    """Set items from lines of JSON, as export prints them, on the standard input: all or none."""
    states: dict[str, Contents] = {}
    rows: dict[str, dict[bytes, bytes | None]] = {}
    count = 0
    for number, line in enumerate(sys.stdin, 1):
        try:
            name, key, value = _parse(line)
            contents = states.get(name) or states.setdefault(name, _read(file, name))
            row_key, encoded = contents.row_key(key), encode_value(key, value)
        except (TypeError, ValueError) as error:
            raise Problem(f"line {number} can't be imported, and none was: {error}") from error
        contents.set(key, value, row_key, encoded)
        rows.setdefault(name, {})[row_key] = encoded
        count += 1
    file.write([], rows)
    yield f"{count} items of {len(rows)} names"


def check(file: StoreFile, options: argparse.Namespace) -> Iterator[str]:
    """Look for damage in the whole file."""
    damage = list(file.check())
    yield from damage
    if damage:
        raise Problem(f"{options.file} is damaged")
    yield f"{options.file} is as it was saved: {len(file.names())} names"


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @return: the exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command is not import_lines and not os.path.exists(options.file):
            raise Problem(f"there is no file {options.file}")
        file = StoreFile(options.file)
        try:
            for line in options.command(file, options):
                print(line)
            sys.stdout.flush()
        finally:
            file.close()
    except BrokenPipeError:
        # Whoever reads has seen enough; the interpreter mustn't flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Problem, StoreError) as error:
        # Here, no client has to tell the reason from the text.
        text = error.sentence if isinstance(error, StoreError) else str(error)
        print(f"pbrealm.store: {text}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pbrealm.store",
        description="Looks into the file of a SQLiteStore that no server has open.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    made = {}
    for name, function in (
        ("names", list_names),
        ("show", show),
        ("export", export),
        ("import", import_lines),
        ("check", check),
    ):
        text = (function.__doc__ or "").rstrip(".")
        made[name] = commands.add_parser(name, help=text[0].lower() + text[1:], description=text)
        made[name].set_defaults(command=function)
        made[name].add_argument("file", metavar="FILE", help="the file of the store")
    made["show"].add_argument("name", metavar="NAME", help="whose items")
    made["export"].add_argument(
        "names", metavar="NAME", nargs="*", help="whose items; by default everybody's"
    )
    return parser


def _read(file: StoreFile, name: str) -> Contents:
    return decode_rows(name, file.read(name))


def _parse(line: str) -> tuple[str, Any, Any]:
    found = json.loads(line)
    if type(found) is not dict or set(found) != {"name", "key", "value"}:
        raise ValueError("it isn't an object with name, key and value")
    if type(found["name"]) is not str:
        raise ValueError("the name isn't a string")
    name: str = found["name"]
    name.encode()
    return name, from_json(found["key"]), from_json(found["value"])


def _shown(name: str) -> str:
    return name if name.isprintable() and name else repr(name)


if __name__ == "__main__":
    sys.exit(main())
