"""What the health checks of the built-in tools look at: folders, and whether there is a model to ask."""

from __future__ import annotations

import os
from pathlib import Path

from engine.language import LanguageModel
from engine.toolport import ToolHealth
from engine.tools.roots import Roots
from engine.tools.threads import in_thread

_SECONDS = 5.0


async def roots_health(roots: Roots, *, write: bool) -> ToolHealth:
    """Whether one may work in every folder of FILE_ROOTS; looked at in a thread, because a file system can hang."""
    return await in_thread(lambda: _looked_at(roots.folders, write), grace=_SECONDS)


def _looked_at(folders: tuple[str, ...], write: bool) -> ToolHealth:
    if not folders:
        return ToolHealth(False, "there is no folder to work in", "Set FILE_ROOTS.")
    wanted = os.R_OK | os.X_OK | (os.W_OK if write else 0)
    for folder in folders:
        place = Path(folder).absolute()
        there = next(parent for parent in (place, *place.parents) if parent.exists())  # the rest is made by a write
        if not os.access(there, wanted if there == place or write else os.X_OK):
            verb = "written to" if write else "read"
            return ToolHealth(False, f"{folder} cannot be {verb}", "Correct its permissions, or FILE_ROOTS.")
    return ToolHealth()


def model_health(model: LanguageModel | None) -> ToolHealth:
    """Whether there is a key for the model. It is not asked anything: that would cost."""
    if model is None:
        return ToolHealth(False, "there is no key for Claude", "Set ANTHROPIC_API_KEY, start the engine again.")
    return ToolHealth()
