"""What Neo4j Browser gets from the engine: a style, a guide, and for each task a link with the right query.

The files are those of ``ops/neo4j-browser``; a wheel carries them inside this package. The guide holds every saved
query, taken from its own file, so that there is one text of each.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

_HERE = Path(__file__).parent
_SCRIPT = re.compile(r"SCRIPT ([a-z-]+)")


@cache
def folder() -> Path:
    """Where the files are."""
    carried = _HERE / "neo4j_browser_kit"
    return carried if carried.is_dir() else _HERE.parent / "ops" / "neo4j-browser"


def script(name: str) -> str:
    """The text of a saved query; its first line is its title, as a comment."""
    return (folder() / f"{name}.cypher").read_text("utf-8").strip()


def style() -> str:
    """The style sheet, in Browser's own language."""
    return (folder() / "style.grass").read_text("utf-8")


def guide(engine_url: str, task_id: str | None = None) -> str:
    """The guide for ``:play``.

    Args:
        engine_url: where Browser finds this engine.
        task_id: the task that the queries are about; None leaves the place open.
    """
    page = (folder() / "guide.html").read_text("utf-8")
    page = _SCRIPT.sub(lambda found: escape(script(found[1])), page)
    page = page.replace("ENGINE/", f"{escape(engine_url.rstrip('/'))}/")
    return page.replace("'TASK'", f"'{escape(task_id)}'") if task_id else page


def link(browser_url: str, task_id: str) -> str | None:
    """The address at which Browser opens with the graph of a task in its editor; None without a Browser."""
    if not browser_url:
        return None
    text = script("graph").replace("$task", f"'{task_id}'")
    query = "\n".join(line for line in text.splitlines() if not line.startswith("//"))
    return f"{browser_url.rstrip('/')}/?cmd=edit&arg={quote(query, safe='')}"
