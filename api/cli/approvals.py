"""What waits for a person, and decisions on it, as the command line prints them."""

from __future__ import annotations

from collections.abc import Iterator

from api.approvals import ApprovalPage, ApprovalView, Decided
from api.cli.client import Client, place_of
from api.cli.output import say, show
from api.cli.words import closing_line, pretty
from api.taint import TaintView
from engine.model import Json

MOST = 1_000
MOST_NAMED = 50


def list_approvals(client: Client, task_id: str | None, *, everything: bool, as_json: bool) -> None:
    """Prints what waits for a person, in one task or in all."""
    path = "/approvals" if task_id is None else f"{place_of(task_id)}/approvals"
    state = {"state": "all"} if everything and task_id is not None else {}
    page = client.get(ApprovalPage, path, limit=MOST, **state)
    if as_json:
        show(page.model_dump_json(indent=2))
        return
    show("\n\n".join("\n".join(_lines(one)) for one in page.approvals) or "nothing waits for a person")
    if page.next_cursor:
        say(f"the first {MOST}; decide on some of them to see the rest")


def _lines(one: ApprovalView) -> Iterator[str]:
    yield f"{one.task_id} {one.key}: {one.type}, {one.state}"
    yield from (f"  why: {reason.words}" for reason in one.why)
    if one.input_hash:
        cut = f" ({one.input_bytes:,} bytes, cut here)" if one.input_cut else ""
        yield f"  input{cut}: {pretty(one.input)}"
    if one.behind.count:
        more = " or more" if one.behind.more else ""
        yield f"  behind it: {one.behind.count}{more}, such as {', '.join(one.behind.keys)}"
    yield f"  who may decide: {', '.join(one.approvers) or 'everybody'}"
    if one.until and one.verdict is None:
        then = {"reject": "then it is rejected", "approve": "then it is approved", "wait": "and it waits on"}
        yield f"  until: {one.until}, {then[one.on_expiry]}"
    if one.verdict is not None:
        comment = f": {one.verdict.comment}" if one.verdict.comment else ""
        yield f"  {one.state} by {one.verdict.by or 'somebody'} at {one.verdict.at}{comment}"


def decide_on_several(client: Client, task_id: str, body: Json, *, as_json: bool) -> None:
    """Decides on several subtasks at once and prints which."""
    answer, _ = client.post(Decided, f"{place_of(task_id)}/approvals", body)
    keys = ", ".join(one.key for one in answer.approvals)
    show(answer.model_dump_json(indent=2) if as_json else "\n".join(filter(None, (closing_line(answer.task), keys))))
    if answer.detail:
        say(answer.detail)


def print_taint(client: Client, task_id: str, *, as_json: bool) -> None:
    """Prints what of a task came from outside, and where it goes."""
    found = client.get(TaintView, f"{place_of(task_id)}/taint")
    show(found.model_dump_json(indent=2) if as_json else "\n".join(_taint_lines(found)))


def _taint_lines(found: TaintView) -> Iterator[str]:
    if not found.sources and not found.tainted:
        yield "nothing in this task comes from outside"
        return
    yield f"from outside: {', '.join(found.sources[:MOST_NAMED]) or 'nothing more'}"
    yield from (f"{'asks' if path.asks else 'ran'}: {' -> '.join(path.keys)}" for path in found.paths)
    if found.approvals:
        yield f"the fewest approvals that cover it: {', '.join(found.approvals)}"
