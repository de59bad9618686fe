"""
The error that ends the command where it can't start.
"""


class CannotStart(SystemExit, Exception):
    """
    The server can't be started: ends the process with a message and exit status 1.

    The parent of a daemon shows 100 bytes of the message only.

    As a L{SystemExit} it's shown without a traceback.  As an L{Exception} it makes C{twistd}
    remove its pidfile, and makes a daemon report the message to its parent process.
    """
