"""
Addresses as people write them.
"""

from __future__ import annotations

from os import fsdecode

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from pbrealm._log_text import escape


def format_address(address: IAddress | None) -> str:
    """
    An address as text: C{127.0.0.1:8787}, C{[::1]:8787}, C{unix:a.sock}, or Twisted's own form.
    """
    match address:
        case None:
            return "an unknown address"
        case IPv4Address():
            return f"{address.host}:{address.port}"
        case IPv6Address():
            return f"[{address.host}]:{address.port}"
        case UNIXAddress():
            # Clients have no name.
            return f"unix:{escape(fsdecode(address.name))}" if address.name else "unix socket"
        case _:
            return str(address)
