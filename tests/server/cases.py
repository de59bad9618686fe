"""
Servers to which the tests of this folder connect clients, and a checker that is slow.
"""

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from pbrealm import CachingRealm, Limits, MindTrackingRealm, ServerFactory
from pbrealm.testing import MemoryServer
from tests.avatars import Player


class ServerTestCase(SynchronousTestCase):
    def serve(self, realm=None, **limits):
        self.realm = MindTrackingRealm(CachingRealm(Player)) if realm is None else realm
        self.server = MemoryServer(self.realm, limits=Limits(**limits))
        return self.server.connect()

    def refusal(self, login):
        self.server.flush()
        return self.failureResultOf(login)

    def challenge(self, client, name=b"alice"):
        root = client.wait(client.factory.getRootObject())
        return client.call(root, "login", name)


class FromAnyHost(ServerFactory):
    """Takes connections to come from the host that the test says."""

    host = "192.0.2.1"

    def buildProtocol(self, addr):
        kind = IPv6Address if ":" in self.host else IPv4Address
        return super().buildProtocol(kind("TCP", self.host, addr.port))


@implementer(ICredentialsChecker)
class SlowChecker:
    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self):
        self.answer: Deferred[Any] = Deferred()

    def requestAvatarId(self, credentials):
        return self.answer
