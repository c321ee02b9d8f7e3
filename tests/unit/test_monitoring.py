"""The dashboard and the alerts ask for metrics and labels that there are; the real promtool reads them."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metrics import everything, labels, series
from tests.support.monitoring import (
    ALERTS_TEST,
    PROMETHEUS,
    alerts,
    dashboard,
    grouped,
    panel_queries,
    promtool,
    queries,
    selected,
)

OF_PROMETHEUS = {"up": set[str]()}
OF_THE_SCRAPE = {"job", "instance", "le"}
EVERY = queries()


def known() -> dict[str, set[str]]:
    """The labels of every series."""
    found = {name: set(labels(family)) for family in everything() for name in series([family])}
    return found | OF_PROMETHEUS


@pytest.mark.parametrize(("name", "query"), EVERY, ids=[f"{name}-{at}" for at, (name, _) in enumerate(EVERY)])
def test_a_query_asks_for_series_and_labels_that_there_are(name: str, query: str) -> None:
    there = known()
    asked = selected(query)
    assert asked
    assert [series for series, _ in asked if series not in there] == []
    assert [(series, chosen) for series, chosen in asked if not chosen <= there[series] | OF_THE_SCRAPE] == []
    having = set.union(*(there[series] for series, _ in asked)) | OF_THE_SCRAPE
    assert grouped(query) <= having


def test_a_wrong_name_or_label_is_found() -> None:
    asked = selected('sum by (le, kind) (rate(agent03_turns{job="x", no="y"}[5m])) / up > 0.3 and agent03_slots')
    assert asked == [("agent03_turns", {"job", "no"}), ("up", set()), ("agent03_slots", set())]
    assert grouped("sum by (le, kind) (up)") == {"le", "kind"}


def test_most_of_what_is_measured_is_on_the_dashboard() -> None:
    shown = {name for _, query in panel_queries() for name, _ in selected(query)}
    unseen = [
        family.name
        for family in everything()
        if family.name.startswith("agent03") and not shown & series([family]).keys()
    ]
    assert unseen == ["agent03_graph_connected", "agent03_cache_connected", "agent03_disk_size_bytes"]


def test_panels_have_titles_words_and_places_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert all(panel.get("description") for panel in panels if panel["type"] != "row")
    assert [(one["title"], two["title"]) for one, two in combinations(panels, 2) if overlap(one, two)] == []
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def overlap(one: dict[str, Any], two: dict[str, Any]) -> bool:
    a, b = one["gridPos"], two["gridPos"]
    return bool(
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )


def test_every_alert_says_what_to_do_and_is_tested_raised_and_not_raised() -> None:
    cases = [case for test in yaml.safe_load(ALERTS_TEST.read_text())["tests"] for case in test["alert_rule_test"]]
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["description"].endswith((".", "?"))
        raised = [bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]]
        assert set(raised) == {True, False}, rule["alert"]


def test_promtool_reads_the_alerts_and_raises_them() -> None:
    checked = promtool("check", "config", str(PROMETHEUS))  # and the alerts that it names
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(alerts())} rules found" in checked.stdout
    tested = promtool("test", "rules", str(ALERTS_TEST))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_promtool_reads_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{at}", "expr": query} for at, (_, query) in enumerate(panel_queries())]
    file = tmp_path / "panels.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout
