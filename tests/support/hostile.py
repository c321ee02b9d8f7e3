"""Values and texts that people with bad intentions send, as strategies of Hypothesis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

ODD = st.sampled_from(
    [
        "",
        " ",
        "\0",
        "\n",
        "..",
        "/",
        "~",
        "{{",
        "}}",
        "\\{{",
        "'",
        '"',
        "`",
        "é",
        "\U0001f600",
        "\u2028",
        "\u202e",
        "﷽",
        "ſ",
        "İ",
    ]
)
TEXT = st.one_of(st.text(max_size=20), ODD, st.builds(lambda one, many: one * many, ODD, st.integers(1, 3_000)))
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from(
        [0, -1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 1e-320, float("nan"), float("inf")]
    ),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@dataclass(frozen=True)
class Deep:
    """A value inside so many lists, or objects with one name; told in a few words."""

    levels: int
    name: str | None
    value: Any

    def unfolded(self) -> Any:
        """As it is sent."""
        found = self.value
        for _ in range(self.levels):
            found = [found] if self.name is None else {self.name: found}
        return found

    def text(self) -> str:
        """As JSON, which the library's encoder does not write so deep."""
        before, after = ("[", "]") if self.name is None else (f"{{{json.dumps(self.name)}:", "}")
        return before * self.levels + json.dumps(self.value) + after * self.levels


def unfolded(example: Any) -> Any:
    """An example as a value."""
    if isinstance(example, Deep):
        return example.unfolded()
    if isinstance(example, dict):
        return {name: unfolded(value) for name, value in example.items()}
    return [unfolded(value) for value in example] if isinstance(example, list) else example


def sent(example: Any) -> bytes:
    """An example as JSON text; bytes go as they are."""
    return example if isinstance(example, bytes) else _text(example).encode(errors="replace")


def _text(example: Any) -> str:
    if isinstance(example, Deep):
        return example.text()
    if isinstance(example, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{_text(value)}' for name, value in example.items())}}}"
    return f"[{','.join(map(_text, example))}]" if isinstance(example, list) else json.dumps(example)


DEEP = st.builds(
    Deep, st.sampled_from([1, 40, 120, 600, 3_000]), st.sampled_from([None, "a", "input", "\u00e9"]), LEAVES
)
VALUES = st.one_of(ANYTHING, ANYTHING, DEEP)
KEYS = st.one_of(st.sampled_from(["a", "b", "c", "a.b", "a.output", "x[0]", "status"]), TEXT)
CEL_PIECES = st.sampled_from(
    [
        *(
            "subtasks",
            "input",
            "task",
            ".a",
            ".output",
            '["b"]',
            "status",
            "==",
            "&&",
            "||",
            "!",
            "?",
            ":",
            "+",
            "-",
            "*",
        ),
        *("%", "/", "(", ")", "[", "]", "{", "}", ",", "in", "has(", "size(", ".all(x, ", ".exists(y, ", ".map(z, "),
        *(
            ".filter(w, ",
            ".matches(",
            "x",
            "y",
            "z",
            "1",
            "1u",
            "0x1F",
            "1e400",
            "9223372036854775807",
            "'a'",
            '"b"',
            "r'\\'",
        ),
        *(
            "b'x'",
            "'''",
            "true",
            "null",
            "timestamp(",
            "duration(",
            "'1h'",
            "//",
            "\n",
            "\\",
            "type(",
            "int(",
            "string(",
        ),
    ]
)
CEL = st.one_of(
    st.lists(CEL_PIECES, max_size=40).map(" ".join),
    TEXT,
    st.builds(lambda p, n: p * n, CEL_PIECES, st.integers(1, 700)),
)
PATHS = st.lists(
    st.sampled_from(
        [".output", ".status", ".error", ".a", "[0]", "[999999999]", ".0", ".a-b", "[", "]", ".", ".é", "['x']"]
    ),
    max_size=6,
).map("".join)
HEADS = st.sampled_from(
    ["subtasks.a", "subtasks.a.b", "previous_output", "item", "items", "index", "input", "secrets.X", "subtasks", "x"]
)
REFERENCE = st.builds(
    lambda before, head, path, after: before + head + path + after,
    *(
        st.sampled_from(["{{", "{{ ", "\\{{", "{{{", "text {{"]),
        HEADS,
        PATHS,
        st.sampled_from(["}}", " }}", "}}}", "}", "}} text"]),
    ),
)
TEMPLATED = st.one_of(REFERENCE, st.lists(st.one_of(REFERENCE, TEXT), max_size=5).map("".join), VALUES)
TIMES = st.one_of(
    st.sampled_from(
        ["2026-11-21T10:15:30Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"]
    ),
    st.datetimes(timezones=st.timezones() | st.none()).map(str),
    st.from_regex(r"\A[0-9+-]{1,6}-[0-9]{1,3}-[0-9]{1,3}T[0-9:.]{0,20}[Z+-]?[0-9:]{0,8}\Z"),
    TEXT,
)
YAML_PIECES = st.sampled_from(
    [
        *(
            "a: ",
            "- ",
            "? ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\n",
            "  ",
            "&x ",
            "*x",
            "<<: ",
            "|\n",
            ">\n",
            "# ",
            "---\n",
            "...\n",
        ),
        *(
            "!!binary ",
            "!!timestamp ",
            "!!set ",
            "!!omap ",
            "!!pairs ",
            "!!bool ",
            "!!int ",
            "!!float ",
            "!!null ",
            "!!str ",
        ),
        *(
            "!!python/object:os.system ",
            "!x ",
            "%YAML 1.2\n",
            "0x",
            "0o9",
            "1e999",
            "9" * 5_000,
            "~",
            "yes",
            "2026-01-01",
            "'",
            '"',
        ),
        *("\\x00", "\ufeff", "é", "plan: ", "subtasks: ", "key: a", "\t"),
    ]
)
CYPHER_PIECES = st.sampled_from(
    [
        *(
            "MATCH ",
            "OPTIONAL MATCH ",
            "WITH ",
            "RETURN ",
            "UNWIND ",
            "CALL ",
            "UNION ",
            "ALL ",
            "WHERE ",
            "ORDER BY ",
            "LIMIT ",
        ),
        *(
            "CREATE ",
            "SET ",
            "DELETE ",
            "MERGE ",
            "REMOVE ",
            "FOREACH ",
            "LOAD CSV ",
            "COPY ",
            "USE ",
            "CASE ",
            "WHEN ",
            "THEN ",
        ),
        *(
            "END ",
            "EXISTS ",
            "COUNT ",
            "COLLECT ",
            "(n:Task)",
            "-[r:X*1..3]->",
            "n.id",
            "$p",
            "'x'",
            '"y"',
            "`z`",
            "1",
            "1.5e3",
        ),
        *(
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            ",",
            ":",
            ".",
            "|",
            "+",
            "*",
            "=",
            "=~",
            "//",
            "/*",
            "*/",
            ";",
            "\n",
            "\\u0027",
            "\0",
        ),
        *(
            "apoc.x(",
            "nextval(",
            "range(",
            "x -> ",
            "AS ",
            "IN ",
            "NOT ",
            "AND ",
            "é",
            "\u00a0",
            "'",
            '"',
            "`",
            "\\",
            "\\'",
        ),
    ]
)
CYPHER = st.one_of(
    st.lists(CYPHER_PIECES, max_size=60).map("".join),
    st.builds(lambda p, n: p * n, CYPHER_PIECES, st.integers(1, 9_000)),
    TEXT,
)
