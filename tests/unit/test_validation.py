"""VALIDATION.md holds what was read a moment ago, or says which command makes it; nothing of another commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.validation import counted, covered, page

HERE = "2 cores, 24 GiB; Python 3.11.7; commit abc1234"
TESTS = {"unit": 1200, "contract": 30}
LINE = {"graph": "neo4j", "what": "turn", "unit": "ms", "aim": "<= 4", "note": ""}
BENCH = {
    "machine": HERE,
    "rounds": 5,
    "figures": [
        LINE | {"median": 3.14159, "reached": True},
        LINE | {"median": None, "reached": None, "note": "no Java"},
    ],
}


def test_tests_are_counted_by_folder() -> None:
    listing = "tests/unit/test_ids.py: 12\ntests/unit/test_order.py: 3\ntests/contract/test_graph.py: 7\n\n22 tests\n"

    assert counted(listing) == {"unit": 15, "contract": 7}


def test_figures_of_this_commit_are_shown_with_their_aim() -> None:
    shown = page(HERE, TESTS, "91.0 percent", BENCH)

    assert "| neo4j | turn | 3.142 | ms | <= 4 | reached |" in shown
    assert "| neo4j | turn | no Java | ms | <= 4 |  |" in shown
    assert "| all | 1,230 |" in shown and "91.0 percent" in shown


def test_figures_of_another_commit_are_refused() -> None:
    with pytest.raises(SystemExit, match="abc1234"):
        page(HERE.replace("abc1234", "def5678"), TESTS, "", BENCH)


def test_without_figures_the_command_is_named_that_takes_them() -> None:
    assert "tests.bench --json" in page(HERE, TESTS, "", None)


def test_coverage_counts_only_while_it_is_younger_than_the_code(tmp_path: Path) -> None:
    data = tmp_path / ".coverage"
    assert covered(data, 0.0).startswith("Not measured")
    module = tmp_path / "covered.py"
    module.write_text("a = 1\n")
    command = [sys.executable, "-m", "coverage", "run", "--rcfile=/dev/null", f"--data-file={data}", str(module)]
    subprocess.run(command, check=True, cwd=tmp_path, env={**os.environ, "COVERAGE_FILE": str(data)})

    assert covered(data, data.stat().st_mtime + 1).startswith("The last measurement is older")
    assert "percent of lines and branches" in covered(data, 0.0)
