"""
A calculator: an object that any client can call without a login.

This program is plain Perspective Broker.  It doesn't use pbrealm, since without logins there are
no sessions.  See authenticated.py for a server with logins.

    python docs/examples/calculator.py [ENDPOINT]
    python docs/examples/client.py --root divide 10 4
"""

from serving import serve
from twisted.spread import pb


class DivisionByZero(pb.Error):
    """
    The client tried to divide by zero.

    PB sends the name and the text of a pb.Error to the client, and logs no traceback for it.
    """


class Arithmetic(pb.Referenceable):
    def remote_add(self, a, b):
        return a + b

    def remote_multiply(self, a, b):
        return a * b

    def remote_divide(self, a, b):
        if b == 0:
            raise DivisionByZero(f"{a} can't be divided by zero")
        return a / b


class Calculator(pb.Root):
    def rootObject(self, broker):
        return Arithmetic()


if __name__ == "__main__":
    serve(pb.PBServerFactory(Calculator()))
