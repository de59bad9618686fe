"""
The command C{pbrealm}.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pbrealm._admin_command.exit_status import ExitStatus

_MISSING = "pbrealm: this command needs treq: install it with pip install 'pbrealm[admin]'"


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the command.

    @return: the exit status.
    """
    try:
        import treq  # noqa: F401
    except ModuleNotFoundError:
        print(_MISSING, file=sys.stderr)
        return ExitStatus.USAGE.number
    try:
        from pbrealm._admin_command.program import run
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED.number
    return run(arguments)
