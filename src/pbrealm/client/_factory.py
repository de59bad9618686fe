"""
The client factory.
"""

from __future__ import annotations

from twisted.spread import pb

from pbrealm._wire.broker import FastBroker


class ClientFactory(pb.PBClientFactory):
    """
    A L{pb.PBClientFactory} with pbrealm's faster broker.

    It is used in the same way, with any server that speaks Perspective Broker::

        factory = ClientFactory()
        endpoint.connect(factory)
        avatar = await factory.login(UsernamePassword(b"alice", b"secret"), client=mind)
    """

    protocol = FastBroker
