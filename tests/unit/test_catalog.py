"""The catalogue of statements: each file has a proper header that is true, and is used; nothing is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cypher
from graph import catalog
from graph.catalog import CatalogError, Statement
from graph.ladybug import store as ladybug
from graph.neo4j import store as neo4j

ROOT = Path(cypher.__file__).parent
NAME = re.compile(r"(neo4j/|ladybug/)?[a-z]+/(\d{3}_)?[a-z_]+\.cypher")
USED = {"neo4j": neo4j.STATEMENTS, "ladybug": ladybug.STATEMENTS}
GOOD = "// purpose: p\n// params: a, b\n// from -> to: ready -> processing\n// returns: r\nRETURN $a + $b\n"


def _files() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.cypher"))


def _all() -> list[tuple[str, Statement]]:
    return [(dialect, one) for dialect in catalog.DIALECTS for one in catalog.load(dialect).values()]


def test_a_header_is_read_and_left_out_of_the_statement() -> None:
    statement = catalog._parse("task/get", GOOD)

    assert (statement.name, statement.purpose, statement.returns) == ("task/get", "p", "r")
    assert (statement.params, statement.moves) == (frozenset({"a", "b"}), "ready -> processing")
    assert statement.text == "RETURN $a + $b"


@pytest.mark.parametrize("missing", ["purpose", "returns"])
def test_a_header_without_its_fields_is_refused_by_name(missing: str) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if missing not in line)

    with pytest.raises(CatalogError, match=rf"cypher/task/get\.cypher: the header has no {missing}"):
        catalog._parse("task/get", text)


def test_a_file_without_a_header_is_refused() -> None:
    with pytest.raises(CatalogError, match="no purpose, returns"):
        catalog._parse("task/get", "RETURN 1")


@pytest.mark.parametrize("dialect", catalog.DIALECTS)
def test_a_statement_without_a_file_stops_the_start(dialect: str) -> None:
    with pytest.raises(CatalogError, match=rf"no file for the statement\(s\) task/gte in the dialect {dialect}"):
        catalog.require(dialect, frozenset({"task/get", "task/gte"}))


@pytest.mark.parametrize("dialect", catalog.DIALECTS)
def test_every_file_is_used_and_every_used_statement_has_a_file(dialect: str) -> None:
    by_folder = {name for name in catalog.load(dialect) if re.match(r"invariant/|repair/|saved/|schema/\d{3}_", name)}

    assert set(catalog.load(dialect)) == USED[dialect] | by_folder


def test_every_file_is_named_by_subject_and_verb() -> None:
    assert [name for name in _files() if not NAME.fullmatch(name)] == []


@pytest.mark.parametrize("dialect, statement", _all(), ids=lambda value: getattr(value, "name", value))
def test_the_header_names_the_parameters_that_the_text_uses(dialect: str, statement: Statement) -> None:
    assert statement.params == frozenset(re.findall(r"\$(\w+)", statement.text))


def test_a_dialect_has_a_file_of_its_own_only_where_the_two_differ() -> None:
    texts = {dialect: catalog.load(dialect) for dialect in catalog.DIALECTS}
    shared = {name for name in _files() if name.split("/")[0] not in catalog.DIALECTS}
    both = [name for name in texts["neo4j"] if name in texts["ladybug"] and f"{name}.cypher" not in shared]

    assert [name for name in both if texts["neo4j"][name].text == texts["ladybug"][name].text] == []
    assert [name for name in shared if (ROOT / "neo4j" / name).exists() and (ROOT / "ladybug" / name).exists()] == []


def test_a_dialect_s_own_file_goes_before_the_shared_one() -> None:
    own = (ROOT / "neo4j" / "turn" / "turn.cypher").read_text("utf-8")

    assert catalog.load("neo4j")["turn/turn"].text in own
    assert "turn/turn" not in catalog.load("ladybug")
    assert catalog.load("neo4j")["task/get"].text == catalog.load("ladybug")["task/get"].text


def test_a_folder_comes_in_the_order_of_its_names() -> None:
    names = [statement.name for statement in catalog.folder("neo4j", "schema")]

    assert names == sorted(names)
    assert names[0] == "schema/001_schema_id"
