"""What is in ops/: the queries of the dashboard and of the alerts, and the real tool of Prometheus that reads them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

OPS = Path(__file__).parents[2] / "ops"
ALERTS, ALERTS_TEST, PROMETHEUS = OPS / "alerts.yml", OPS / "alerts_test.yml", OPS / "prometheus.yml"
DASHBOARD = OPS / "grafana-dashboard.json"
VARIABLES = {"$__rate_interval": "5m", "$job": "agent03", "$instance": ".*"}
"""What Grafana puts in the place of its variables."""
_SELECTOR = re.compile(r"\b([a-z][a-z0-9_]*)(?:\{([^}]*)\}|(?=\[|\s*[-+*/><=)]|\s*$|\s+(?:and|or|on)\b))")
_WORDS = {"and", "or", "on"}


def alerts() -> list[dict[str, Any]]:
    """The alert rules."""
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return found


def panel_queries() -> Iterator[tuple[str, str]]:
    """The title of each panel and one of its queries, with values for the variables."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            yield panel["title"], query


def queries() -> list[tuple[str, str]]:
    """Every query, by the name of its alert or panel."""
    return [(rule["alert"], rule["expr"]) for rule in alerts()] + list(panel_queries())


def selected(query: str) -> list[tuple[str, set[str]]]:
    """The series that a query asks for, each with the labels that it chooses by."""
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!=|=)", chosen or "")))
        for name, chosen in _SELECTOR.findall(re.sub(r"\b(?:by|on|group_left)\s*\([^)]*\)", " ", query))
        if name not in _WORDS
    ]


def grouped(query: str) -> set[str]:
    """The labels that a query groups by."""
    return {label.strip() for found in re.findall(r"\bby\s*\(([^)]*)\)", query) for label in found.split(",")}


def promtool(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Runs promtool, that of PROMTOOL or of the path; without one the test is skipped."""
    tool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if tool is None:
        pytest.skip("no promtool to read the rules with: apt-get install prometheus, or name one in PROMTOOL")
    done = subprocess.run([tool, *arguments], input=given, capture_output=True, check=False, timeout=60)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
