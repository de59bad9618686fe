"""
The realm that writes the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import Interface

from pbrealm._journal import log_away, log_end, log_login
from pbrealm._types import AvatarT
from pbrealm.interfaces import ISession
from pbrealm.realms._base import WrappingRealm


class JournalRealm(WrappingRealm[AvatarT]):
    """
    Logs each login and each end of a session, and when its client is away and returns: each as
    one event in the namespace C{pbrealm.journal}.

    Put it around all other realms.  Refusals are logged in any case, by each of pbrealm's realms
    and by L{pbrealm.ServerFactory}.  L{pbrealm._journal} lists the fields of the events.
    """

    async def admit(
        self, session: ISession, interfaces: Sequence[type[Interface]]
    ) -> tuple[type[Interface], Any]:
        admitted = await super().admit(session, interfaces)
        log_login(session)
        session.on_away(log_away)
        session.on_end(log_end)
        return admitted
