"""
A data service that stores items.  The items are copied in both directions.

Each account has a store, which is the avatar.  The avatar is cached, so all clients of alice see
the same items, and alice finds them again at her next login.

The client has to register a class for the items, and to send them under the same name:

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
        # The default is the class's name with its module, which would be __main__ here.
        return b"pbrealm.examples.Item"

    def setCopyableState(self, state):
        # The state comes from the client, so take only the attributes that an item has.
        self.name = state["name"]
        self.value = state["value"]


pb.setUnjellyableForClass("pbrealm.examples.Item", Item)


class NoSuchKey(pb.Error):
    """There is no item with this key."""


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
