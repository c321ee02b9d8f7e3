"""The command line answers at once: what a command needs is imported when it runs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("fastapi", "uvicorn", "structlog", "pydantic", "psutil", "engine.service", "engine.tools.registry", "neo4j")


def test_the_command_line_imports_nothing_heavy_before_it_knows_its_command() -> None:
    program = f"import sys, api.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
