"""
Shared state under an avatar of one's own: each login gets a new avatar, which can keep what
concerns this client only, over a greeter that all of alice's clients share.

The howto's greeter formats two values into one place, of which it doesn't have the second: the
name belongs to the avatar.  Here the greeter counts, and the avatar words the greeting.

    python docs/examples/shared_state.py [ENDPOINT]
    python docs/examples/client.py greet
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.spread import pb

from pbrealm import ServerFactory, SharedStateRealm


class Greeter:
    """The state: one for each avatar id."""

    def __init__(self, name):
        self.greetings = 0

    def next_number(self):
        self.greetings += 1
        return self.greetings


class Visitor(pb.Avatar):
    """The avatar: one for each login."""

    def __init__(self, name, greeter):
        self.name = name
        self.greeter = greeter
        self.language = "en"

    def perspective_speak(self, language):
        if language not in ("en", "fr"):
            raise pb.Error(f"no greeting in {language!r}")
        self.language = language

    def perspective_greet(self):
        hello = {"en": "hello", "fr": "bonjour"}[self.language]
        return f"{hello} {self.name}, greeting number {self.greeter.next_number()}"


realm = SharedStateRealm(avatar_factory=Visitor, state_factory=Greeter)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
