"""
What C{twistd pbrealm} and C{twist pbrealm} load: the names that Twisted looks for in a plugin.
"""

from pbrealm._command.options import Options, makeService

__all__ = ["Options", "makeService"]
