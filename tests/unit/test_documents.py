"""The documents hold together: links, commands, paths and targets in them exist, and what they show can be read.

That each setting is in .env.agent03 with a comment, and each variable there is a setting, is held by
``tests/integration/test_compose.py``; what the commands print, by ``tests/acceptance/test_quickstart.py``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.yaml12 import load_yaml
from tests.support.documents import DOCUMENTS, NOT_PLAYED, anchors, blocks, broken_links, code_spans, links
from tests.support.transcripts import REPOSITORY, parse

FOLDERS = ("api", "cypher", "docs", "engine", "examples", "graph", "ops", "scripts", "tests")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[a-z0-9_./-]+")
"""What in backticks is a path from the top; one with a word in capitals stands for many."""
SHELLS = {"bash", "sh", "shell", "zsh"}


def place_of(document: Path) -> str:
    return document.relative_to(REPOSITORY).as_posix()


each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=place_of)


@each_document
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(document: Path) -> None:
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS[1:], ids=place_of)
def test_every_document_can_be_reached(document: Path) -> None:
    linked = {(place.parent / target.partition("#")[0]).resolve() for place in DOCUMENTS for target in links(place)}

    assert document in linked


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    document, other = tmp_path / "a.md", tmp_path / "b.md"
    other.write_text("# One: a `b`\n\n## Two\n\n```text\n# three\n```\n\n## Two\n")
    document.write_text(
        "# Here\n[x](b.md) [x](b.md#one-a-b) [x](b.md#two-1) [x](#here) [`x`](https://no.such/place) `[x](code)`\n"
        "```text\n[x](fenced)\n```\n[x](c.md) [x](b.md#three) [x](#two) [x](/b.md) [x](b.md#two-2)\n"
    )

    assert anchors(other) == {"one-a-b", "two", "two-1"}
    assert broken_links(document) == ["c.md", "b.md#three", "#two", "/b.md", "b.md#two-2"]


@each_document
def test_every_path_exists(document: Path) -> None:
    paths = [span for span in code_spans(document) if PATH.fullmatch(span)]

    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


@each_document
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text("utf-8")))

    named = {span.removeprefix("make ") for span in code_spans(document) if re.fullmatch(r"make [a-z-]+", span)}

    assert named <= targets


@each_document
def test_commands_stand_in_console_blocks_where_they_are_played(document: Path) -> None:
    others = [block for block in blocks(document) if block.language != "console"]

    assert [block.text for block in others if block.language in SHELLS or re.search(r"(?m)^\$ ", block.text)] == []


def test_a_command_that_is_not_played_is_written_somewhere_and_has_a_reason() -> None:
    written = {
        step.command
        for document in DOCUMENTS
        for block in blocks(document)
        if block.language == "console"
        for step in parse(block.text)
    }

    assert NOT_PLAYED.keys() <= written
    assert all(NOT_PLAYED.values())


@each_document
def test_what_is_shown_as_json_yaml_or_python_is_that(document: Path) -> None:
    for block in blocks(document):
        match block.language:
            case "json":
                json.loads(block.text)
            case "yaml":
                load_yaml(block.text)
            case "python":
                compile(block.text, str(document), "exec")


@each_document
def test_no_box_of_a_flowchart_is_called_by_a_word_of_its_language(document: Path) -> None:
    charts = [block.text for block in blocks(document) if block.text.startswith("flowchart")]
    words = [set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", chart.partition("\n")[2]))) for chart in charts]

    assert [used & {"graph", "end", "class", "style", "click"} for used in words] == [set() for _ in charts]
