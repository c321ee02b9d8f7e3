"""A report as Markdown. Whatever a user has written is escaped: it can neither break the page nor form a part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from api.drawings.mermaid import Bar, flowchart, gantt
from api.drawings.scene import scene
from engine.answers import story, words
from engine.answers.story import Report
from engine.model import Json
from engine.times import iso

_SPECIAL = re.compile(r"([\\`*_\[\]()|~#!$^=])")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
LONGEST = 300
"""Characters of somebody else's text in one place."""


def plain(text: str, longest: int = LONGEST) -> str:
    """Somebody else's text as it is to be read: on one line, cut, every character that means something escaped."""
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    escaped = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    return re.sub(r"^([-+:]|\d+(?=\.))", r"\\\1" if not escaped[:1].isdigit() else r"\1\\", escaped)


def code(text: str) -> str:
    """A short text in a code span that none of its characters can end, also inside a table."""
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}".replace("|", r"\|") if line else ""


DRAWN_SUBTASKS = 5_000
"""Subtasks up to which a report draws its task: the graph is read as a whole for that."""
DRAWN_BOXES = 40


def render(report: Report, drawn: Mapping[str, Json] | None = None) -> str:
    """The whole report; ``drawn`` is the graph of its task with like subtasks as one, where it shall be drawn."""
    sections = [
        _head(report),
        _graph(drawn) if drawn else "",
        _timeline(report),
        _failures(report),
        _slowest(report),
        _types(report),
        _path(report),
        _estimates(report),
        _saved(report),
        _retries(report),
        _agents(report),
        _section("What to do next", [f"- {plain(line, 600)}" for line in report.next]),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    made = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}", *made] if made else []


def _head(report: Report) -> str:
    task = report.task
    title = plain(task.name or task.description or task.type or task.id, 80)
    facts = [
        ("task", code(task.id)),
        ("type", code(task.type)),
        ("status", task.status.value),
        ("submitted", iso(task.created_at)),
        ("ended", iso(task.completed_at) if task.completed_at else "not yet"),
        ("subtasks", ", ".join(f"{number:,} {status}" for status, number in sorted(task.counts.items()) if number)),
        ("planned by", plain(story.origin_of(task))),
        ("rerun of", code(task.rerun_of or "")),
        ("result", code(report.result or "")),
        ("result hash", code(task.result_hash or "")),
    ]
    lines = [f"# {title}", "", plain(report.words, 1_000), ""]
    if task.description and task.description != task.name:
        lines += [plain(task.description, 1_000), ""]
    return "\n".join([*lines, *(f"- **{name}:** {value}" for name, value in facts if value)])


def _timeline(report: Report) -> str:
    rows = [(iso(moment.at), moment.what, plain(moment.detail)) for moment in report.timeline]
    busy = report.gathered.busy
    spans = ", ".join(f"{phase.name} {words.duration(phase.seconds)}" for phase in report.phases)
    lines = [*_table(["when", "what", ""], rows), "", f"{spans[:1].upper()}{spans[1:]}."]
    if busy.peak:
        lines.append(f"At most {busy.peak:,} ran at once, {busy.average:.1f} on average, of {report.slots:,} slots.")
    return _section("Timeline", lines)


def _graph(drawn: Mapping[str, Json]) -> str:
    seen = scene(drawn, DRAWN_BOXES)
    left_out = ["", f"{seen.left_out:,} more are left out."] if seen.left_out else []
    return _section("Graph", ["```mermaid", flowchart(seen).rstrip(), "```", *left_out])


def _over_time(report: Report) -> list[str]:
    bars = [
        Bar(hop.key, hop.start, hop.start + round(1000 * hop.seconds), hop.status)
        for hop in report.path.hops[-DRAWN_BOXES:]
        if hop.start
    ]
    return ["```mermaid", gantt([("one after the other", bars)]).rstrip(), "```", ""] if bars else []


def _failures(report: Report) -> str:
    rows = [
        (
            code(row.key),
            row.category or "",
            plain(row.message),
            plain(row.suggestion or ""),
            f"{'at least ' if row.behind.more else ''}{row.behind.count:,}",
        )
        for row in report.failures
    ]
    lines = _table(["subtask", "category", "what", "what to do", "did not run because of it"], rows)
    if report.failed > len(rows):
        lines += ["", f"{report.failed - len(rows):,} more failed."]
    return _section("Failures", lines)


def _slowest(report: Report) -> str:
    rows = [
        (
            code(row.key),
            code(row.type),
            words.duration(row.seconds),
            "" if row.waited is None else words.duration(row.waited),
            str(row.attempts),
        )
        for row in report.gathered.slowest
    ]
    return _section("Slowest subtasks", _table(["subtask", "type", "took", "waited for a slot", "attempts"], rows))


def _types(report: Report) -> str:
    rows = [
        (code(row.type), f"{row.count:,}", words.duration(row.seconds), words.duration(row.longest))
        for row in report.gathered.types
    ]
    return _section("Types", _table(["type", "subtasks", "together", "longest"], rows))


def _path(report: Report) -> str:
    path = report.path
    rows = [(code(hop.key), words.duration(hop.seconds), words.duration(hop.waited)) for hop in path.hops[-50:]]
    if not rows:
        return ""
    began = " It began earlier than is shown here." if path.cut or len(path.hops) > len(rows) else ""
    said = f"{words.duration(path.seconds)} in these subtasks, {words.duration(path.waited)} between them.{began}"
    title = "What decided when it ended" if report.task.completed_at else "What led to the last end"
    return _section(title, [*_over_time(report), *_table(["subtask", "took", "waited"], rows), "", said])


def _estimates(report: Report) -> str:
    found = report.gathered.estimates
    if not found.count:
        return ""
    missed = [*found.longer, *found.shorter]
    rows = [(code(row.key), words.duration(row.expected), words.duration(row.actual)) for row in missed]
    said = (
        f"{found.count:,} subtasks with an estimate: {words.duration(found.expected)} expected, "
        f"{words.duration(found.actual)} taken."
    )
    return _section("Estimate against actual", [said, "", *_table(["subtask", "expected", "took"], rows)])


def _saved(report: Report) -> str:
    found = report.gathered.saved
    if not found.cached and not found.reused:
        return ""
    said = f"{found.cached:,} results came from the cache and {found.reused:,} from the task that it reruns"
    if found.known:
        said += f"; that saved about {words.duration(found.seconds)}, as far as is known of {found.known:,} of them"
    if found.cost:
        said += f", and ${found.cost:.4g}"
    return _section("Saved", [f"{said}."])


def _agents(report: Report) -> str:
    total, most = story.spending(report.agents)
    rows = [(code(row.key), str(row.turns), f"{row.usage.tokens:,}", _dollars(row.usage.cost)) for row in most]
    if not rows:
        return ""
    said = f"{total.tokens:,} tokens by agents{f', {_dollars(total.cost)}' if total.cost else ''}."
    return _section("Where the tokens went", [said, "", *_table(["agent", "turns", "tokens", "cost"], rows)])


def _dollars(cost: float | None) -> str:
    return "" if not cost else f"${cost:.4g}"


def _retries(report: Report) -> str:
    found = report.gathered.repeats
    rows = [(code(key), str(attempts)) for key, attempts in found.most]
    return _section("Retries", _table(["subtask", "attempts"], rows))
