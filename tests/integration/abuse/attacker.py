"""
A hostile client.

C{python -m tests.integration.abuse.attacker ATTACK HOST PORT [name=number ...]} runs one attack,
and prints its outcome as JSON.  It uses neither Twisted nor pbrealm.
"""

from __future__ import annotations

import json
import sys

from tests.integration.abuse.attacks_answers import AnswerAttacks
from tests.integration.abuse.attacks_log import LogAttacks
from tests.integration.abuse.attacks_logged_in import LoggedInAttacks
from tests.integration.abuse.attacks_revoked import RevokedAttacks
from tests.integration.abuse.attacks_slow_readers import SlowReaderAttacks
from tests.integration.abuse.attacks_unauthenticated import UnauthenticatedAttacks


class AllAttacks(
    UnauthenticatedAttacks,
    LoggedInAttacks,
    LogAttacks,
    AnswerAttacks,
    RevokedAttacks,
    SlowReaderAttacks,
):
    """All attacks, by the names of their methods."""


def main() -> None:
    name, host, port, *arguments = sys.argv[1:]
    numbers = dict(argument.split("=") for argument in arguments)
    attack = getattr(AllAttacks(host, int(port)), name)
    print(json.dumps(attack(**{key: int(value) for key, value in numbers.items()})), flush=True)


if __name__ == "__main__":
    main()
