"""What ``agent03 task why``, ``report`` and ``diff`` print."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from api.answers import StepView, WhyView
from api.cli.client import Client, place_of
from api.cli.output import say, show
from api.cli.tasks import table
from api.diff_view import DiffView
from api.report_view import ReportView

SHOWN_STEPS = 30
MARKDOWN = "text/markdown"


def explain(client: Client, task_id: str, key: str | None, *, as_json: bool) -> None:
    """Prints why a task or a subtask is where it is."""
    path = f"{place_of(task_id)}/why" + ("" if key is None else f"/{quote(key, safe='')}")
    answer = client.get(WhyView, path)
    if as_json:
        show(answer.model_dump_json(indent=2))
        return
    show(answer.words)
    if len(answer.chain) > 1:
        rows = [(step.key, step.status, _causes(step), step.expected_end or "") for step in answer.chain[:SHOWN_STEPS]]
        show("\n" + table(("SUBTASK", "STATUS", "WHY", "EXPECTED TO END"), rows))
    if len(answer.chain) > SHOWN_STEPS:
        say(f"the first {SHOWN_STEPS} of {len(answer.chain)} subtasks; --json shows all of them")


def _causes(step: StepView) -> str:
    return "waits for " + ", ".join(step.because_of) if step.because_of else step.causes[0].words


def print_report(client: Client, task_id: str, *, as_json: bool) -> None:
    """Prints the report of a task: Markdown, or JSON."""
    path = f"{place_of(task_id)}/report"
    if as_json:
        show(client.get(ReportView, path).model_dump_json(indent=2))
    else:
        show(client.text(path, MARKDOWN).rstrip("\n"))


def print_diff(client: Client, a: str, b: str, *, as_json: bool) -> None:
    """Prints how the second task differs from the first."""
    found = client.get(DiffView, f"{place_of(a)}/diff/{quote(b, safe='')}")
    if as_json:
        show(found.model_dump_json(indent=2))
        return
    show("\n".join([found.words, *_details(found)]))


def _details(found: DiffView) -> Iterator[str]:
    for change in found.task:
        yield f"task {change.path}: {_value(change.before)} -> {_value(change.after)}"
    for row in found.inputs:
        for change in row.changes:
            yield f"{row.key} {change.path}: {_value(change.before)} -> {_value(change.after)}"
    for name in ("added", "removed"):
        keys = getattr(found.shape, name)
        if keys:
            yield f"{name}: {', '.join(keys)}"
    for before, after in found.shape.renamed:
        yield f"renamed: {before} -> {after}"
    rows = [
        (row.key, f"{row.before:.3f}", f"{row.after:.3f}", "" if row.ratio is None else f"x{row.ratio:.2f}")
        for row in found.durations.most
    ]
    if rows:
        yield "\n" + table(("SUBTASK", "SECONDS BEFORE", "AFTER", ""), rows)


def _value(text: str | None) -> str:
    return "nothing" if text is None else text
