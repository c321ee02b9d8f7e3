"""Shows the engine: REST API, command line, and ``open_engine``, the composition root that reads the environment."""

from api.wiring import open_engine

__all__ = ["open_engine"]
