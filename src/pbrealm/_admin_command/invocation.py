"""
One run of a command.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pbrealm._admin_command.client import AdminClient
from pbrealm._admin_command.console import Console


@dataclass(frozen=True)
class Invocation:
    """
    What a command is run with.
    """

    options: Namespace
    """Its arguments, by name."""

    console: Console

    reactor: Any

    make_client: Callable[[], AdminClient]

    @cached_property
    def client(self) -> AdminClient:
        """The client of the API."""
        return self.make_client()
