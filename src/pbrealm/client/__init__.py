"""
For clients of pbrealm's servers.

Any client that speaks Perspective Broker can log in.  One that imports this module is faster, gets
live copies of the L{SharedDict<pbrealm.SharedDict>}s of the server, and stays logged in with a
L{LoginService}, to any server of Perspective Broker.
"""

from pbrealm.client._factory import ClientFactory
from pbrealm.client._login_service import LoginService
from pbrealm.client._shared_dict_copy import SharedDictCopy

__all__ = ["ClientFactory", "LoginService", "SharedDictCopy"]
