"""
The realms, and what it takes to write another that wraps one.
"""

from pbrealm.realms._anonymous import AnonymousRealm
from pbrealm.realms._caching import CachingRealm
from pbrealm.realms._disposable import DisposableRealm
from pbrealm.realms._limited import ConnectionLimitedRealm
from pbrealm.realms._login import clock_of, enter, identify, log_in
from pbrealm.realms._roster import Arrival, Departure, Present
from pbrealm.realms._shared_state import SharedStateRealm
from pbrealm.realms._tracking import MindTrackingRealm

__all__ = [
    "AnonymousRealm",
    "Arrival",
    "CachingRealm",
    "ConnectionLimitedRealm",
    "Departure",
    "DisposableRealm",
    "MindTrackingRealm",
    "Present",
    "SharedStateRealm",
    "clock_of",
    "enter",
    "identify",
    "log_in",
]
