"""
The plugin C{twistd pbrealm} and C{twist pbrealm}: the names that Twisted looks for in it.
"""

from pbrealm._command.options import Options
from pbrealm._command.service import makeService

__all__ = ["Options", "makeService"]
