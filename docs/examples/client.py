"""
A client for the other examples: it logs in, calls one method and prints the answer.

It also prints the calls that the server makes to its mind.  The arguments of the method are Python
literals.  The client is plain Perspective Broker, and doesn't use pbrealm.

    python docs/examples/client.py greet
    python docs/examples/client.py --name bob --stay setperiod 0.5
    python docs/examples/client.py --root divide 10 4
"""

import argparse
import ast

from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.internet.task import react
from twisted.spread import pb


class Mind(pb.Referenceable):
    """A mind that accepts a call of any method, and prints it."""

    def remoteMessageReceived(self, broker, message, args, kw):
        print("told:", message, *broker.unserialize(args), flush=True)
        return broker.serialize(None)


def literal(text):
    """A Python literal that was given as an argument."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        raise argparse.ArgumentTypeError(
            f"{text} is no Python literal; write a string as \"'{text}'\""
        ) from None


def parse_options():
    parser = argparse.ArgumentParser(
        description="Call a method of a server, and print the answer."
    )
    parser.add_argument("--at", default="tcp:127.0.0.1:8787", metavar="ENDPOINT")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--name", default="alice")
    who.add_argument("--anonymous", action="store_true", help="log in without a name")
    who.add_argument("--root", action="store_true", help="don't log in, but call the root object")
    parser.add_argument("--password", default="secret")
    parser.add_argument(
        "--of",
        metavar="METHOD",
        help="call this method first, and then the other one on the object that it returns",
    )
    parser.add_argument(
        "--stay", action="store_true", help="stay connected until the server closes the connection"
    )
    parser.add_argument("method")
    parser.add_argument("arguments", nargs="*", type=literal)
    return parser.parse_args()


async def main(reactor, options):
    factory = pb.PBClientFactory()
    try:
        broker = await clientFromString(reactor, options.at).connect(factory)
    except Exception as why:
        raise SystemExit(f"can't connect to {options.at}: {why}") from None
    lost = Deferred()
    broker.notifyOnDisconnect(lambda: lost.callback(None))
    try:
        if options.root:
            reference = await factory.getRootObject()
        elif options.anonymous:
            reference = await factory.login(Anonymous(), Mind())
        else:
            credentials = UsernamePassword(options.name.encode(), options.password.encode())
            reference = await factory.login(credentials, Mind())
        # The login lasts as long as the client keeps this reference.
        called = reference
        if options.of:
            called = await reference.callRemote(options.of)
        print("answer:", await called.callRemote(options.method, *options.arguments), flush=True)
    except pb.RemoteError as error:
        print(f"{error.remoteType.decode()}: {error}", flush=True)
        options.stay = False
    if not options.stay:
        broker.transport.loseConnection()
    await lost


if __name__ == "__main__":
    react(main, [parse_options()])
