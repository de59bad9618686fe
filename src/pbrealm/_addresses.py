"""
Addresses as people write them.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress


def format_address(address: IAddress | None) -> str:
    """An address as text: C{127.0.0.1:8787}, C{[::1]:8787}, or Twisted's own form."""
    match address:
        case None:
            return "an unknown address"
        case IPv4Address():
            return f"{address.host}:{address.port}"
        case IPv6Address():
            return f"[{address.host}]:{address.port}"
        case _:
            return str(address)
