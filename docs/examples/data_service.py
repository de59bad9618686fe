"""
The data service: store, retrieve and list_keys, for items that are copied in both directions.

Each account has a store of its own.  It is cached, so what alice stored is there when she comes
back, and for all her clients; a new avatar for each login would have forgotten it.

The client has to say what it makes of an item, and by which name it sends one:

    class Item(pb.Copyable, pb.RemoteCopy):
        def getTypeToCopy(self):
            return b"pbrealm.examples.Item"

    pb.setUnjellyableForClass("pbrealm.examples.Item", Item)

    python docs/examples/data_service.py [ENDPOINT]
    python docs/examples/client.py list_keys
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class Item(pb.Copyable, pb.RemoteCopy):
    """Something with a name and a value."""

    def getTypeToCopy(self):
        # By default it would be the name of this class in its module, which is __main__ here.
        return b"pbrealm.examples.Item"

    def setCopyableState(self, state):
        # It's the client who says what is in here, so take what there is to be and no more.
        self.name = state["name"]
        self.value = state["value"]


pb.setUnjellyableForClass("pbrealm.examples.Item", Item)


class NoSuchKey(pb.Error):
    """Nothing is stored under this key."""


class Store(pb.Avatar):
    def __init__(self, name):
        self.items = {}

    def perspective_store(self, key, item):
        if not isinstance(item, Item):
            raise pb.Error("only items can be stored")
        self.items[key] = item
        return f"stored {key}"

    def perspective_retrieve(self, key):
        if key not in self.items:
            raise NoSuchKey(f"nothing is stored under {key!r}")
        return self.items[key]

    def perspective_list_keys(self):
        return sorted(self.items)


realm = CachingRealm(Store)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
