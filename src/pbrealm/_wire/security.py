"""
Whether Twisted would treat plain data as such, by the security options and the classes known.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.spread.jelly import (
    SecurityOptions,
    unjellyableFactoryRegistry,
    unjellyableRegistry,
)

from pbrealm._wire.decode import PLAIN_ATOMS

_STOCK_RULE: Final = SecurityOptions.isTypeAllowed


def has_default_type_rule(security: Any) -> bool:
    """
    Whether this asks of a type no more than to be listed, or to have a dot in its name.

    Such a rule lets jelly send all that is plain data.
    """
    return getattr(security.isTypeAllowed, "__func__", None) is _STOCK_RULE


def may_decode_plain(security: Any) -> bool:
    """
    Whether jelly, by these security options and the classes registered now, would make of plain
    data what L{decode_plain<pbrealm._wire.decode.decode_plain>} makes of it.
    """
    types = security.allowedTypes if has_default_type_rule(security) else {}
    # All that is public only adds to these, so their sizes tell whether they have changed.
    asked = (types, len(types), len(unjellyableRegistry), len(unjellyableFactoryRegistry))
    if _latest.asked != asked:
        _latest.asked = asked
        _latest.answer = (
            types.keys() >= PLAIN_ATOMS
            and unjellyableRegistry.keys().isdisjoint(PLAIN_ATOMS)
            and unjellyableFactoryRegistry.keys().isdisjoint(PLAIN_ATOMS)
        )
    return _latest.answer


class _Latest:
    """
    The last question, which is nearly always the next one, and its answer.
    """

    asked: tuple[object, ...] = ()
    answer = False


_latest: Final = _Latest()
