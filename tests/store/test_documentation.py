"""
What docs/store.md says of the store is so.
"""

import re

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import pbrealm.client
import pbrealm.store
from pbrealm.store import Store
from pbrealm.testing import MemoryServer, MemoryStorage
from tests.documents import ROOT, run_block


class DocumentTests(SynchronousTestCase):
    def test_player(self):
        """The example's answers are saved, and a state outlives its server."""
        storage = MemoryStorage()
        for expected in (5, 10):
            clock = Clock()
            names = run_block("docs/store.md", "perspective_earn")
            store = Store(storage, clock=clock)
            realm = names["SharedStateRealm"](names["Player"], store.load)
            server = MemoryServer(realm, clock=clock)
            alice = server.connect()
            reference = alice.login("alice", "secret")
            storage.hold()
            answer = reference.callRemote("earn", 5)
            server.flush()
            self.assertNoResult(answer)
            storage.release()
            server.flush()
            self.assertEqual(self.successResultOf(answer), expected)

    def test_give(self):
        clock = Clock()
        store = Store(MemoryStorage(), clock=clock)
        names = run_block("docs/store.md", "perspective_give", {"store": store})

        class Player:
            state = self.successResultOf(store.load("alice"))

        Player.state["gold"] = 5
        given = Deferred.fromCoroutine(names["perspective_give"](Player(), "bob", 3))
        clock.advance(0)
        self.successResultOf(given)
        bob = self.successResultOf(store.load("bob"))
        self.assertEqual((dict(Player.state), dict(bob)), ({"gold": 2}, {"gold": 3}))

    def test_states_of_games(self):
        """Players share a game, whose name a player may have, and see their own hands."""
        clock = Clock()
        names = run_block("docs/store.md", "class State(StoredDict)")
        storage = MemoryStorage()
        names["store"] = Store(storage, state_class=names["State"], clock=clock)
        server = MemoryServer(
            names["realm"], dict.fromkeys(["alice", "game:whist"], "secret"), clock=clock
        )
        copies = []
        for name, card in (("alice", "ace"), ("game:whist", "king")):
            client = server.connect()
            player = client.login(name, "secret")
            copies.append(client.call(player, "join", "whist"))
            client.call(player, "take", card)
        server.flush()
        self.assertEqual(
            [dict(copy) for copy in copies],
            [{"hand of alice": ("ace",)}, {"hand of game:whist": ("king",)}],
        )
        self.assertEqual(sorted(storage.rows), ["game:whist", "player:alice", "player:game:whist"])

    def test_names(self):
        """Each name of the store is documented, but for what only storages need."""
        document = (ROOT / "docs" / "store.md").read_text("utf-8")
        written = set(re.findall(r"`(\w+)", document))
        self.assertEqual(set(pbrealm.store.__all__) - written, {"Contents", "decode_rows"})
