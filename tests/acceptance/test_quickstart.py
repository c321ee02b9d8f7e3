"""The commands of README and quickstart, section by section, as they stand there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import neo4j
import pytest

from graph.server import ToolsMissing
from graph.server.java import find_java, find_maven
from graph.server.ports import free_port
from tests.support.documents import QUICKSTART, README, Block, blocks
from tests.support.gate import skip_for_want_of_neo4j
from tests.support.services import Neo4jService
from tests.support.transcripts import environment, parse, play

NOT_PLAYED = {
    "make demo": "builds a virtual environment from the network; test_demo.py plays what it runs",
    "make test": "is what runs this test",
    "docker compose --env-file .env.agent03 -f docker-compose.agent03.yml up --build --detach": (
        "needs a Docker engine and minutes to build an image; test_compose.py reads the file with the real compose tool"
    ),
}
"""Commands that cannot run here, and why."""
SESSIONS = {
    (document, block.heading): None
    for document in (README, QUICKSTART)
    for block in blocks(document)
    if block.language == "console"
}


def consoles(document: Path, heading: str) -> list[Block]:
    return [block for block in blocks(document) if block.language == "console" and block.heading == heading]


@pytest.mark.parametrize(("document", "heading"), SESSIONS, ids=lambda part: getattr(part, "stem", part))
def test_section(document: Path, heading: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    steps = [step for block in consoles(document, heading) for step in parse(block.text)]
    steps = [step for step in steps if step.command not in NOT_PLAYED]
    port = str(free_port())
    steps = [type(step)(step.command.replace("8003", port), step.expected, step.exit_code) for step in steps]
    words = " ".join(step.command for step in steps)
    if "curl" in words and not shutil.which("curl"):
        pytest.skip("curl is not installed: apt-get install curl")
    if "neo4j start" in words:
        need_java_and_maven(pytestconfig)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for block in blocks(document):
        if block.saved_as:
            (tmp_path / block.saved_as).write_text(block.text, encoding="utf-8")

    variables = environment(BACKEND_PORT=port)
    try:
        play(steps, tmp_path, variables)
    finally:
        if "neo4j start" in words:
            subprocess.run(["agent03", "neo4j", "stop"], cwd=tmp_path, env=variables, capture_output=True, check=False)


def need_java_and_maven(config: pytest.Config) -> None:
    try:
        find_java(os.environ)
        find_maven(os.environ)
    except ToolsMissing as missing:
        skip_for_want_of_neo4j(config, str(missing))


def test_the_cypher_of_the_quickstart_is_good(neo4j_server: Neo4jService) -> None:
    statements = [block.text for block in blocks(QUICKSTART) if block.language == "cypher"]
    assert statements
    login = (neo4j_server.user, neo4j_server.password)
    with neo4j.GraphDatabase.driver(neo4j_server.url, auth=login) as driver:
        for statement in statements:
            driver.execute_query(f"EXPLAIN {statement}")  # type: ignore[arg-type]


def test_only_what_is_written_is_left_out() -> None:
    written = {step.command for place in SESSIONS for block in consoles(*place) for step in parse(block.text)}

    assert NOT_PLAYED.keys() <= written
