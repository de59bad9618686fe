"""
The calculator: an object that anybody may call who can connect, without a login.

It is plain Perspective Broker, and uses nothing of pbrealm: where all the clients are nobody in
particular, there are no sessions.  authenticated.py is the next step.

    python docs/examples/calculator.py [ENDPOINT]
    python docs/examples/client.py --root divide 10 4
"""

from serving import serve
from twisted.spread import pb


class DivisionByZero(pb.Error):
    """
    What a client gets for dividing by nothing.

    Being a pb.Error, it crosses the wire with its one line of text and its name, and leaves no
    traceback in the log: it isn't the server that did something wrong.
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
