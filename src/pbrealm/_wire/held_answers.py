"""
Answers that wait until what they rest on is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred, fail

from pbrealm._unsaved import STORES, UNSAVED, Unsaved
from pbrealm._wire.plain_copy import copy_plain


def answer_when_saved(method: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
    """
    Call a method that serves a client's call.

    Nearly always nothing has to be waited for, and this just calls it.

    @return: what it returns; or a L{Deferred<twisted.internet.defer.Deferred>} of that, or of what
        it has raised, which fires once all that the call has changed or read is saved.  That
        fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if any of it was undone.
    """
    if not STORES.used:
        result = method(*args, **kw)
        return Deferred.fromCoroutine(result) if type(result) is CoroutineType else result
    call = Unsaved()
    token = UNSAVED.set(call)
    try:
        result = method(*args, **kw)
        if type(result) is CoroutineType:
            result = Deferred.fromCoroutine(result)
    except BaseException:
        if not call:
            raise
        result = fail()
    finally:
        UNSAVED.reset(token)
    if isinstance(result, Deferred):
        return result.addBoth(_wait, call)
    return _wait(result, call) if call else result


def _wait(result: Any, call: Unsaved) -> Any:
    if not call.is_pending():
        return result
    # Others may change it until the answer is sent.
    held = copy_plain(result)
    return call.saved().addCallback(lambda _: held)
