"""
What Prometheus' own tool says of the metrics, the alert rules and the document.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor
from twisted.trial.unittest import SkipTest
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from tests.documents import blocks
from tests.integration.plain_client import Mind
from tests.integration.processes import ROOT, Process
from tests.integration.test_admin import TOKEN, AdminCase
from tests.integration.waiting import wait_until_equal

HEADERS = Headers({"Authorization": [f"Bearer {TOKEN}"]})
ALERTS = ROOT / "docs" / "operation" / "alerts.yml"

# For each alert, series that it's for, as promtool's notation has it: from a value, by a step.
RISES = {
    "PbrealmDown": {'up{job="pbrealm",instance="a"}': "0x60"},
    "PbrealmReactorLate": {
        'pbrealm_reactor_lag_seconds_bucket{instance="a",le="0.1"}': "0+10x60",
        'pbrealm_reactor_lag_seconds_bucket{instance="a",le="0.5"}': "0+600x60",
        'pbrealm_reactor_lag_seconds_bucket{instance="a",le="+Inf"}': "0+600x60",
    },
    "PbrealmSlowCalls": {
        'pbrealm_call_seconds_bucket{instance="a",le="1"}': "0+10x60",
        'pbrealm_call_seconds_bucket{instance="a",le="2.5"}': "0+20x60",
        'pbrealm_call_seconds_bucket{instance="a",le="+Inf"}': "0+20x60",
    },
    "PbrealmFailingCalls": {
        'pbrealm_call_failures_total{instance="a"}': "0+6x60",
        'pbrealm_call_seconds_count{instance="a"}': "0+100x60",
    },
    "PbrealmRefusedLogins": {
        'pbrealm_refusals_total{instance="a",reason="refused"}': "0+30x60",
        'pbrealm_refusals_total{instance="a",reason="busy"}': "0+30x60",
        'pbrealm_logins_total{instance="a"}': "0+40x60",
    },
    "PbrealmGuessedPasswords": {'pbrealm_throttled_total{instance="a"}': "0+10x60"},
    "PbrealmTooManyConnections": {'pbrealm_rejected_connections_total{instance="a"}': "0+1x60"},
    "PbrealmLostClients": {
        'pbrealm_ends_total{instance="a",reason="too_slow"}': "0+2x60",
        'pbrealm_ends_total{instance="a",reason="no_answer"}': "0+2x60",
        'pbrealm_sessions{instance="a"}': "300x60",
    },
    "PbrealmLostNotifications": {
        'pbrealm_notifications_total{instance="a",outcome="answered"}': "0+90x60",
        'pbrealm_notifications_total{instance="a",outcome="dropped"}': "0+5x60",
        'pbrealm_notifications_total{instance="a",outcome="timed_out"}': "0+5x60",
    },
    "PbrealmWaitingBytes": {
        'pbrealm_waiting_bytes{instance="a"}': "60x60",
        'process_resident_memory_bytes{instance="a"}': "100x60",
    },
    "PbrealmFewFiles": {
        'process_open_fds{instance="a"}': "950x60",
        'process_max_fds{instance="a"}': "1000x60",
    },
    "PbrealmStillDraining": {
        'pbrealm_draining{instance="a"}': "1x60",
        'pbrealm_sessions{instance="a"}': "3x60",
    },
}


class PromtoolCase(AdminCase):
    def setUp(self) -> None:
        if shutil.which("promtool") is None:
            raise SkipTest("promtool is missing: install Debian's package prometheus")
        super().setUp()

    def write(self, name: str, text: str) -> None:
        """Write a file in the directory of the test."""
        Path(self.directory, name).write_text(text, "utf-8")

    async def promtool(self, arguments: str) -> str:
        """Run promtool, which must find nothing, and return what it has written."""
        shell = ["/bin/sh", "-c", f"promtool {arguments}"]
        process = self.stop_after_test(Process(shell, self.directory))
        status = await process.wait()
        self.assertEqual(status, 0, process.output)
        return process.output

    async def scrape(self, port: int) -> str:
        """The metrics, as Prometheus asks for them."""
        url = f"http://127.0.0.1:{port}/metrics"
        response = await treq.get(url, agent=Agent(reactor), headers=HEADERS)
        self.assertEqual(response.code, 200)
        text: str = await treq.text_content(response)
        return text


class MetricsTests(PromtoolCase):
    async def test_check_metrics(self) -> None:
        """It is silent, and the metrics of the process are those of this one."""
        port = self.administrate_by_tcp(token=TOKEN)
        client = await self.log_in(mind=Mind())
        await self.references[0].callRemote("greet")
        await self.realm.broadcast("told", 1)
        other = await self.log_in()
        other.disconnect()
        await wait_until_equal(lambda: len(self.realm.sessions()), 1)
        metrics = await self.scrape(port)
        self.write("metrics", metrics)
        self.assertEqual(await self.promtool("check metrics < metrics"), "")
        for line in (
            "pbrealm_sessions 1.0",
            "pbrealm_logins_total 2.0",
            'pbrealm_ends_total{reason="disconnected"} 1.0',
            "pbrealm_call_seconds_count 1.0",
        ):
            self.assertIn(f"\n{line}\n", metrics)
        self.assertRegex(metrics, r"\nprocess_open_fds \d\d")
        client.disconnect()


class TrafficTests(AdminCase):
    async def test_bytes(self) -> None:
        """As many bytes are counted as a client receives, whichever way they are written."""
        client = await self.log_in(mind=Mind())
        received = 0
        receive = client.broker.dataReceived

        def count(data: bytes) -> None:
            nonlocal received
            received += len(data)
            receive(data)

        client.broker.dataReceived = count
        before = (await self.factory.stats()).carried
        (session,) = self.realm.sessions()
        for _ in range(3):
            await self.references[0].callRemote("greet")
            await session.notify("told", b"x" * 600_000)
            await self.realm.broadcast("told", b"x" * 50_000)
        await client.disconnect()
        await wait_until_equal(self.realm.sessions, ())
        after = (await self.factory.stats()).carried
        self.assertEqual(after.bytes_sent - before.bytes_sent, received)
        self.assertEqual(after.calls_sent - before.calls_sent, 6)
        self.assertEqual(after.calls_received - before.calls_received, 3)


class AlertTests(PromtoolCase):
    async def test_rules(self) -> None:
        await self.promtool(f"check rules {ALERTS}")

    async def test_metrics_exist(self) -> None:
        """The rules name no metrics but those that there are."""
        metrics = await self.scrape(self.administrate_by_tcp(token=TOKEN))
        names = set(re.findall(r"\b(?:pbrealm|process)_\w+", ALERTS.read_text("utf-8")))
        present = set(re.findall(r"^(\w+)", metrics, re.MULTILINE))
        self.assertGreater(len(names), 10)
        self.assertEqual(names - present, set())

    async def test_alerts(self) -> None:
        """Each is fired by what it's for within half an hour, and all are silent without it."""
        alerts = re.findall(r"alert: (\w+)", ALERTS.read_text("utf-8"))
        self.assertEqual(alerts, list(RISES))
        shutil.copy(ALERTS, self.directory)
        tests = [self.rises(alert, series) for alert, series in RISES.items()]
        tests += [self.silent(alerts), self.drained()]
        # JSON is YAML.
        tested = {"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests}
        self.write("tests.yml", json.dumps(tested))
        await self.promtool("test rules tests.yml")

    def rises(self, alert: str, series: dict[str, str]) -> dict[str, Any]:
        query = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": each} for name, each in series.items()],
            "promql_expr_test": [
                {
                    "expr": query,
                    "eval_time": "35m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ],
        }

    def drained(self) -> dict[str, Any]:
        """A server that ends after a drain pages nobody, unless it comes back and ends again."""
        up, draining = (
            f'{name}{{job="pbrealm",instance="a"}}' for name in ("up", "pbrealm_draining")
        )
        query = 'count(ALERTS{alertname="PbrealmDown",alertstate="firing"})'
        return {
            "interval": "1m",
            "input_series": [
                {"series": up, "values": "1x5 0x29 1x5 0x90"},
                {"series": draining, "values": "0x3 1x1 _x30 0x5 _x90"},
            ],
            "promql_expr_test": [
                {"expr": query, "eval_time": "30m"},
                {
                    "expr": query,
                    "eval_time": "50m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                },
            ],
        }

    def silent(self, alerts: list[str]) -> dict[str, Any]:
        """A server at which nothing is wrong."""
        quiet = {
            'up{job="pbrealm",instance="a"}': "1x60",
            'pbrealm_reactor_lag_seconds_bucket{instance="a",le="0.01"}': "0+600x60",
            'pbrealm_reactor_lag_seconds_bucket{instance="a",le="+Inf"}': "0+600x60",
            'pbrealm_call_seconds_bucket{instance="a",le="0.1"}': "0+1000x60",
            'pbrealm_call_seconds_bucket{instance="a",le="+Inf"}': "0+1000x60",
            'pbrealm_call_seconds_count{instance="a"}': "0+1000x60",
            'pbrealm_call_failures_total{instance="a"}': "0+1x60",
            'pbrealm_refusals_total{instance="a",reason="refused"}': "0+1x60",
            'pbrealm_logins_total{instance="a"}': "0+50x60",
            'pbrealm_throttled_total{instance="a"}': "0+0x60",
            'pbrealm_rejected_connections_total{instance="a"}': "0+0x60",
            'pbrealm_limited_logins_total{instance="a"}': "0+1x60",
            'pbrealm_ends_total{instance="a",reason="too_slow"}': "0+1x60",
            'pbrealm_sessions{instance="a"}': "300x60",
            'pbrealm_notifications_total{instance="a",outcome="answered"}': "0+100x60",
            'pbrealm_notifications_total{instance="a",outcome="dropped"}': "0+0x60",
            'pbrealm_waiting_bytes{instance="a"}': "1x60",
            'process_resident_memory_bytes{instance="a"}': "100x60",
            'process_open_fds{instance="a"}': "100x60",
            'process_max_fds{instance="a"}': "1000x60",
            'pbrealm_draining{instance="a"}': "0x60",
        }
        return {
            "interval": "1m",
            "input_series": [{"series": name, "values": each} for name, each in quiet.items()],
            "alert_rule_test": [
                {"alertname": alert, "eval_time": "45m", "exp_alerts": []} for alert in alerts
            ],
        }


class DocumentTests(PromtoolCase):
    async def test_configuration(self) -> None:
        """That of Prometheus in the document."""
        (configuration,) = blocks("docs/operation.md", "yaml")
        self.write("token", TOKEN)
        token = "/etc/prometheus/pbrealm.token"
        self.assertIn(token, configuration)
        self.write("prometheus.yml", configuration.replace(token, f"{self.directory}/token"))
        shutil.copy(ALERTS, self.directory)
        self.assertIn("SUCCESS", await self.promtool("check config prometheus.yml"))
