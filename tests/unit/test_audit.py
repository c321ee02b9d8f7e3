"""What ``make audit`` says: faults line by line, and one sentence where the list of them cannot be reached."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.transcripts import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WELL = {"name": "rich", "version": "15.0", "vulns": []}
ILL = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
LOST = {"name": "gone", "skip_reason": "Dependency not found on PyPI and could not be audited: gone (1.0)"}


LISTED = "audit: {} dependencies are in the list, {}"
NOWHERE = (
    "audit: the list of known faults cannot be reached (none of the 2 dependencies was found there), so nothing was"
)


@pytest.mark.parametrize(
    ("found", "said", "code"),
    [
        ([WELL], [LISTED.format(1, "no fault is known")], 0),
        ([WELL, LOST], [LISTED.format(1, "no fault is known"), "audit: not in the list, and so not checked: gone"], 0),
        ([ILL, WELL], [LISTED.format(2, "1 faults are known"), "old 1.0: PYSEC-1, mended in 1.1"], 1),
        ([LOST, LOST], [f"{NOWHERE} checked"], 3),
    ],
)
def test_what_is_found_is_told(audit: ModuleType, found: list[dict[str, Any]], said: list[str], code: int) -> None:
    assert audit.judged(json.dumps({"dependencies": found, "fixes": []}), "") == (said, code)


@pytest.mark.parametrize("report", ["", "no JSON", "[]", "{}", '{"dependencies": null}'])
def test_without_a_report_it_is_one_sentence_with_the_last_words(audit: ModuleType, report: str) -> None:
    (line,), code = audit.judged(report, "Traceback\n\nConnectionError: no route to host\n\n")
    assert code == 3
    assert line == (
        "audit: the list of known faults cannot be reached (ConnectionError: no route to host), so nothing was checked"
    )


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"CI": "true"}, 3)])
def test_without_its_tool_it_ends_well_but_in_ci(tmp_path: Path, environment: dict[str, str], code: int) -> None:
    """A Python of its own has no ``uvx`` beside it."""
    python = tmp_path / "python"
    python.symlink_to(Path(sys.executable).resolve())
    clean = {name: value for name, value in os.environ.items() if name != "CI"}
    program = f"import sys, runpy; sys.executable = {str(python)!r}; sys.argv = ['audit', 'requirements.lock']; "
    program += f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**clean, **environment}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
    assert "cannot be run: No such file or directory), so nothing was checked" in done.stderr
