"""
One line in the log for each login and each end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.cred.portal import IRealm
from twisted.logger import Logger
from zope.interface import Interface

from pbrealm._session.connection import format_address
from pbrealm._session.session import Session
from pbrealm.errors import Reason
from pbrealm.realms import enter
from pbrealm.realms._admission import JOURNAL
from pbrealm.realms._base import WrappingRealm

_log = Logger(namespace=JOURNAL)


class JournalRealm(WrappingRealm):
    """
    Wraps a realm, and logs who came, from where, for how long, and why they left.

    The events have plain values, so that they are the same in a JSON log: C{event} (C{"login"} or
    C{"end"}), C{avatar_id}, C{peer}, C{session}, and at the end C{seconds}, C{why} and C{reason},
    the number of a L{Reason}.  Of refusals every realm says as much by itself, and of wrong
    passwords the front door.
    """

    def __init__(self, realm: IRealm) -> None:
        """
        @param realm: any realm.
        """
        super().__init__(realm, None)

    async def admit(
        self, session: Session, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        admitted = await enter(self._realm, session, interfaces)
        _log.info(
            "login of {avatar_id} from {peer}: session {session}",
            event="login",
            **_who(session),
        )
        session.on_end(self._ended)
        return admitted

    def _ended(self, session: Session, reason: Reason) -> None:
        _log.info(
            "end of session {session} of {avatar_id} from {peer} after {seconds} s: {why}",
            event="end",
            seconds=round(session.clock.seconds() - session.since.timestamp(), 3),
            why=reason.text,
            reason=reason.number,
            **_who(session),
        )


def _who(session: Session) -> dict[str, object]:
    return {
        "avatar_id": session.avatar_id,
        "peer": format_address(session.peer),
        "session": session.id,
    }
