"""
The dashboard and the alert rules, with a real Prometheus that asks a real server.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from typing import Any

import treq
from twisted.internet import reactor
from twisted.spread import pb
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from twisted.web.client import Agent, HTTPConnectionPool

from tests.documents import blocks
from tests.integration.command_case import CommandTestCase, Server
from tests.integration.plain_client import Mind
from tests.integration.processes import ANY_PORT, ROOT, Process
from tests.integration.waiting import wait_until

OPERATION = ROOT / "docs" / "operation"
DASHBOARD = json.loads(OPERATION.joinpath("dashboard.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES: dict[str, dict[str, Any]] = {
    each["name"]: each for each in DASHBOARD["templating"]["list"]
}
TOKEN = "0123456789abcdef"

# Seconds between two scrapes, and that rates look back.  A rate needs two scrapes.
SCRAPE, WINDOW = 1, 300

_SELECTOR = re.compile(r"\b(?:(?:pbrealm|process)_\w+|up\b)(?:\{[^}]*\})?")


class LayoutTests(SynchronousTestCase):
    def test_panels(self):
        """They have names, units, and a place of their own, and fit a screen and a half."""
        taken: set[tuple[int, int]] = set()
        for panel in PANELS:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertEqual(taken & cells, set(), panel["title"])
            taken |= cells
            self.assertTrue(panel["title"] and panel["description"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
        # Grafana's grid is 24 wide, and a screen shows some 26 of its rows.
        self.assertEqual(taken, {(x, y) for x in range(24) for y in range(36)})
        self.assertEqual([each["id"] for each in PANELS], [*range(1, len(PANELS) + 1)])

    def test_variables(self):
        """All panels show what is chosen."""
        self.assertEqual(
            {name: each["type"] for name, each in VARIABLES.items()},
            {"datasource": "datasource", "job": "query", "instance": "query"},
        )
        chosen = {"type": "prometheus", "uid": "${datasource}"}
        for each in (VARIABLES["job"], VARIABLES["instance"], *PANELS, *targets()):
            self.assertEqual(each["datasource"], chosen)
        for target in targets():
            expression = target["expr"]
            selectors = _SELECTOR.findall(expression)
            self.assertTrue(selectors)
            for selector in selectors:
                self.assertRegex(selector, r'\{job=~"\$job",instance=~"\$instance"', expression)

    def test_what_is_counted_is_shown_as_a_rate(self):
        for target in targets():
            for counter in re.findall(r"\w+_(?:total|bucket)\b", target["expr"]):
                self.assertRegex(
                    target["expr"], rf"rate\({counter}\{{[^}}]*\}}\[\$__rate_interval\]\)"
                )


def targets() -> list[dict[str, Any]]:
    """The queries of all panels."""
    return [target for panel in PANELS for target in panel["targets"]]


class Prometheus:
    """
    A Prometheus that runs.
    """

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self._base = f"http://127.0.0.1:{port}/api/v1"
        self._agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))

    async def ask(self, path: str, **parameters: str) -> Any:
        """Ask its API, which must answer."""
        response = await treq.get(f"{self._base}/{path}", params=parameters, agent=self._agent)
        answer = json.loads(await treq.content(response))
        if response.code != 200:
            raise AssertionError(f"{parameters}: {answer['error']}")
        return answer["data"]

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """
        Ask for the present value of an expression.

        @return: the labels and the value of each series that has one.
        @raise AssertionError: if the expression can't be parsed.
        """
        series = (await self.ask("query", query=expression))["result"]
        found = [(each["metric"], float(each["value"][1])) for each in series]
        return [each for each in found if math.isfinite(each[1])]

    async def wait_for(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Wait until an expression has a value."""
        return await self.process.wait_until(
            lambda: self.query(expression), bool, f"a value of {expression}"
        )


class PrometheusTests(CommandTestCase):
    def setUp(self) -> None:
        if shutil.which("prometheus") is None:
            raise SkipTest("prometheus is missing: install Debian's package of this name")
        super().setUp()

    async def scrape(self, server: Server, port: str) -> Prometheus:
        """Start a Prometheus with the configuration of the document, but for the times."""
        (configuration,) = blocks("docs/operation.md", "yaml")
        for documented, real in (
            ("/etc/prometheus/pbrealm.token", f"{self.directory}/token"),
            ("127.0.0.1:8788", f"127.0.0.1:{port}"),
        ):
            self.assertIn(documented, configuration)
            configuration = configuration.replace(documented, real)
        times = f"global: {{scrape_interval: {SCRAPE}s, evaluation_interval: {SCRAPE}s}}\n"
        self.write("prometheus.yml", times + configuration)
        shutil.copy(OPERATION / "alerts.yml", self.directory)
        process = self.stop_after_test(
            Process(
                [
                    shutil.which("prometheus"),
                    "--config.file=prometheus.yml",
                    "--storage.tsdb.path=data",
                    "--web.listen-address=127.0.0.1:0",
                ],
                self.directory,
            )
        )
        match = await process.wait_for(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')
        await process.wait_for("Server is ready to receive web requests")
        return Prometheus(process, int(match[1]))

    async def keep_busy(self, server: Server) -> None:
        """Have something of each kind happen."""
        client = await self.connect(server)
        leaving = await client.login("alice", mind=Mind())
        await self.log_in(server, "alice", mind=Mind())
        await self.refusal(server, "alice")
        await leaving.callRemote("greet")
        with self.assertRaises(pb.RemoteError):
            await leaving.callRemote("nothing")
        await client.disconnect()
        # From the fourth on they have to wait.
        for _ in range(4):
            await self.refusal(server, "bob", "wrong")

    async def test_queries(self):
        """Each is understood, and shows what has happened at the server."""
        self.write("token", TOKEN)
        server = await self.serve("--demo", "--admin", ANY_PORT, "--admin-token", "token")
        match = await server.process.wait_for(r"administration listens on 127\.0\.0\.1:(\d+)")
        prometheus = await self.scrape(server, match[1])
        # What happens before the first scrape is in no rate.
        await prometheus.wait_for("pbrealm_logins_total == 0")
        await self.keep_busy(server)
        await self.check_dashboard(prometheus, f"127.0.0.1:{match[1]}")
        await self.check_rules(prometheus)
        await server.process.stop()
        ((down, _),) = await prometheus.wait_for('ALERTS{alertname="PbrealmDown"}')
        self.assertEqual(down["alertstate"], "pending")

    async def check_dashboard(self, prometheus: Prometheus, instance: str) -> None:
        """All of its queries have values, with the labels that their legends show."""
        for name, expected in (("job", "pbrealm"), ("instance", instance)):
            query = VARIABLES[name]["query"]["query"].replace("$job", "pbrealm")
            offered = re.fullmatch(r"label_values\(([^ ]+), (\w+)\)", query)
            assert offered is not None
            metric, label = offered.groups()
            values = await prometheus.ask(f"label/{label}/values", **{"match[]": metric})
            self.assertEqual(values, [expected])
        # As Grafana writes what is chosen into a regular expression in a string.
        chosen = re.escape(instance).replace("\\", "\\\\")
        for target in targets():
            expression = target["expr"].replace("$instance", chosen).replace("$job", "pbrealm")
            expression = expression.replace("$__rate_interval", f"{WINDOW}s")
            self.assertNotIn("$", expression)
            found = await prometheus.wait_for(expression)
            for name in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                self.assertTrue(all(labels[name] for labels, _ in found), expression)
            if "{{" not in target["legendFormat"]:
                self.assertEqual(len(found), 1, expression)

    async def check_rules(self, prometheus: Prometheus) -> None:
        """All of them are evaluated, and all that they ask for is there."""

        async def rules() -> list[dict[str, Any]]:
            groups = (await prometheus.ask("rules"))["groups"]
            return [rule for group in groups for rule in group["rules"]]

        found = await wait_until(
            rules,
            lambda rules: all(rule["health"] != "unknown" for rule in rules),
            "all rules are evaluated",
        )
        alerts = re.findall(r"alert: (\w+)", OPERATION.joinpath("alerts.yml").read_text("utf-8"))
        self.assertEqual([rule["name"] for rule in found], alerts)
        for rule in found:
            self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""), rule)
            selectors = _SELECTOR.findall(rule["query"])
            self.assertTrue(selectors)
            for selector in selectors:
                self.assertTrue(await prometheus.query(selector), selector)
