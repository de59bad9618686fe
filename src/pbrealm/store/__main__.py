"""
Looks into the file of a store that no server has open: C{python -m pbrealm.store}.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pbrealm.errors import StoreError
from pbrealm.store._contents import Contents, decode_rows
from pbrealm.store._file import StoreFile
from pbrealm.store._lines import from_line, to_line


class Problem(Exception):
    """What is said instead of a traceback."""


def list_names(options: argparse.Namespace) -> Iterator[str]:
    """Print the names that have items."""
    with _existing(options) as file:
        yield from map(_shown, file.names())


def show(options: argparse.Namespace) -> Iterator[str]:
    """Print the items of a name as text."""
    with _existing(options) as file:
        items = _items(file, options.name)
        for key in sorted(items, key=repr):
            yield f"{key!r}: {items[key]!r}"


def export(options: argparse.Namespace) -> Iterator[str]:
    """Print items as lines of JSON, with their types."""
    with _existing(options) as file:
        for name in options.names or file.names():
            for key, value in _items(file, name).items():
                yield to_line(name, key, value)


def import_lines(options: argparse.Namespace) -> Iterator[str]:
    """Set items from lines of JSON, as export prints them, on the standard input: all or none."""
    items = list(_parsed(sys.stdin.buffer))
    rows: dict[str, dict[bytes, bytes | None]] = {}
    if items:
        with _existing_or_new(options) as file:
            states: dict[str, Contents] = {}
            for name, key, value, encoded in items:
                contents = states.get(name) or states.setdefault(name, _read(file, name))
                # A key that equals one that is there replaces its value.
                row_key = contents.row_key(key)
                contents.set(key, value, row_key, encoded)
                rows.setdefault(name, {})[row_key] = encoded
            file.write([], rows)
    yield f"{_counted(len(items), 'item')} of {_counted(len(rows), 'name')}"


def check(options: argparse.Namespace) -> Iterator[str]:
    """Look for damage in the whole file."""
    with _existing(options) as file:
        damage = list(file.check())
        yield from damage
        if damage:
            raise Problem(f"{options.file} is damaged")
        yield f"{options.file} is as it was saved: {_counted(len(file.names()), 'name')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @return: the exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        for line in options.command(options):
            print(line)
        sys.stdout.flush()
    except OSError as error:
        # Whoever reads may have seen enough.
        if not isinstance(error, BrokenPipeError):
            print(f"pbrealm.store: the output can't be written: {error}", file=sys.stderr)
        # The interpreter mustn't flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
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


@contextmanager
def _existing(options: argparse.Namespace) -> Iterator[StoreFile]:
    if not os.path.exists(options.file):
        raise Problem(f"there is no file {options.file}")
    with closing(StoreFile(options.file, existing=True)) as file:
        yield file


@contextmanager
def _existing_or_new(options: argparse.Namespace) -> Iterator[StoreFile]:
    is_new = not os.path.exists(options.file)
    with closing(StoreFile(options.file)) as file:
        try:
            yield file
        except BaseException:
            if is_new:
                file.close()
                os.unlink(options.file)
            raise


def _read(file: StoreFile, name: str) -> Contents:
    return decode_rows(name, file.read(name))


def _items(file: StoreFile, name: str) -> dict[Any, Any]:
    items = _read(file, name).items
    if not items:
        raise Problem(f"{file.path} has nothing of {name!r}")
    return items


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[str, Any, Any, bytes]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield from_line(line.rstrip())
        except (TypeError, ValueError) as error:
            raise Problem(f"line {number} can't be imported, and none was: {error}") from error


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(name: str) -> str:
    return name if name.isprintable() and name else repr(name)


if __name__ == "__main__":
    sys.exit(main())
