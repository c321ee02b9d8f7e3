"""Shows the engine: REST API, command line, and ``open_engine``, the composition root that reads the environment.

``open_engine`` is imported when it is asked for, so that importing a part of this package loads that part alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from api.wiring import open_engine

__all__ = ["open_engine"]


def __getattr__(name: str) -> Any:
    if name != "open_engine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from api.wiring import open_engine

    return open_engine
