"""A real server, scraped as Prometheus scrapes it: in both formats, read by real parsers and by promtool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
from prometheus_client.core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from api.about import installed_version
from tests.support.metrics import everything, values
from tests.support.monitoring import promtool
from tests.support.plans import Body, plan, step
from tests.support.services import eventually
from tests.support.serving import Serving

PLAIN, OPEN = "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"
WORK = plan(
    step("rest", type="rest", input={"seconds": 0.1}),
    step("unsteady", type="unsteady", input={"failures": 1}),
    step("sum", type="calculate", input={"expression": "6 * 7"}),
)


async def test_what_has_happened_can_be_scraped(tmp_path: Path) -> None:
    server = Serving(tmp_path, {"AGENT03_TOOLS": "tests.support.core_tools", "RETRY_BACKOFF_SECONDS": "0.01"})
    try:
        await server.start()
        for _ in range(2):  # the second time something is known, and something is made
            await finished(server, WORK)
        await server.call("GET", "/nowhere", check=False)
        await eventually(lambda: lag_was_seen(server))
        plain, in_full = await scrape(server, PLAIN), await scrape(server, OPEN)
    finally:
        server.discard()

    families = list(openmetrics.text_string_to_metric_families(in_full))
    assert names(families) == names(everything())
    assert names(text_string_to_metric_families(plain)) == names(families)
    told(values(families))
    checked = promtool("check", "metrics", given=plain.encode())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def told(found: Mapping[Any, float]) -> None:
    """What two runs of the work leave behind."""
    assert found["agent03_attempts_total", (("category", "transient"), ("outcome", "failed"))] == 2
    assert found["agent03_retries_total", (("category", "transient"),)] == 2
    assert found["agent03_task_seconds_count", (("status", "completed"),)] == 2
    assert found["agent03_cache_hits_total", ()] >= 1
    assert found["agent03_cache_misses_total", ()] >= 1
    assert found["agent03_cache_saved_bytes_total", ()] > 0
    assert found["agent03_estimate_ratio_count", (("type", "rest"),)] == 1
    assert 0.5 < found["agent03_estimate_ratio_sum", (("type", "rest"),)] < 10
    assert found["agent03_attempt_seconds_sum", (("type", "rest"),)] >= 0.2
    assert found["agent03_turn_seconds_count", ()] > 2
    assert found["agent03_tasks_open", ()] == found["agent03_slots_used", ()] == 0
    assert found["agent03_engine_ready", ()] == found["agent03_graph_connected", ()] == 1
    assert 0 < found["agent03_heartbeat_age_seconds", ()] < found["agent03_heartbeat_timeout_seconds", ()]
    assert found["agent03_build_info", (("version", installed_version()),)] == 1
    assert {dict(labels)["place"] for name, labels in found if name == "agent03_disk_free_bytes"} == {"data", "blobs"}
    requests = {
        labels: number for (name, labels), number in found.items() if name == "agent03_http_request_seconds_count"
    }
    assert [number for labels, number in requests.items() if {("method", "POST"), ("route", "/tasks")} < {*labels}] == [
        2
    ]
    assert requests[("method", "GET"), ("route", "unmatched"), ("status", "404")] == 1


def names(families: Iterable[Metric]) -> set[str]:
    """The metrics; the plain format knows no info, it calls it a gauge."""
    return {family.name.removesuffix("_info") for family in families}


async def scrape(server: Serving, accept: str) -> str:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        response = await client.get("/metrics", headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(accept.partition(";")[0])
    return response.text


async def lag_was_seen(server: Serving) -> bool:
    return "agent03_event_loop_lag_seconds_count 0.0" not in await scrape(server, PLAIN)


async def finished(server: Serving, body: Body) -> None:
    task_id = await server.submit(body)

    async def over() -> bool:
        return bool((await server.task(task_id))["status"] == "completed")

    await eventually(over)
