"""
A site of the administration, and clients that write to it byte by byte.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pbrealm.admin._access import Access, Exposure
from pbrealm.admin._operations import Call, Operation, Parameter, Reply, Stream, json_reply
from pbrealm.admin._pace import BURST
from pbrealm.admin._problems import Problem
from pbrealm.admin._resource import ApiResource
from pbrealm.admin._site import AdminSite
from tests.admin.memory_http import HOST, MemoryHTTP

TOKEN = b"0123456789abcdef"


BEARER = f"Bearer {TOKEN.decode()}"


class SiteTestCase(SynchronousTestCase):
    """
    A site with a few operations.
    """

    token: bytes | None = None

    def setUp(self) -> None:
        self.clock = Clock()
        self.calls: list[Call] = []
        self.waiting: list[Deferred[Any]] = []
        self.cancelled: list[Deferred[Any]] = []
        number = {"type": "integer", "minimum": 1}
        text = {"type": "object", "properties": {"text": {"type": "string"}}}
        operations = [
            Operation("GET", "/open", "", self.show, public=True),
            Operation("GET", "/things", "", self.show, query=[Parameter("n", number, "")]),
            Operation("GET", "/things/{id}", "", self.show, {"id": number}),
            Operation(
                "DELETE",
                "/things/{id}",
                "",
                self.show,
                {"id": number},
                body=text,
                body_required=False,
            ),
            Operation(
                "POST",
                "/names/{name}/kick",
                "",
                self.show,
                {"name": {"type": "string"}},
                body=text,
            ),
            Operation("GET", "/slow", "", self.wait),
            Operation("GET", "/work", "", self.work),
            Operation("GET", "/open_work", "", self.work, public=True),
            Operation("GET", "/broken", "", self.fail_to),
            Operation("GET", "/stream", "", lambda call: Stream("text/plain", self.stream)),
            Operation("GET", "/problem", "", self.refuse),
        ]
        access = Access(HOST, Exposure.MACHINE, self.token)
        resource = ApiResource(operations, self.clock)
        resource.access = access
        self.site = AdminSite(resource, self.clock)

    def show(self, call: Call) -> Reply:
        self.calls.append(call)
        return json_reply({"parameters": call.parameters, "body": call.body})

    async def wait(self, call: Call) -> Reply:
        awaited: Deferred[Reply] = Deferred(self.cancelled.append)
        self.waiting.append(awaited)
        return await awaited

    def work(self, call: Call) -> Reply:
        # This takes long.
        self.clock.rightNow += 2 * BURST
        return self.show(call)

    def fail_to(self, call: Call) -> Reply:
        raise ZeroDivisionError("oops")

    def refuse(self, call: Call) -> Reply:
        raise Problem(409, "not now")

    def stream(self, request: Any) -> None:
        self.streamed = request
        request.write(b"begun")

    def connect(self) -> MemoryHTTP:
        return MemoryHTTP(self.site, self.clock)

    def ask(self, method: str, path: str, body: object = None, **kw: Any) -> Any:
        connection = self.connect()
        response = connection.ask(method, path, body, **kw)
        connection.lose()
        return response
