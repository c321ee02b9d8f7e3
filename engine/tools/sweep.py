"""Kills a process and everything below it from outside: the last resort when a guardian does not react.

The only user of psutil among the tools. On Linux the guardian does this from inside; off Linux it cannot see its
descendants, and this finds those that left the process group.
"""

from __future__ import annotations

import contextlib

import psutil


def kill_tree(pid: int) -> int:
    """Kills ``pid`` and its descendants; returns how many were found. A pid that is gone is no fault."""
    try:
        root = psutil.Process(pid)
        found = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return 0
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return len(found)
