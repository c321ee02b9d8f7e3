"""The door: a body of ``POST /tasks`` comes out as a ``ValidPlan``, or with every fault that it has.

Nothing is stored before this passed. Above some thousand subtasks it takes long enough (two seconds for 250,000) that
the caller should run it off the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec
from pydantic import ValidationError

from engine.model import Json
from engine.plan.checks import Checks, Limits
from engine.plan.drafts import PLACE, Draft
from engine.plan.faults import Faults, quoted
from engine.plan.order import Order
from engine.plan.plain import check_plain
from engine.plan.schema import TaskRequest
from engine.plan.spec import Refs
from engine.plan.stored import Origin
from engine.references import find
from engine.secrets.literals import HINT, literals, suspicious
from engine.secrets.unresolved import unresolved
from engine.secrets.vault import NONE_ALLOWED, Allowed
from engine.toolport import Tool

FORMS = ("description", "type", "template", "plan")
"""The forms in which a task may be sent."""
WAYS = ("merge", "concat", "first")
"""The words that say how a result is made."""


class ValidPlan(msgspec.Struct, frozen=True):
    """A plan without faults, ordered. Dependencies, and everything in ``order``, are indexes into ``subtasks``."""

    request: TaskRequest
    subtasks: list[Draft]
    order: Order
    type: str = "plan"
    description: str = ""
    aggregate_refs: Refs | None = None
    origin: Origin | None = None
    plan_hash: str = ""

    @property
    def edges(self) -> int:
        """How many dependencies there are, those that references imply included."""
        return sum(len(subtask.dependencies) for subtask in self.subtasks)


def validate(
    body: object,
    tools: Callable[[str], Tool | None],
    known_types: Collection[str],
    limits: Limits,
    secrets: Allowed = NONE_ALLOWED,
) -> ValidPlan:
    """Checks a body and everything in it; nothing is changed.

    Args:
        body: the parsed JSON or YAML.
        tools: the tool of a type, or None when there is none.
        known_types: the types there are, for hints.
        limits: how large a plan may be.
        secrets: what it may hold of secrets.

    Raises:
        InvalidInput: with every fault and its JSON pointer, up to about a hundred.
    """
    faults = Faults()
    plain = check_plain(body, faults)
    request = _envelope(body, faults, secrets)
    checks = Checks(tools, known_types, plain, limits, secrets=secrets)
    drafts, ordered = checks.checked(_subtasks(body, limits, faults), faults)
    refs = _aggregate(request.aggregate, drafts, faults) if request and request.aggregate else None
    faults.raise_any()
    assert request is not None and ordered is not None
    return ValidPlan(request, drafts, ordered, aggregate_refs=refs)


def request_of(body: object, secrets: Allowed = NONE_ALLOWED) -> TaskRequest:
    """The common fields of a body of any form; its subtasks, if it has any, are not looked at. ``secrets`` says what
    it may hold of secrets.

    Raises:
        InvalidInput: with every fault of them.
    """
    faults = Faults()
    check_plain(body, faults)
    request = _envelope(body, faults, secrets)
    faults.raise_any()
    assert request is not None
    return request


def _envelope(body: Json, faults: Faults, secrets: Allowed) -> TaskRequest | None:
    """The common fields, and exactly one form."""
    if not isinstance(body, dict):
        faults.add("", f"should be an object with one of {', '.join(FORMS)}")
        return None
    forms = [form for form in FORMS if body.get(form) is not None]
    if len(forms) != 1:
        given = f"has {' and '.join(forms)}" if forms else "has none of them"
        faults.add("", f"should have exactly one of {', '.join(FORMS)}, but {given}")
    else:
        _note_strangers(body, forms[0], faults)
    request = None
    try:
        request = TaskRequest.envelope(body)
    except ValidationError as error:
        faults.add_shape("", body, error, TaskRequest.model_fields)
    _note_secrets({name: value for name, value in body.items() if name != "plan"}, faults, secrets)
    return request


def _note_secrets(fields: dict[str, Json], faults: Faults, secrets: Allowed) -> None:
    """Secrets beside the plan, where nothing is resolved."""
    try:
        encoded = msgspec.json.encode(fields)
    except (TypeError, ValueError, RecursionError):  # no JSON: that is a fault already
        return
    if suspicious(encoded):
        for place, detail in literals(fields, fields):
            if not faults.at(place):
                faults.add(place, detail)
    for place, detail in unresolved(fields, encoded, secrets.has):
        if not faults.at(place):
            faults.add(place, detail)
    if secrets.written(encoded.decode()):
        for name, value in fields.items():
            if secrets.written(msgspec.json.encode(value).decode()):
                faults.add(f"/{name}", f"a secret of this engine {HINT}")


def _note_strangers(body: dict[str, Json], form: str, faults: Faults) -> None:
    """Fields that belong to another form."""
    if body.get("parameters") is not None and form in ("plan", "description"):
        faults.add("/parameters", f"belongs to a typed task or a template; leave it out beside a {form}")
    if body.get("allowed_types") is not None and form in ("plan", "template"):
        faults.add("/allowed_types", f"is for what a model plans; leave it out beside a {form}")


def _aggregate(text: str, drafts: list[Draft], faults: Faults) -> Refs | None:
    """What the reference that makes the task's result refers to; None for a word."""
    if text in WAYS:
        return None
    places = {draft.key: (draft.index, draft.mapped) for draft in drafts}
    found = find(text, places).references
    reference = found[0] if len(found) == 1 and found[0].whole else None
    if reference is None or reference.head not in ("subtasks", "input"):
        faults.add("/aggregate", f"should be {', '.join(WAYS)}, or one reference such as {{{{subtasks.KEY.output}}}}")
    elif reference.problem or not reference.known:
        faults.add("/aggregate", reference.problem or f"there is no subtask {quoted(reference.key)}")
    elif reference.key:
        return Refs(keys={reference.key: places[reference.key]})
    return Refs()


def _subtasks(body: Json, limits: Limits, faults: Faults) -> list[Json]:
    """The raw subtasks; none when there are too many, because checking them is what the limit saves."""
    plan = body.get("plan") if isinstance(body, dict) else None
    subtasks = plan.get("subtasks") if isinstance(plan, dict) else None
    if not isinstance(subtasks, list):
        return []
    if not subtasks:
        faults.add(PLACE, "should have at least one subtask")
    if len(subtasks) > limits.subtasks:
        detail = f"has {len(subtasks):,} subtasks, more than the limit of {limits.subtasks:,}"
        faults.add(PLACE, f"{detail}; split the task, or raise MAX_PLAN_SUBTASKS")
        return []
    return subtasks
