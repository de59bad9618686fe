"""
A player of a game, whose gold and items survive a crash.

Each player's state is in a store, from which it is loaded when the player logs in, and dropped
from memory a minute after the last client has left.  A trade changes the states of two players,
one of whom needn't be there; both changes are saved together, or neither is.

    python docs/examples/stored_player.py [ENDPOINT [FILE]]
    python docs/examples/client.py --name bob status
    python docs/examples/client.py give "'bob'" 3
"""

import sys

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import ServerFactory, SharedStateRealm
from pbrealm.store import SQLiteStore

PRICES = {"sword": 7, "torch": 1}


class Player(pb.Avatar):
    """The avatar: one for each login."""

    def __init__(self, name, state, store):
        self.name = name
        self.state = state
        self.store = store
        # The state of a new player is empty.
        state.setdefault("gold", 10)

    def pay(self, gold):
        if type(gold) is not int or not 0 < gold <= self.state["gold"]:
            raise pb.Error(f"you have {self.state['gold']} gold, and can't pay {gold!r}")
        self.state["gold"] -= gold

    def perspective_status(self):
        # PB sends a plain dict, not a live copy.
        return dict(self.state)

    def perspective_buy(self, item):
        if item not in PRICES:
            raise pb.Error(f"there is no {item!r} to buy")
        self.pay(PRICES[item])
        # A change within a value isn't noticed, so this assigns a new value.
        self.state["items"] = [*self.state.get("items", []), item]
        return self.state["items"]

    async def perspective_give(self, name, gold):
        if not isinstance(name, str):
            raise pb.Error("a name is a string")
        other = await self.store.load(name)
        if not other:
            raise pb.Error(f"there is no player {name!r}")
        # From here to the end nothing waits, so both changes are saved together.
        self.pay(gold)
        other["gold"] += gold
        return self.state["gold"]


if __name__ == "__main__":
    store = SQLiteStore(sys.argv[2] if len(sys.argv) > 2 else "players.db")
    realm = SharedStateRealm(
        avatar_factory=lambda name, state: Player(name, state, store),
        state_factory=store.load,
        linger=60,
    )
    serve(ServerFactory(Portal(realm, [accounts()])))
