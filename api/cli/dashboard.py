"""``agent03 dashboard``: Streamlit on ``api/dashboard.py``, where it is installed; it becomes this very process."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from api.cli.exits import USAGE, Stop
from api.environment import engine_url

PAGE = Path(__file__).parents[1] / "dashboard.py"
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")]


def dashboard(port: Port = 8503) -> None:
    """Serve a dashboard in Streamlit that asks a running server (ENGINE_URL). The server's own page shows more."""
    engine_url()
    if find_spec("streamlit") is None:
        raise Stop("the dashboard needs Streamlit: pip install 'agent03-core-engine[dashboard]'", USAGE)
    os.execv(sys.executable, command(port))  # noqa: S606 (no shell is wanted)


def command(port: int) -> list[str]:
    """What runs Streamlit: for this machine only, without a browser, telling nobody that it runs."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(PAGE), *given]
