"""
Passing a call on to the object that is called.

Twisted's own methods for this log the arguments of a call whose method raises L{TypeError},
however long they are, and the failure is logged anyway.  Those here do as they do, but for that,
and for answers that wait until what they rest on is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Final

from twisted.spread import flavors, pb

from pbrealm._unsaved import STORES
from pbrealm._wire.held_answers import answer_when_saved
from pbrealm._wire.lazy_jelly import arguments_for, takes_lazy_jelly
from pbrealm._wire.sexp import Sexp


def receive_message(
    receiver: Callable[..., Any], broker: Any, message: str, args: Sexp, kw: Sexp
) -> Any:
    """
    Pass a call on.

    @param receiver: a C{remoteMessageReceived} or C{perspectiveMessageReceived}.
    @param args: jelly, also L{LazyJelly<pbrealm._wire.lazy_jelly.LazyJelly>}.
    @param kw: the same.
    @return: the jelly of the answer, or a L{Deferred<twisted.internet.defer.Deferred>} of it.
    """
    if isinstance(receiver, MethodType):
        own = _OWN.get(receiver.__func__)
        if own is not None:
            return own(receiver.__self__, broker, message, args, kw)
    if takes_lazy_jelly(receiver):
        # Passes the call on to a method of pbrealm's, which sees to the rest.
        return receiver(broker, message, args, kw)
    return answer_when_saved(broker, receiver, broker, message, *arguments_for(receiver, args, kw))


def _call_avatar(avatar: Any, broker: Any, message: str, args: Any, kw: Any) -> Any:
    args = broker.unserialize(args, avatar)
    kw = broker.unserialize(kw, avatar)
    method = getattr(avatar, f"perspective_{message}")
    if STORES.used:
        result = answer_when_saved(broker, method, *args, **kw)
    else:
        result = method(*args, **kw)
    return broker.serialize(result, avatar, method, args, kw)


def _call_referenceable(target: Any, broker: Any, message: str, args: Any, kw: Any) -> Any:
    args = broker.unserialize(args)
    kw = broker.unserialize(kw)
    names = kw.keys()
    if any(isinstance(name, bytes) for name in names):
        # Of a peer with Python 2.
        kw = {key.decode() if isinstance(key, bytes) else key: kw[key] for key in names}
    method = getattr(target, f"remote_{message}", None)
    if method is None:
        raise flavors.NoSuchMethod(f"No such method: remote_{message}")
    return broker.serialize(answer_when_saved(broker, method, *args, **kw), target.perspective)


def _call_view_point(view: Any, broker: Any, message: str, args: Any, kw: Any) -> Any:
    perspective = view.perspective
    args = broker.unserialize(args, perspective)
    kw = broker.unserialize(kw, perspective)
    method = getattr(view.object, f"view_{message}")
    result = answer_when_saved(broker, method, perspective, *args, **kw)
    return broker.serialize(result, perspective, method, args, kw)


def _call_cache(cache: Any, broker: Any, message: str, args: Any, kw: Any) -> Any:
    args = broker.unserialize(args)
    kw = broker.unserialize(kw)
    method = getattr(cache, f"observe_{message}")
    result = answer_when_saved(broker, method, *args, **kw)
    return broker.serialize(result, None, method, args, kw)


_OWN: Final[dict[Callable[..., Any], Callable[..., Any]]] = {
    pb.Avatar.perspectiveMessageReceived: _call_avatar,
    flavors.Referenceable.remoteMessageReceived: _call_referenceable,
    flavors.ViewPoint.remoteMessageReceived: _call_view_point,
    flavors.RemoteCache.remoteMessageReceived: _call_cache,
}
