"""
Whether jelly, with given security options, would treat plain data as plain data.
"""

from __future__ import annotations

from types import MethodType
from typing import Final

from twisted.spread.jelly import (
    SecurityOptions,
    unjellyableFactoryRegistry,
    unjellyableRegistry,
)

from pbrealm._wire.decode import PLAIN_ATOMS

_DEFAULT_TYPE_RULE: Final = SecurityOptions.isTypeAllowed


def has_default_type_rule(security: SecurityOptions) -> bool:
    """
    Whether security options use Twisted's rule for types: a type is allowed if it's listed, or if
    its name has a dot.

    With this rule jelly may send all plain data.
    """
    if type(security) is SecurityOptions and "isTypeAllowed" not in security.__dict__:
        # Nearly always, and at half of what a bound method takes: each call asks.
        return SecurityOptions.isTypeAllowed is _DEFAULT_TYPE_RULE
    rule = security.isTypeAllowed
    return isinstance(rule, MethodType) and rule.__func__ is _DEFAULT_TYPE_RULE


def may_decode_plain(security: SecurityOptions) -> bool:
    """
    Whether jelly would unjelly plain data to what
    L{decode_plain<pbrealm._wire.decode.decode_plain>} makes of it.

    This is so if the security options allow all its types, and no class is registered for any.
    """
    types = security.allowedTypes if has_default_type_rule(security) else {}
    # Twisted's public functions only add to these tables, so a change shows in their sizes.
    key = (types, len(types), len(unjellyableRegistry), len(unjellyableFactoryRegistry))
    if _memo.key != key:
        _memo.key = key
        _memo.result = (
            types.keys() >= PLAIN_ATOMS
            and unjellyableRegistry.keys().isdisjoint(PLAIN_ATOMS)
            and unjellyableFactoryRegistry.keys().isdisjoint(PLAIN_ATOMS)
        )
    return _memo.result


class _Memo:
    """The last key and its result.  Nearly all brokers of a process share their options."""

    key: tuple[object, ...] = ()
    result = False


_memo: Final = _Memo()
