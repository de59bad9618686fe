"""
Errors across the wire: what a client gets of an exception, and what the log gets.

What crosses is the name of the exception's class, the names of its base classes, and its text;
never the traceback, and never the exception itself.  A client tells errors apart by name, in a
Deferred's errback (failure.type, a bytes, or failure.check("builtins.ValueError")) or after an
await, where every one of them is a pb.RemoteError with its remoteType.

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
    """Any error of this bank that is the client's business."""


class InsufficientFunds(AccountError):
    """A pb.Error: one line for the client, and no traceback in the log."""


class Account(pb.Avatar):
    def __init__(self, name):
        self.balance = 100

    def perspective_withdraw(self, amount):
        if amount > self.balance:
            raise InsufficientFunds(f"there is {self.balance}, not {amount}")
        self.balance -= amount
        return self.balance

    def perspective_withdraw_later(self, amount):
        # The same by way of a Deferred: nothing changes for the client.
        return fail(InsufficientFunds(f"there is {self.balance}, not {amount}"))

    def perspective_share(self, amount, people):
        # An error that wasn't foreseen is turned into one that was meant for the client.
        try:
            return amount / people
        except ZeroDivisionError:
            raise AccountError("it takes somebody to share with") from None

    def perspective_fail(self):
        # Any other exception is taken for a mistake of the server's: the client gets its name
        # and its text all the same, and the log gets a traceback.
        raise ValueError("the account book is torn")


realm = CachingRealm(Account)

if __name__ == "__main__":
    serve(ServerFactory(Portal(realm, [accounts()])))
