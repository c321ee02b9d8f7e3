"""The guard of Cypher: what only reads gets through, nothing else does, however it is written."""

from __future__ import annotations

import hashlib
import re

import ladybug
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.queries.asking import Table
from engine.queries.desk import followed
from engine.queries.guard import COMMANDS, DEEPEST, DEEPEST_CASE, DEEPEST_QUERY, MOST_TOKENS, guarded
from engine.queries.tokens import Kind, Refused, tokenize

READS = [
    r"RETURN 'x\' CREATE (n) //'",
    "MATCH (n) RETURN n",
    "match (t:Task {status: 'x', call: 1})-[r:A|B*1..3]->(s) where s.a in ['a'] and not s.x is null "
    "return s.key as set, count(*) order by s.key desc skip 1 limit $n;",
    "UNWIND [1, 2] AS x WITH DISTINCT x, x * 2 AS y WHERE x > 1 RETURN CASE WHEN x = 1 THEN 'a' ELSE 'b' END",
    "RETURN CASE $x WHEN 2 THEN 1 END AS y UNION ALL RETURN 2 AS y",
    "CALL { MATCH (n) RETURN n LIMIT 1 } RETURN n",
    "CALL (x, y) { RETURN 1 AS z } WITH z RETURN z",
    "MATCH p = ANY SHORTEST (a)-[:X]->+(b) RETURN p",
    "MATCH ((a)-->(b))* (c) WHERE EXISTS { MATCH (a)-->(c) } AND COUNT { (a)-->() } > 1 "
    "RETURN reduce(s = 0, i IN c | s + i)",
    "MATCH ((a)-[:X]->(b)){1,3} RETURN [x IN nodes(p) WHERE x.y STARTS WITH 'q' | x.z], a[1..2]",
    "RETURN date.truncate('day', datetime({epochMillis: 1})) AS start",
    "RETURN 'DELETE' // CREATE\n, \"x\" /* SET */ AS `CALL`",
    "MATCH (n) RETURN n {.*, .name, a: NOT n.b}, n.set, n:Call, -1 + 2 ^ 3 % 4, 1e3, 'a' =~ 'b'",
    "MATCH (a)-[* SHORTEST 1..3]->(b) RETURN a.*, list_transform([1], x -> x + 1), CAST(1 AS STRING)",
]
WRITES = [
    "CREATE (n)",
    "MATCH (n) DELETE n",
    "MATCH (n) DETACH DELETE n",
    "MATCH ((a)-->(b))+ DELETE (a)",
    "MERGE (n) RETURN n",
    "MATCH (n) SET n.x = 1",
    "MATCH (n) REMOVE n.x",
    "WITH * DELETE n",
    "MATCH (n) WITH n INSERT (:A)",
    "MATCH (n) FOREACH (x IN [1] | SET n.x = 1)",
    "CALL { CREATE (n) } RETURN 1",
    "CALL (x) { SET x.y = 1 } RETURN 1",
    "MATCH (n) WHERE EXISTS { CREATE (x) } RETURN n",
    "RETURN 1 UNION CREATE (n)",
    "RETURN COUNT { (a)--(b) } + CREATE (c)",
    "CALL { MATCH (n) RETURN n } IN TRANSACTIONS RETURN n",
    "MATCH (n) RETURN n FINISH",
]
OTHERS = [
    "LOAD CSV FROM 'http://x' AS l RETURN l",
    "LOAD FROM '/etc/passwd' RETURN *",
    "COPY (MATCH (n) RETURN n) TO 'f'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "ATTACH 'x' AS y",
    "INSTALL json",
    "CALL db.labels()",
    "CALL db.labels",
    "MATCH (n) CALL apoc.x(n) YIELD a RETURN a",
    "CALL timeout=0",
    "CALL show_tables() RETURN *",
    "USE x MATCH (n) RETURN n",
    "SHOW SETTINGS",
    "TERMINATE TRANSACTIONS 'x'",
    "PROFILE MATCH (n) RETURN n",
    "EXPLAIN RETURN 1",
    "CHECKPOINT",
    "COMMIT",
    "BEGIN TRANSACTION",
    "RETURN 1; DROP TABLE x",
    "RETURN apoc.load.json('x')",
    "RETURN `apoc`.load(1)",
    "RETURN nextval('x')",
    "RETURN `nextval`('x')",
    "RETURN genai.vector.encode('x')",
    "CYPHER runtime=slotted RETURN 1",
    "RETURN to_json($x)",
]
TRICKS = [
    r"RETURN '\u0027 CREATE (n) //'",
    "RETURN `a`` CREATE (n)",
    "RETURN 1 /* x",
    "RETURN 'a",
    "MATCH (n) ſET n.x = 1",
    "MATCH (n) RETURN n\u2028DELETE n",
    "MATCH (n) RETURN n\u00a0DELETE n",
    "RETURN 1 //\u2028 x\rDELETE n",
    "RETURN 'a\0' CREATE (n)",
    "RETURN 1 /**/DELETE n",
    "RETURN 1DELETE n",
    "RETURN x.`y`DELETE n",
    "RETURN $xDELETE n",
    "RETURN 'x' 'y'",
    "RETURN $x y",
    "RETURN (1",
    "RETURN 1)",
    "RETURN [1}",
    "",
    "// x",
    "RETURN 1 UNION",
    "x" * 60_000,
    "RETURN " + "(" * (DEEPEST + 1),
    "RETURN " + "NOT " * MOST_TOKENS + "true",
    "RETURN " + "CASE WHEN true THEN " * (DEEPEST_CASE + 1) + "1" + " END" * (DEEPEST_CASE + 1),
    "RETURN [" + "CASE 1 WHEN [" * (DEEPEST_CASE + 1) + "1" + "] THEN 1 END" * (DEEPEST_CASE + 1) + "]",
    "RETURN 1 END",
    "WITH 'a' AS s " + "WITH s + s AS s " * 9 + "RETURN size(s)",
    "WITH 'a' AS s " + "WITH s + s AS s ORDER BY s LIMIT 3 WHERE s <> 'x' " * 9 + "RETURN size(s)",
    "WITH ['a'] AS s " + "WITH [s, s, s] AS `s`, 1 AS one " * 6 + "RETURN s",
    "WITH ['a'] AS s " + "WITH s + s AS t WITH list_concat(t, t) AS s " * 5 + "RETURN s",
    "WITH ['a'] AS s " + "UNWIND [s, s] AS t UNWIND [t, t] AS s " * 5 + "RETURN s",
    "WITH ['a'] AS s " + "WITH *, s + s AS s " * 9 + "RETURN s",
    "WITH 'a' AS s CALL (s) { " + "WITH s + s AS s " * 9 + "RETURN s AS t } RETURN t",
    "WITH 'a' AS s " + "CALL (s) { WITH s + s AS s RETURN s AS t } WITH t + t AS s " * 9 + "RETURN s",
    "RETURN CASE WHEN true THEN (1 END) END",
    "MATCH (n) WHERE "
    + "EXISTS { MATCH (m) WHERE " * (DEEPEST_QUERY + 1)
    + "true"
    + "}" * (DEEPEST_QUERY + 1)
    + "RETURN 1",
    "OPTIONAL CREATE (n)",
    "MATCH (n) RETURN n ORDER n",
    ") RETURN 1",
    "'x'",
    "$x",
]


NEARLY_TOO_MUCH = [
    "WITH 'a' AS s " + "WITH s + s AS s " * 8 + "RETURN size(s)",
    "MATCH (t:Task) " + "WITH t, t.a + t.b - t.a AS a, size(t.name) AS b WHERE a > b " * 30 + "RETURN t",
    "RETURN " + " + ".join(["CASE WHEN true THEN " * DEEPEST_CASE + "1" + " END" * DEEPEST_CASE] * 20),
    "RETURN " + "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1),
    "RETURN " + "NOT " * (MOST_TOKENS - 3) + "true",
]


@pytest.mark.parametrize("text", [*READS, *NEARLY_TOO_MUCH])
def test_what_only_reads_gets_through(text: str) -> None:
    assert guarded(text).text.split()[0].upper() in COMMANDS


@pytest.mark.parametrize("text", [*WRITES, *OTHERS, *TRICKS])
def test_all_else_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(Refused, match=r"^line \d+, column \d+: \S"):
        guarded(text)


def test_a_refusal_names_the_place_and_what_is_allowed() -> None:
    with pytest.raises(Refused, match=r"line 2, column 3: DELETE may not come here; a query may only read: MATCH, OPT"):
        guarded("MATCH (n)\n  DELETE n")


def test_what_is_sent_has_no_comments_and_no_semicolon_and_everything_in_its_place() -> None:
    query = guarded("RETURN $a /* 'x */ + 'it // stays' // gone $b\n  , $a;  ")
    assert query.text == "RETURN $a          + 'it // stays'           \n  , $a"
    assert query.parameters == {"a"}


def test_functions_that_break_the_bounds_of_a_database_are_refused_there() -> None:
    assert guarded("RETURN range(1, 2)")
    with pytest.raises(Refused, match="the function range is not allowed here"):
        guarded("RETURN range(1, 2)", frozenset({"RANGE"}))


LOOKED_AT = (244, "f0c5ae5e4d38d16f")
"""How many functions the embedded database has, and the beginning of the hash of their names."""


def test_the_functions_of_the_embedded_database_are_those_that_were_looked_at() -> None:
    """What a new version adds may read a file, or take any amount of memory: then it belongs to the refused ones."""
    result = ladybug.Connection(ladybug.Database(":memory:", buffer_pool_size=64 * 1024 * 1024)).execute(
        "CALL show_functions() RETURN DISTINCT name, type"
    )
    names = sorted({name for name, kind in result.get_all() if kind.split()[0] in ("SCALAR", "AGGREGATE", "REWRITE")})
    assert (len(names), hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]) == LOOKED_AT, names


def test_only_rows_on_the_way_from_the_first_are_kept() -> None:
    table = Table(["key", "after"], [["d", "b"], ["c", "a"], ["b", "a"], ["a", None]])
    assert followed(table, "after").rows == [["a", None], ["b", "a"], ["d", "b"]]
    assert followed(Table(["key", "after"], [["a", "b"], ["b", "a"]]), "after").rows == [["b", "a"], ["a", "b"]]
    assert followed(Table(["key", "after"], []), "after").rows == []


# --- whatever is put together ----------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    return text.split()


WRITING = words("CREATE SET DELETE MERGE REMOVE DETACH INSERT FOREACH LOAD COPY DROP ALTER USE EXPORT ATTACH INSTALL")
PIECES = st.sampled_from(
    [
        *WRITING,
        *words("MATCH OPTIONAL WITH RETURN UNWIND CALL UNION ALL WHERE ORDER BY LIMIT AS IN NOT AND DISTINCT"),
        *words("EXISTS COUNT CASE WHEN THEN END STARTS n m x 1 'x' `y` $p * + - , . : | ( ) [ ] { } = -> // /* */"),
        *words("' \" \\ ;"),
        "(n)",
        "(n:A)-[r:B]->(m)",
        "n.x = 1",
        "{a: 1}",
        "\n",
    ]
)
NAME_BEFORE = re.compile(r"(\.|:|\bAS)\s*$", re.IGNORECASE)


def _unquoted(text: str) -> str:
    """The text with blanks for what is quoted, by another way than the guard's."""
    return re.sub(r"'(\\.|[^'\\])*'|\"(\\.|[^\"\\])*\"|`[^`]*`", lambda found: " " * len(found.group()), text)


@given(st.lists(PIECES, max_size=14), st.sampled_from(["", " "]))
def test_no_writing_word_gets_through_but_as_a_name(pieces: list[str], between: str) -> None:
    text = "RETURN 1 AS n " + between.join(pieces)
    try:
        sent = _unquoted(guarded(text).text)
    except Refused:
        return
    for found in re.finditer(r"[A-Za-z_]\w*", sent):
        if found.group().upper() in WRITING:
            assert NAME_BEFORE.search(sent[: found.start()]) or re.match(r"\s*:", sent[found.end() :]), text


@given(st.sampled_from(READS), st.sampled_from(WRITING), st.data())
def test_a_writing_word_among_the_clauses_is_refused(text: str, word: str, data: st.DataObject) -> None:
    """In place of the word that begins a clause, or before it."""
    starts = [token.at for token in tokenize(text)[0] if token.word in {"MATCH", "RETURN", "UNWIND", "UNION"}]
    at = data.draw(st.sampled_from(starts))
    end = at + len(re.match(r"\w+", text[at:]).group()) if data.draw(st.booleans()) else at  # type: ignore[union-attr]
    with pytest.raises(Refused):
        guarded(f"{text[:at]}{word} {text[end:]}")


@given(st.text(alphabet="ab'\"`/*\\\n\r $1. é", max_size=20))
def test_tokens_and_blanks_make_up_the_whole_text(text: str) -> None:
    try:
        tokens, sent = tokenize(text)
    except Refused:
        return
    assert len(sent) == len(text)
    end = 0
    for token in tokens:
        assert text[token.at :].startswith(token.text)
        assert sent[end : token.at].strip(" \r\n") == ""
        end = token.at + len(token.text)
    assert (tokens[-1].kind, end) == (Kind.END, len(text))
    assert tokenize(sent) == (tokens, sent)
