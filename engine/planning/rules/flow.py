"""Clauses become subtasks: what each works on is a thing that it names, or what the clauses before it have made."""

from __future__ import annotations

from engine.model import Json, Value
from engine.planning.literals import literal
from engine.planning.rules.clauses import Clause
from engine.planning.rules.marks import Thing
from engine.planning.sources import Source
from engine.planning.subtasks import SubTask, output

SUMMARY_SENTENCES = 3
"""Of a summary whose length nobody asked for."""
_ROWS = ("csv", "json", "ndjson", "parquet", "yaml", "toml", "xml")
_WHAT = {
    "e-mails": "emails",
    "e-mail": "emails",
    "email addresses": "emails",
    "links": "urls",
    "key words": "keywords",
    "lines": "rows",
    "records": "rows",
}
_EXTRACTED = ("numbers", "emails", "dates", "urls", "keywords")
_COUNTED = ("words", "sentences", "rows", "numbers")
_FORMATS_GIVEN = {"rows": "json", "text": "text", "unknown": ""}
_SAME = {"jsonl": "ndjson", "yml": "yaml"}


class NotUnderstood(Exception):
    """A clause that points at nothing, at too much, or asks for what cannot be done with it."""


class Held(Value, frozen=True):
    """What a clause has made, or a thing that it names.

    ``source`` is the SOURCE of a stage that reads it, ``content`` what a file of it holds; ``needs`` the key of the
    subtask that makes it, "" for a thing that is there from the beginning. ``kind`` is rows, text, value or unknown;
    ``format`` that of a content which is text, "" when unknown, and "json" when it is a JSON value.
    """

    source: dict[str, Json]
    content: Json
    needs: str = ""
    kind: str = "unknown"
    format: str = ""
    thing: Thing | None = None


class Flow:
    """Builds the subtasks of one sentence, clause by clause."""

    def __init__(self, things: list[Thing], data: Source | None) -> None:
        self._things = things
        self._used: set[int] = set()
        self._data = data
        self._held: list[Held] = []
        self._taken: list[Held] = []
        self.subtasks: list[SubTask] = []

    def add(self, clause: Clause) -> None:
        """The subtasks of one clause; raises ``NotUnderstood``."""
        made = getattr(self, f"_{clause.does}")(clause, self._targets(clause))
        self._held = [held for held in self._held if held not in self._taken] + made

    def finish(self) -> list[SubTask]:
        """All subtasks; raises ``NotUnderstood`` when the sentence names things that nothing was done with."""
        if len(self._used) < len(self._things) or not self.subtasks:
            raise NotUnderstood
        return self.subtasks

    # --- what a clause works on ---------------------------------------------------------------------------------

    def _targets(self, clause: Clause) -> list[Held]:
        self._taken = []
        if clause.marks:
            return [self._named(number) for number in clause.marks]
        there = self._held or self._given()
        fits = len(there) == 1 if clause.pronoun != "them" else bool(there)
        if not fits:
            raise NotUnderstood
        self._taken = list(there)
        return self._taken

    def _given(self) -> list[Held]:
        """The data in the task's input."""
        if self._data is None:
            return []
        fields = self._data.fields
        kind = "rows" if self._data.tabular else "text" if self._data.kind == "data" else "unknown"
        return [Held(fields, fields.get("data"), kind=kind, format=_FORMATS_GIVEN[kind])]

    def _named(self, number: int) -> Held:
        thing = self._things[number]
        self._used.add(number)
        kind = "rows" if thing.format in _ROWS else "text" if thing.format else "unknown"
        text = literal(thing.text)
        if thing.kind == "text":
            return Held({"data": text, "format": "text"}, text, kind="text", format="text", thing=thing)
        place = "path" if thing.kind == "file" else "url"
        return Held({place: text}, None, kind=kind, format=thing.format, thing=thing)

    def _file(self, number: int | None) -> Thing:
        """The file that a clause writes."""
        if number is None or self._things[number].kind != "file":
            raise NotUnderstood
        self._used.add(number)
        return self._things[number]

    # --- the clauses --------------------------------------------------------------------------------------------

    def _get(self, clause: Clause, targets: list[Held]) -> list[Held]:
        if not clause.marks:
            raise NotUnderstood
        return [self._fetch(held, "fetch") for held in targets]

    def _fetch(self, held: Held, verb: str) -> Held:
        thing = held.thing
        if thing is None or thing.kind == "text":
            raise NotUnderstood
        if thing.format == "parquet":
            key = self._put(verb, "parsing", held.source, [])
            return Held({"data": output(key, "data")}, output(key, "data"), key, "rows", "json")
        if thing.kind == "file":
            key = self._put("read", "read_file", held.source, [])
            return Held(
                _again(output(key, "content"), thing.format), output(key, "content"), key, held.kind, held.format
            )
        key = self._put(verb, "http_request", held.source, [])
        told = "" if thing.format == "json" else thing.format  # the client has decoded JSON already
        return Held(_again(output(key, "body"), told), output(key, "body"), key, held.kind, held.format)

    def _convert(self, clause: Clause, targets: list[Held]) -> list[Held]:
        target = None if clause.format else self._file(clause.target)
        to = _SAME.get(clause.format, clause.format) if target is None else target.format
        if to in ("", "text") or (target is not None and len(targets) > 1):
            raise NotUnderstood
        more: dict[str, Json] = {"to": to} if target is None else {"to": to, "to_path": literal(target.text)}
        return [self._converted(held, more) for held in targets]

    def _converted(self, held: Held, more: dict[str, Json]) -> Held:
        if held.kind == "value":
            raise NotUnderstood
        key = self._put("convert", "formatting", {**held.source, **more}, [held])
        whole = output(key, "path" if "to_path" in more else "base64" if more["to"] == "parquet" else "text")
        return Held({"data": whole, "format": more["to"]}, whole, key, "text", str(more["to"]))

    def _summarise(self, clause: Clause, targets: list[Held]) -> list[Held]:
        return [self._summary(held, clause.number) for held in targets]

    def _summary(self, held: Held, number: int | None) -> Held:
        if held.kind == "value" or number == 0 or (held.kind == "rows" and number is not None):
            raise NotUnderstood
        if held.kind == "rows":
            key = self._put("summarise", "extraction", held.source, [held])
            return Held({"data": output(key)}, output(key, "columns"), key, "value", "json")
        fields = {**_as_text(held.source), "summary_sentences": number or SUMMARY_SENTENCES}
        key = self._put("summarise", "extraction", fields, [held])
        summary = output(key, "summary")
        return Held({"data": summary, "format": "text"}, summary, key, "text", "text")

    def _extract(self, clause: Clause, targets: list[Held]) -> list[Held]:
        what = _WHAT.get(clause.what, clause.what)
        if what not in _EXTRACTED or any(held.kind in ("rows", "value") for held in targets):
            raise NotUnderstood
        return [self._extracted(held, what) for held in targets]

    def _extracted(self, held: Held, what: str) -> Held:
        key = self._put("extract", "extraction", _as_text(held.source), [held])
        found = output(key, what)
        answer = self._put(what, "noop", {what: found}, [Held({}, None, key)])
        return Held({}, found, answer, "value", "json")

    def _count(self, clause: Clause, targets: list[Held]) -> list[Held]:
        what = _WHAT.get(clause.what, clause.what)
        if what not in _COUNTED or len(targets) > 1 or any(held.kind == "value" for held in targets):
            raise NotUnderstood
        held = targets[0]
        if (what == "rows") != (held.kind == "rows"):
            raise NotUnderstood
        fields = held.source if what == "rows" else _as_text(held.source)
        key = self._put("extract", "extraction", fields, [held])
        expression = "len(found)" if what == "numbers" else "found"
        counting: dict[str, Json] = {"expression": expression, "variables": {"found": output(key, what)}}
        answer = self._put("count", "calculate", counting, [Held({}, None, key)])
        return [Held({}, output(answer, "value"), answer, "value", "json")]

    def _compare(self, clause: Clause, targets: list[Held]) -> list[Held]:
        beside = [] if clause.beside is None else [self._named(clause.beside)]
        both = [self._loaded(held) for held in [*targets, *beside]]
        if len(both) != 2 or any(held.kind == "value" for held in both) or len({held.kind for held in both}) > 1:
            raise NotUnderstood
        left, right = both
        key = self._put("compare", "comparison", {"left": left.source, "right": right.source}, both)
        return [Held({"data": output(key)}, output(key), key, "value", "json")]

    def _loaded(self, held: Held) -> Held:
        """An address is fetched by a subtask of its own, so that several are fetched side by side."""
        return self._fetch(held, "fetch") if held.thing is not None and held.thing.kind == "url" else held

    def _write(self, clause: Clause, targets: list[Held]) -> list[Held]:
        file = self._file(clause.target)
        if len(targets) != 1:
            raise NotUnderstood
        held = targets[0]
        if _differs(held, file):
            return self._convert(clause, targets)
        if held.content is None and held.thing is not None:
            held = self._fetch(held, "fetch")
        if not _fits(held, file):
            raise NotUnderstood
        fields: dict[str, Json] = {"path": literal(file.text), "content": held.content}
        self._put("write", "write_file", fields, [held])
        return [held]

    def _put(self, verb: str, type: str, fields: dict[str, Json], needs: list[Held]) -> str:
        """A new subtask; returns its key: the verb, with a number from the second on."""
        taken = {subtask.key for subtask in self.subtasks}
        key = next(name for number in range(1, len(taken) + 2) if (name := _numbered(verb, number)) not in taken)
        dependencies = tuple(dict.fromkeys(held.needs for held in needs if held.needs))
        self.subtasks.append(SubTask(key, type, fields, dependencies))
        return key


def _differs(held: Held, file: Thing) -> bool:
    """Whether rows are to be written in another format than theirs."""
    return held.kind == "rows" and held.format != file.format and file.format in (*_ROWS, "markdown", "html")


def _fits(held: Held, file: Thing) -> bool:
    """Whether a file of that ending may hold this: a table file no text, and a text file anything."""
    return file.format in ("text", held.format) or (held.format == "" and file.format != "parquet")


def _numbered(verb: str, number: int) -> str:
    return verb if number == 1 else f"{verb}_{number}"


def _again(reference: str, format: str) -> dict[str, Json]:
    """The SOURCE that reads an output once more."""
    return {"data": reference, "format": format} if format else {"data": reference}


def _as_text(source: dict[str, Json]) -> dict[str, Json]:
    """The same source read as text, also where its ending promises a table."""
    return {**source, "format": "text"}
