"""
The client's end of a connection.
"""

from __future__ import annotations

from twisted.spread import pb

from pbrealm.wire.broker import FastBroker


class ClientFactory(pb.PBClientFactory):
    """
    A L{pb.PBClientFactory} whose broker is faster.

    It's used as that one is, and the server may be any that speaks Perspective Broker::

        factory = ClientFactory()
        endpoint.connect(factory)
        avatar = await factory.login(UsernamePassword(b"alice", b"secret"), client=mind)
    """

    protocol = FastBroker


__all__ = ["ClientFactory"]
