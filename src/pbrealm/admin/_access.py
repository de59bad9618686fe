"""
Who may ask the API: by the socket, the token, and what a browser says of the page that asks.
"""

from __future__ import annotations

import hmac
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.protocols.tls import TLSMemoryBIOFactory

from pbrealm._addresses import format_address
from pbrealm._log_text import log_text
from pbrealm.admin._problems import Problem

MIN_TOKEN: Final = 16
"""Characters of the shortest token."""

_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST: Final = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


class Exposure(Enum):
    """Who can connect to an address."""

    OWNER = "those whom the permissions of a UNIX socket let"
    MACHINE = "all users of the machine"
    NETWORK = "all who reach the machine"


def exposure_of(address: IAddress) -> Exposure:
    """
    Who can connect to an address that is listened at.
    """
    if isinstance(address, UNIXAddress):
        return Exposure.OWNER if _is_protected(address.name) else Exposure.MACHINE
    if isinstance(address, (IPv4Address, IPv6Address)):
        return (
            Exposure.MACHINE
            if ip_address(address.host.partition("%")[0]).is_loopback
            else Exposure.NETWORK
        )
    return Exposure.NETWORK


def _is_protected(path: bytes | None) -> bool:
    # A name in Linux's abstract namespace begins with a null byte, and has no permissions.
    if not path or path.startswith(b"\0"):
        return False
    try:
        return not os.stat(path).st_mode & stat.S_IWOTH
    except OSError:
        return False


def is_tls(port: Any) -> bool:
    """Whether what is accepted at a listening port is encrypted by TLS."""
    return isinstance(getattr(port, "factory", None), TLSMemoryBIOFactory)


def check_exposure(
    address: IAddress, *, tls: bool, token: bytes | None, insecure: bool
) -> Exposure:
    """
    Check that an address may be listened at.

    @raise ValueError: with one sentence, if everybody could get in, or read the token.
    """
    exposure = exposure_of(address)
    where = format_address(address)
    if exposure is Exposure.NETWORK and token is None:
        raise ValueError(
            f"the administration needs a token to listen on {where}, which isn't a loopback "
            "address"
        )
    if exposure is Exposure.NETWORK and not tls and not insecure:
        raise ValueError(
            f"the administration needs TLS to listen on {where}, which isn't a loopback address, "
            "unless it is to be insecure"
        )
    return exposure


def check_token(token: str | bytes | None) -> bytes | None:
    """
    Check a token.

    @raise ValueError: with one sentence, if it's too short, or can't be in a header.
    @raise TypeError: if it isn't a string.
    """
    if token is None:
        return None
    if not isinstance(token, (str, bytes)):
        raise TypeError("token must be a string, bytes or None")
    encoded = token.encode("utf-8") if isinstance(token, str) else token
    if len(encoded) < MIN_TOKEN:
        raise ValueError(f"token must have {MIN_TOKEN} characters or more")
    if not all(0x21 <= byte <= 0x7E for byte in encoded):
        raise ValueError("token must be of printable ASCII characters without spaces")
    return encoded


def is_host(name: str) -> bool:
    """Whether this is the name or the address of a host, as browsers send it, without a port."""
    return _without_port(name.lower()) == name.lower() != ""


@dataclass(frozen=True)
class Headers:
    """The headers of a request that say who asks; L{None} for those that aren't there."""

    authorization: bytes | None = None
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None


class Access:
    """
    Decides whether a request is answered.
    """

    def __init__(
        self, address: IAddress, exposure: Exposure, token: bytes | None, hosts: Iterable[str] = ()
    ) -> None:
        """
        @param address: what is listened at.
        @param hosts: further names of it.
        """
        self._token = None if exposure is Exposure.OWNER else token
        names = {name.lower() for name in hosts} | _LOCAL_NAMES
        if isinstance(address, IPv4Address):
            names.add(address.host)
        elif isinstance(address, IPv6Address):
            names.add(f"[{address.host}]")
        self._names = names

    @property
    def needs_token(self) -> bool:
        """Whether those who ask need a token."""
        return self._token is not None

    def check_browser(self, headers: Headers) -> None:
        """
        Check that no page of another site asks, by way of the browser of somebody who may.

        @raise Problem: if the host isn't a name of this one, or the origin is another.
        """
        host = (headers.host or "").lower()
        if _without_port(host) not in self._names:
            raise Problem(
                403,
                f"this isn't {log_text(host) or 'a host without a name'}: ask for localhost, the "
                "address that the administration listens at, or one of its hosts",
            )
        if headers.origin is not None and headers.origin.lower().partition("://")[2] != host:
            raise Problem(403, f"pages of {log_text(headers.origin)} may not ask")

    def check(self, headers: Headers) -> None:
        """
        Check what isn't for everybody, after L{check_browser}.

        @raise Problem: if there is no token or a wrong one, or another site's page asks.
        """
        # Requests of other pages for images and the like have no origin.
        if headers.fetch_site not in (None, "same-origin", "none"):
            raise Problem(403, "pages of other sites may not ask")
        if self._token is None:
            return
        scheme, _, given = (headers.authorization or b"").partition(b" ")
        if scheme.lower() != b"bearer":
            raise Problem(
                401, "a token is needed: Authorization: Bearer TOKEN", WWW_Authenticate="Bearer"
            )
        if not hmac.compare_digest(given.strip(), self._token):
            raise Problem(
                401, "the token is wrong", WWW_Authenticate='Bearer error="invalid_token"'
            )


def _without_port(host: str) -> str:
    """The name or address of a host; nothing if it isn't one."""
    found = _HOST.fullmatch(host)
    return "" if found is None else found[1]
