"""Which lines of a text match a regular expression, by RE2: no pattern takes more than linear time."""

from __future__ import annotations

from engine.tools.rows.census import text as quoted_text
from engine.tools.rows.database import Database


class LineSearch:
    """One pattern. ``interrupt`` of its database ends it, from any thread."""

    def __init__(self, database: Database, pattern: str, case: bool) -> None:
        self._database = database
        matches = f"regexp_matches(line, {quoted_text(pattern)}, '{'c' if case else 'i'}')"
        self._sql = (
            "SELECT number, line FROM (SELECT unnest(lines) AS line, generate_subscripts(lines, 1) AS number "
            f"FROM (SELECT string_split($1, chr(10)) AS lines)) WHERE {matches} ORDER BY number LIMIT $2"
        )

    def found(self, text: str, most: int) -> list[tuple[int, str]]:
        """The first lines that match, as (number from 1, line); raises ``QueryFault``."""
        return [(int(number), str(line)) for number, line in self._database.rows(self._sql, [text, most])]
