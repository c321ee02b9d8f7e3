"""The commands of the documents, section by section, as they stand there, and their Cypher."""

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
from tests.support.documents import DOCUMENTS, NOT_PLAYED, Block, blocks
from tests.support.gate import skip_for_want_of_neo4j
from tests.support.services import QUICK_JAVA, Neo4jService
from tests.support.transcripts import Step, environment, parse, play


def consoles(document: Path, heading: str) -> list[Block]:
    return [block for block in blocks(document) if block.language == "console" and block.heading == heading]


def steps_of(document: Path, heading: str) -> list[Step]:
    steps = [step for block in consoles(document, heading) for step in parse(block.text)]
    return [step for step in steps if step.command not in NOT_PLAYED]


HEADINGS = {(document, block.heading): None for document in DOCUMENTS for block in blocks(document)}
SESSIONS = [place for place in HEADINGS if steps_of(*place)]
CYPHER = [(document, block.text) for document in DOCUMENTS for block in blocks(document) if block.language == "cypher"]


@pytest.mark.parametrize(("document", "heading"), SESSIONS, ids=lambda part: getattr(part, "stem", part))
def test_section(document: Path, heading: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    port = str(free_port())
    steps = [
        Step(step.command.replace("8003", port), step.expected, step.exit_code) for step in steps_of(document, heading)
    ]
    words = " ".join(step.command for step in steps)
    if "curl" in words and not shutil.which("curl"):
        pytest.skip("curl is not installed: apt-get install curl")
    if "neo4j start" in words:
        need_java_and_maven(pytestconfig)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for block in blocks(document):
        if block.saved_as:
            (tmp_path / block.saved_as).write_text(block.text, encoding="utf-8")

    variables = environment(BACKEND_PORT=port, ENGINE_URL=f"http://127.0.0.1:{port}", **QUICK_JAVA)
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


@pytest.mark.parametrize(("document", "statement"), CYPHER, ids=lambda part: getattr(part, "stem", ""))
def test_the_cypher_of_the_documents_is_good(document: Path, statement: str, neo4j_server: Neo4jService) -> None:
    login = (neo4j_server.user, neo4j_server.password)
    with neo4j.GraphDatabase.driver(neo4j_server.url, auth=login) as driver:
        driver.execute_query(f"EXPLAIN {statement}")  # type: ignore[arg-type]
