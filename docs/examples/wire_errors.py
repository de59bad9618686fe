"""
Errors: what the client gets when a method raises an exception, and what the server logs.

PB sends the name of the exception's class, the names of its base classes, and its text.  It sends
neither the traceback nor the exception object.  The client distinguishes errors by name.  In an
errback, use failure.type, which is bytes, or failure.check("builtins.ValueError").  After an
await, each error is a pb.RemoteError, and its remoteType is the name.

    python docs/examples/wire_errors.py [ENDPOINT]
    python docs/examples/client.py withdraw 500
    python docs/examples/client.py fail
"""

from serving import accounts, serve
from twisted.cred.portal import Portal
from twisted.internet.defer import fail
from twisted.spread import pb

from pbrealm import CachingRealm, ServerFactory


class AccountError(pb.Error):
    """An error that is meant for the client."""


class InsufficientFunds(AccountError):
    """As a pb.Error, this is sent to the client, and the server logs no traceback."""


class Account(pb.Avatar):
    def __init__(self, name):
        self.balance = 100

    def perspective_withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(f"there is {self.balance}, not {amount}")
        self.balance -= amount
        return self.balance

    def perspective_withdraw_later(self, amount):
        # A failed Deferred has the same result for the client.
        return fail(InsufficientFunds(f"there is {self.balance}, not {amount}"))

    def perspective_share(self, amount, people):
        # Turn an error of the calculation into one that is meant for the client.
        try:
            return amount / people
        except ZeroDivisionError:
            raise AccountError("the number of people must not be zero") from None

    def perspective_fail(self):
        # Any other exception counts as an error of the server.  The client gets its name and its
        # text, and the server logs a traceback.
        raise ValueError("the account book is torn")


realm = CachingRealm(Account)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
