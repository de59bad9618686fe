"""
What options name, and a parser for them.
"""

from twisted.cred.portal import IRealm
from zope.interface import implementer

from pbrealm._command.options import Options


@implementer(IRealm)
class HandWritten:
    def requestAvatar(self, avatarId, mind, *interfaces):
        raise NotImplementedError


class Avatar:
    pass


def broken():
    raise ValueError("not today\nnor tomorrow")


REALM = HandWritten()
NUMBER = 3

HERE = __name__
"""Where the command finds them by their names."""

AVATAR = f"{HERE}.Avatar"
AUTH = ("--auth", "memory:alice:secret")
PLAIN = ("--avatar", AVATAR, *AUTH)


def parse(*arguments):
    options = Options()
    options.parseOptions(arguments)
    return options
