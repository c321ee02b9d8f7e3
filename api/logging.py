"""Logs on stderr: lines for people or JSON objects for machines, one format for our own and for library loggers.

structlog drops what is below the level before it touches the arguments (about 0.1 us), so logging may stay in the
code. Both paths look ``sys.stderr`` up when they write, so a progress display that takes stderr over keeps its place.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakSet

import structlog
from structlog.typing import Processor

from api.environment import colours_wanted
from engine.settings import Settings

SHARED: tuple[Processor, ...] = (structlog.contextvars.merge_contextvars, structlog.processors.add_log_level)
"""What every line goes through first."""
Heard = Callable[[str, str, Mapping[str, Any]], None]


class StderrLogger:
    """Writes finished lines to whatever ``sys.stderr`` is at that moment."""

    def msg(self, message: str) -> None:
        """Writes one line."""
        _write(message)

    debug = info = warning = error = critical = exception = log = msg


class StderrHandler(logging.Handler):
    """The same for loggers of the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        try:
            _write(self.format(record))
        except Exception:
            self.handleError(record)


def cover(covering: Covering) -> None:
    """From now on, while it lives, what ``covering`` knows is covered in every line of this process."""
    _covering.add(covering)


class Covering(Protocol):
    """Whoever knows secrets."""

    def text(self, text: str) -> str:
        """A text with every secret covered."""


_covering: WeakSet[Covering] = WeakSet()
"""As there is one standard error of a process, so is there one list of what is not to be seen there."""


def _write(line: str) -> None:
    for covering in list(_covering):
        line = covering.text(line)
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def configure_logging(settings: Settings) -> None:
    """Sends all logs of this process to stderr, as ``LOG_LEVEL`` and ``LOG_FORMAT`` say.

    Only commands call it: a program that embeds the engine keeps its own logging.
    """
    level = getattr(logging, settings.log_level.upper())
    shared: list[Processor] = [*SHARED, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    ending = _renderers(settings.log_format)
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_stderr_logger,
        cache_logger_on_first_use=True,
    )
    handler = StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _drop_colour_copy, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.INFO))  # "debug" means ours: the libraries' own would bury it
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
    for name in ("mcp", "httpx2"):  # they tell of every message, and the access log has each
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def told_to(heard: Heard) -> Iterator[None]:
    """As long as the context lasts, what is logged about a task is told to ``heard`` as well: level, message, fields.

    What tools log is left out: its line has the number of its attempt, and has been kept already.
    """

    def tell(_: Any, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        if "task_id" in event and "attempt" not in event:
            heard(event.get("level", name), str(event.get("event", "")), event)
        return event

    processors = structlog.get_config()["processors"]  # the list itself: loggers that exist already have it too
    processors.insert(len(SHARED), tell)
    try:
        yield
    finally:
        processors.remove(tell)


def _stderr_logger(*_: Any) -> StderrLogger:
    return StderrLogger()


def _renderers(form: str) -> list[Processor]:
    """The last steps. Tracebacks come without local variables: those are slow to print and may hold secrets."""
    if form == "json":
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(tracebacks), structlog.processors.JSONRenderer()]
    colours = colours_wanted(sys.stderr)
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]


def _drop_colour_copy(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The web server hands every message over a second time, with colour codes."""
    event.pop("color_message", None)
    return event
