"""
Answers that wait until what they rest on is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from pbrealm._unsaved import STORES, UNSAVED, Account, Unsaved
from pbrealm._wire.kept import Kept


def answer_when_saved(broker: Any, method: Callable[..., Any], /, *args: Any, **kw: Any) -> Any:
    """
    Call a method that serves a client's call.

    Nearly always nothing has to be waited for, and this just calls it.

    @param broker: of the client.

    @return: what it returns; or a L{Deferred<twisted.internet.defer.Deferred>} of that, or of what
        it has raised, which fires once all that the call has changed or read is saved.  That
        fails with L{SaveFailed<pbrealm.errors.SaveFailed>} if any of it was undone.
    """
    if not STORES.used:
        result = method(*args, **kw)
        return Deferred.fromCoroutine(result) if type(result) is CoroutineType else result
    if isinstance(broker, Account):
        call = Unsaved(broker, broker.message_memory)
    else:
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
    if call:
        return _wait(result, call)
    call.returned = True
    return result


def _wait(result: Any, call: Unsaved) -> Any:
    call.returned = True
    if not call.answer_waits():
        return result
    # Others may change it until the answer is sent.
    kept = Kept(result)

    def saved(why: Failure | None) -> Any:
        return kept.thing if why is None else why

    return call.counted(call.saved_for_answer(), kept.size).addBoth(saved)
