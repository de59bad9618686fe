"""
State that all clients of an account share, and an avatar for each login.

The avatar holds what concerns only its own client: here, the language.  The state holds what all
clients of the account share: here, the number of greetings.

The howto's greeter has a mistake: it formats two values with a string that has one placeholder,
and uses a name that only the avatar has.  Here the state counts, and the avatar makes the text.

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


class User(pb.Avatar):
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


realm = SharedStateRealm(avatar_factory=User, state_factory=Greeter)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
