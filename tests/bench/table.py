"""The table, and the line that says where it was made."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure

MARKS = {None: "", True: " reached", False: " missed"}


def number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures: Sequence[Figure]) -> Table:
    """One line per figure: median, range, aim."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("what", "graph"):
        made.add_column(name)
    for name in ("median", "low", "high"):
        made.add_column(name, justify="right")
    for name in ("unit", "aim"):
        made.add_column(name)
    before = ""
    for figure in figures:
        if before not in ("", figure.scenario):
            made.add_row()
        before = figure.scenario
        if figure.values:
            low, high = min(figure.values), max(figure.values)
            shown = [number(value) for value in (figure.median, low, high)]
        else:
            shown = ["-", "", ""]
        told = f"{figure.aim}{MARKS[figure.reached]}"
        made.add_row(figure.what, figure.graph, *shown, figure.unit, "; ".join(filter(None, (told, figure.note))))
    return made


def machine() -> str:
    """Processor, memory, load, Python, and the commit that was measured."""
    memory = round(psutil.virtual_memory().total / 2**30)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores {_processor()}, {memory} GiB, load {load}; Python {platform.python_version()}; "
        f"commit {_commit()}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def show(figures: Sequence[Figure], title: str) -> None:
    """Prints it, as wide as it needs to be."""
    console = Console(width=150, highlight=False)
    console.print(title)
    console.print(table(figures))
