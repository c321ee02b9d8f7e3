"""Generation: plan, generate, validate; a template for each of many rows is filled in parts."""

from __future__ import annotations

from engine.model import Json
from engine.planning.complexity import row_count
from engine.planning.literals import literal
from engine.planning.partition import PARTITION_ROWS, Part, cut, partition_rows
from engine.planning.strategies.base import Draft, Wish, rate_words
from engine.planning.subtasks import SubTask, keys, output, outputs

PLAN, GENERATE, VALIDATE = 7, 5, 6
"""Priorities of the stages."""
_CHECKS = ("min_length", "max_length", "contains", "parses_as")
_ASKED = ("template", "prompt")
_KNOWN = (*_CHECKS, *_ASKED, "partition_rows")
_HINTS = {"path", "url", "format", "rows", "bytes"}
_JOIN = "{% for part in parts %}{% if not loop.first %}\n{% endif %}{{ part.text }}{% endfor %}"
_VERBS = ("generate", "write", "compose")
_NOUNS = ("generation", "generator", "generate", "generating", "writing")


class Generation:
    """Plans types such as ``report_generation`` or ``write``."""

    name = "generation.v1"

    def rate(self, type: str) -> float:
        """By its words."""
        return rate_words(type, _VERBS, _NOUNS)

    def plan(self, wish: Wish) -> Draft:
        """One ``generation`` for what is simple and neither read nor checked, else the three stages."""
        place = _place(wish.input)
        if wish.simple and place is None and not wish.given(_CHECKS):
            fields = {**_data(wish.input), **_asked(wish), **wish.others(_KNOWN)}
            return Draft([SubTask("generation", "generation", fields, (), PLAN, "Does all of it at once")])
        reads = [] if place is None else [SubTask("read", "parsing", place, (), PLAN, "Reads the data")]
        data: dict[str, Json] = {"data": output("read", "data")} if reads else _data(wish.input)
        return _stages(wish, reads, data)


def _place(input: Json) -> dict[str, Json] | None:
    """The SOURCE of data that must be read first; None when the input is the data."""
    if not isinstance(input, dict) or not input.keys() <= _HINTS:
        return None
    found = [name for name in ("path", "url") if name in input]
    if len(found) != 1:
        return None
    return {name: f"{{{{input.{name}}}}}" for name in (*found, "format") if name in input}


def _data(input: Json) -> dict[str, Json]:
    if input is None or input == {}:
        return {}
    return {"data": "{{input.data}}" if isinstance(input, dict) and "data" in input else "{{input}}"}


def _asked(wish: Wish) -> dict[str, Json]:
    """Template and prompt, from the parameters or the input; a template is never resolved, so it stays as it is."""
    fields = wish.input if isinstance(wish.input, dict) else {}
    found = {name: wish.parameters.get(name, fields.get(name)) for name in _ASKED}
    return {name: text if name == "template" else literal(text) for name, text in found.items() if text is not None}


def _stages(wish: Wish, reads: list[SubTask], data: dict[str, Json]) -> Draft:
    asked, others = _asked(wish), wish.others(_KNOWN)
    before = tuple(read.key for read in reads)
    outline = SubTask("plan", "planning", {**data, **asked}, before, PLAN, "Makes an outline")
    if "prompt" in asked:
        asked["prompt"] = f"{asked['prompt']}\n\nFollow this outline:\n{output('plan', 'outline')}"
    fields = {**data, **asked, **others}
    if parts := _parts(wish, data):
        return _in_parts(wish, outline, fields, parts)
    needs = (*before, "plan")
    generate = SubTask("generate", "generation", fields, needs, GENERATE, "Makes the text")
    return Draft([*reads, outline, generate, _validate(wish, "generate")])


def _parts(wish: Wish, data: dict[str, Json]) -> list[Part]:
    """The rows of each part, where a template is filled for each row of a long list; none elsewhere."""
    rows = row_count(wish.input)
    each = wish.parameters.get("each") is True and _asked(wish).keys() == {"template"}
    if not (wish.large and each and rows is not None and data):
        return []
    parts = cut(rows, partition_rows(wish.parameters, wish.rows_per_second, PARTITION_ROWS))
    return parts if len(parts) > 1 else []


def _in_parts(wish: Wish, outline: SubTask, fields: dict[str, Json], parts: list[Part]) -> Draft:
    slices, texts = [], []
    for number, part in enumerate(parts, 1):
        rows = {"data": fields["data"], "part": part.as_dict()}
        slices.append(SubTask(f"rows_{number}", "processing", rows, ("plan",), GENERATE, "Takes the rows of a part"))
        filling = {**fields, "data": output(f"rows_{number}", "data")}
        needs = (f"rows_{number}",)
        texts.append(SubTask(f"generate_{number}", "generation", filling, needs, GENERATE, "Makes the texts of a part"))
    joining: dict[str, Json] = {"data": {"parts": outputs(texts)}, "template": _JOIN}
    merge = SubTask("merge", "generation", joining, keys(texts), GENERATE, "Puts the texts together")
    reasons = [f"{len(parts)} parts of about {parts[0].rows:,} rows"]
    return Draft([outline, *slices, *texts, merge, _validate(wish, "merge")], reasons)


def _validate(wish: Wish, key: str) -> SubTask:
    fields: dict[str, Json] = {"data": output(key, "text"), "format": "text", **wish.given(_CHECKS)}
    return SubTask("validate", "validation", fields, (key,), VALIDATE, "Checks the text")
