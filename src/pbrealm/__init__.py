"""
A session layer for Perspective Broker.

A realm hands out sessions, and a session is the client's revocable hold on an avatar::

    from twisted.cred.portal import Portal
    from twisted.spread import pb
    from pbrealm import CachingRealm, ConnectionLimitedRealm, ReplaceOldest, ServerFactory

    class Player(pb.Avatar):
        def __init__(self, name):
            self.name = name

        def perspective_greet(self):
            return f"hello {self.name}"

    realm = ConnectionLimitedRealm(CachingRealm(Player), limit=2, on_full=ReplaceOldest())
    factory = ServerFactory(Portal(realm, [checker]))
"""

from pbrealm._session import Session, current_session, sessions_of
from pbrealm._sets import ClientSet, ObserverSet
from pbrealm._shared_dict import SharedDict
from pbrealm.errors import (
    Dropped,
    LoginRefused,
    NoMind,
    NotifyTimeout,
    PBRealmError,
    Reason,
    SessionEnded,
    TooManyConnections,
    WrongCredentials,
    reason_of,
)
from pbrealm.front.factory import ServerFactory
from pbrealm.front.limits import Limits
from pbrealm.interfaces import IClientAware, IFullPolicy, ISessionRealm
from pbrealm.policies import PingOldest, Refuse, ReplaceOldest, WaitForRoom
from pbrealm.realms import (
    AnonymousRealm,
    Arrival,
    CachingRealm,
    ConnectionLimitedRealm,
    Departure,
    DisposableRealm,
    MindTrackingRealm,
    Present,
    SharedStateRealm,
)
from pbrealm.wire.outbox import Backlog, WhenSlow
from pbrealm.wire.report import Report

__all__ = [
    "AnonymousRealm",
    "Arrival",
    "Backlog",
    "CachingRealm",
    "ClientSet",
    "ConnectionLimitedRealm",
    "Departure",
    "DisposableRealm",
    "Dropped",
    "IClientAware",
    "IFullPolicy",
    "ISessionRealm",
    "Limits",
    "LoginRefused",
    "MindTrackingRealm",
    "NoMind",
    "NotifyTimeout",
    "ObserverSet",
    "PBRealmError",
    "PingOldest",
    "Present",
    "Reason",
    "Refuse",
    "ReplaceOldest",
    "Report",
    "ServerFactory",
    "Session",
    "SessionEnded",
    "SharedDict",
    "SharedStateRealm",
    "TooManyConnections",
    "WaitForRoom",
    "WhenSlow",
    "WrongCredentials",
    "current_session",
    "reason_of",
    "sessions_of",
]
