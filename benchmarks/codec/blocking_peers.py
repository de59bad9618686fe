"""
The peers that block: Pyro5 and RPyC.

Run as L{benchmarks.codec.twisted_peers} is.

Pyro5 uses its own serializer, serpent, as its documentation recommends.  RPyC gives the other end
a proxy of a dictionary; for the dictionary itself, that end obtains it, which unpickles whatever
the peer sends.  So a peer can run any code: RPyC's rows of dictionaries are what that buys.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.codec.rows import ROWS, expected
from benchmarks.processes import say

Many = Callable[[int], None]


def serve_pyro() -> None:
    import Pyro5.api
    import serpent

    @Pyro5.api.expose
    class Target:
        def add(self, a: int, b: int) -> int:
            return a + b

        def echo(self, value: Any) -> Any:
            # Serpent delivers bytes in base 64.
            if type(value) is dict and value.keys() == {"data", "encoding"}:
                return serpent.tobytes(value)
            return value

    daemon = Pyro5.api.Daemon(host="127.0.0.1")
    say(str(daemon.register(Target())))
    daemon.requestLoop()


def connect_pyro(where: str) -> Callable[[str, tuple[Any, ...]], tuple[Any, Many]]:
    import Pyro5.api
    import serpent

    proxy = Pyro5.api.Proxy(where)

    def prepare(method: str, args: tuple[Any, ...]) -> tuple[Any, Many]:
        bound = getattr(proxy, method)
        raw = type(args[0]) is bytes

        def one() -> Any:
            return serpent.tobytes(bound(*args)) if raw else bound(*args)

        def many(count: int) -> None:
            batch = Pyro5.api.BatchProxy(proxy)
            for _ in range(count):
                getattr(batch, method)(*args)
            for answer in batch():
                if raw:
                    serpent.tobytes(answer)

        return one, many

    return prepare


RPYC = {"allow_pickle": True, "allow_public_attrs": True}


def serve_rpyc() -> None:
    import rpyc
    from rpyc.utils.classic import obtain
    from rpyc.utils.server import ThreadedServer

    class Target(rpyc.Service):
        def exposed_add(self, a: int, b: int) -> int:
            return a + b

        def exposed_echo(self, value: Any) -> Any:
            return obtain(value)

    server = ThreadedServer(Target, hostname="127.0.0.1", port=0, protocol_config=RPYC)
    say(str(server.port))
    server.start()


def connect_rpyc(where: str) -> Callable[[str, tuple[Any, ...]], tuple[Any, Many | None]]:
    import rpyc
    from rpyc.utils.classic import obtain

    connection = rpyc.connect("127.0.0.1", int(where), config=RPYC)

    def prepare(method: str, args: tuple[Any, ...]) -> tuple[Any, Many | None]:
        bound = getattr(connection.root, method)
        by_proxy = type(args[0]) in (dict, list)
        ahead = rpyc.async_(bound)

        def one() -> Any:
            return obtain(bound(*args)) if by_proxy else bound(*args)

        def many(count: int) -> None:
            for answer in [ahead(*args) for _ in range(count)]:
                answer.wait()

        # To obtain what a proxy stands for, the server calls back, one call within another.
        return one, None if by_proxy else many

    return prepare


def main(peer: str, role: str, where: str = "") -> None:
    if role == "serve":
        serve_pyro() if peer == "Pyro5" else serve_rpyc()
        return
    prepare: Any = connect_pyro(where) if peer == "Pyro5" else connect_rpyc(where)
    say("connected")
    for line in sys.stdin:
        row, in_flight, seconds = json.loads(line)
        method, args, _ = ROWS[row]
        one, many = prepare(method, args)
        answer = one()
        assert answer == expected(row), answer
        if in_flight > 1 and many is None:
            say(None)
            continue
        calls = 0
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            if in_flight == 1:
                one()
            else:
                many(in_flight)
            calls += in_flight
        say((calls, time.perf_counter() - start))


if __name__ == "__main__":
    main(*sys.argv[1:])
