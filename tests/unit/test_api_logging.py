"""Logs go to stderr, in one format for our own and for library loggers."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from api.logging import configure_logging, told_to
from engine.settings import Settings


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_json_lines_from_both_kinds_of_logger(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="json"))
    structlog.get_logger("a").info("settled", task_id="T1")
    logging.getLogger("uvicorn.error").warning("port %d", 8003, extra={"color_message": "\x1b[1mport"})
    out, err = capsys.readouterr()
    ours, library = (json.loads(line) for line in err.splitlines())
    assert out == ""
    assert (ours["event"], ours["task_id"], ours["level"]) == ("settled", "T1", "info")
    assert (library["event"], library["level"]) == ("port 8003", "warning")
    assert ours["timestamp"].endswith("Z")
    assert "color_message" not in library


def test_console_lines_have_no_colour_codes_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_format="console"))
    structlog.get_logger("a").warning("held", type="shell")
    err = capsys.readouterr().err
    assert "held" in err
    assert "type=shell" in err
    assert "\x1b" not in err


def test_what_is_below_the_level_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_level="warning"))
    structlog.get_logger("a").info("unheard")
    logging.getLogger("neo4j").info("unheard")
    assert capsys.readouterr().err == ""


def test_debug_is_for_our_own_loggers_only(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(log_level="debug"))
    structlog.get_logger("a").debug("heard")
    logging.getLogger("asyncio").debug("unheard")
    err = capsys.readouterr().err
    assert "heard" in err
    assert "unheard" not in err


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exception_is_logged_without_local_variables(
    form: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format=form))
    password = "hunter2".upper()
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "broken" in err
    assert password not in err


def test_a_record_that_cannot_be_formatted_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    logging.getLogger("library").warning("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_what_is_said_about_a_task_is_told_on_but_not_what_its_tools_say(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, str, object]] = []
    configure_logging(Settings())
    log = structlog.get_logger("a")
    log.info("before", task_id="T1")
    with told_to(lambda level, message, fields: told.append((level, message, fields.get("subtask")))):
        log.warning("the tool raised", task_id="T1", subtask="a")
        log.info("said by a tool", task_id="T1", subtask="a", attempt=1)
        log.info("about nothing")
        log.debug("too fine", task_id="T1")
    log.info("later", task_id="T1")
    assert told == [("warning", "the tool raised", "a")]
    assert "the tool raised" in capsys.readouterr().err
