"""
State that survives a crash: the howto's greeter, whose count goes on after a restart.

This is shared_state.py with a store.  The state is a StoredDict, a mapping whose changes are saved
in a file.  The answer with a number leaves once the number is on the disk, so no number is given
twice, even if the process is killed.

    python docs/examples/stored_greeter.py [ENDPOINT [FILE]]
    python docs/examples/client.py greet   (then kill the server with SIGKILL, and start it again)
"""

import sys

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import ServerFactory, SharedStateRealm
from pbrealm.store import SQLiteStore


class User(pb.Avatar):
    """The avatar: one for each login."""

    def __init__(self, name, state):
        self.name = name
        self.state = state
        self.language = "en"

    def perspective_speak(self, language):
        if language not in ("en", "fr"):
            raise pb.Error(f"no greeting in {language!r}")
        self.language = language

    def perspective_greet(self):
        hello = {"en": "hello", "fr": "bonjour"}[self.language]
        self.state["greetings"] = number = self.state.get("greetings", 0) + 1
        return f"{hello} {self.name}, greeting number {number}"


if __name__ == "__main__":
    store = SQLiteStore(sys.argv[2] if len(sys.argv) > 2 else "greeter.db")
    realm = SharedStateRealm(avatar_factory=User, state_factory=store.load, linger=60)
    serve(ServerFactory(Portal(realm, [accounts()])))
