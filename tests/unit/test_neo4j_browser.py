"""What Neo4j Browser gets from the engine: a style, a guide with every saved query, and links."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from api import neo4j_browser
from engine.states import SubtaskStatus
from tests.support.fake_engine import FakeEngine
from tests.support.http import client_of

SAVED = sorted(file.stem for file in neo4j_browser.folder().glob("*.cypher"))


@pytest.mark.parametrize(
    ("path", "media_type"), [("/browser/style.grass", "text/plain"), ("/browser/guide", "text/html")]
)
async def test_a_page_of_another_site_may_read_it_also_when_it_has_to_ask_first(path: str, media_type: str) -> None:
    other = {"Origin": "http://localhost:7403", "Sec-Fetch-Site": "cross-site"}
    asking = other | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "sentry-trace"}
    async with client_of(FakeEngine()) as client:
        found = await client.get(path, headers=other)
        leave = await client.options(path, headers=asking)

    assert (found.status_code, found.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert leave.status_code == 204
    for answer in (found, leave):
        assert answer.headers["access-control-allow-origin"] == "*"
    assert leave.headers["access-control-allow-headers"] == "*"


def test_the_guide_holds_every_saved_query_under_its_title_and_leads_back_to_the_engine() -> None:
    page = neo4j_browser.guide("http://engine:8003/", "01ABC")

    assert SAVED
    for name in SAVED:
        text = neo4j_browser.script(name)
        assert re.match(r"// [A-Z][^\n]+\n", text), name
        assert neo4j_browser.escape(text) in page, name
    assert ":style http://engine:8003/browser/style.grass<" in page
    assert ":param task =&gt; &#x27;01ABC&#x27;" in page or ":param task => '01ABC'" in page
    assert "SCRIPT" not in page
    assert "<script" not in neo4j_browser.guide("http://<script>/")


def test_every_state_has_a_colour_and_is_taken_away_before_another_is_painted() -> None:
    for status in SubtaskStatus:
        assert f"node.{status} {{" in neo4j_browser.style()
        for name in ("paint", "unpaint"):
            assert f":{status}" in neo4j_browser.script(name)


def test_a_link_opens_the_graph_of_the_task_in_the_editor_and_runs_nothing() -> None:
    link = neo4j_browser.link("http://localhost:7403/browser/", "01ABC")

    assert link is not None
    assert link.startswith("http://localhost:7403/browser/?cmd=edit&arg=")
    (query,) = parse_qs(urlsplit(link).query)["arg"]
    assert query.startswith("MATCH (:Task {id: '01ABC'})-[:HAS_SUBTASK]->(s:Subtask)")
    assert not re.search(r"[&#?$]|CREATE|SET|DELETE", query), "Browser cuts a query at some of them"
    assert neo4j_browser.link("", "01ABC") is None
