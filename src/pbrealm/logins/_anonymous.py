"""
Perspective Broker's login without a name.
"""

from __future__ import annotations

from twisted.cred.credentials import Anonymous
from zope.interface import implementer

from pbrealm.interfaces import ILoginClient, ILoginMethod
from pbrealm.logins._login import Login


@implementer(ILoginMethod)
class AnonymousLogin:
    """
    Perspective Broker's login without a name: what L{pb.PBClientFactory.login} does with
    anonymous credentials.
    """

    name = "loginAnonymous"

    def begin(self, client: ILoginClient, mind: object) -> Login:
        return Login(Anonymous(), mind)
