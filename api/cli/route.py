"""``agent03 route ...``: which tool would run a subtask on a running server (ENGINE_URL), and the form of the rules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.commands import AsJson

if TYPE_CHECKING:
    from api.schemas import RoutePreview

route = typer.Typer(no_args_is_help=True, help="Ask which tool would run a subtask, and why (ENGINE_URL).")


@route.command()
def preview(
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="The type of the subtask.")],
    input_: Annotated[str, typer.Argument(metavar="[INPUT]", help="Its input, as JSON.")] = "{}",
    tag: Annotated[list[str] | None, typer.Option(help="A tag of its task; may be given more than once.")] = None,
    capability: Annotated[list[str] | None, typer.Option(help="A capability that it requires; likewise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain a choice without running anything: the tool, the rule, and what is known of each candidate."""
    from api import schemas
    from api.cli.output import show
    from api.cli.task import server

    body = {"type": type_, "input": _json(input_), "tags": tag or [], "required_capabilities": capability or []}
    with server() as client:
        found, _ = client.post(schemas.RoutePreview, "/route/preview", body)
    show(found.model_dump_json(indent=2) if as_json else "\n".join(_lines(found)))


@route.command()
def schema() -> None:
    """Print the JSON Schema of the file of rules (ROUTER_CONFIG)."""
    from api.cli.output import show
    from engine.routing.schema import file_schema

    show(json.dumps(file_schema(), indent=2))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"the input is no JSON: {error}") from None


def _lines(found: RoutePreview) -> list[str]:
    by = f", by the rule {found.rule}" if found.rule else ""
    lines = [f"{found.tool or 'nothing'}{by}: {found.reason}"]
    for one in found.candidates:
        known = f"{one.seconds:.3g} s" if one.seconds is not None else "never run"
        after = f", then {' -> '.join(one.fallback)}" if one.fallback else ""
        where = f" at {', '.join(one.requires)}" if one.requires else ""
        lines.append(
            f"  {one.tool}{where}: {one.unusable or f'{known}, {one.success:.0%} succeed, {one.running} run'}{after}"
        )
    return lines + [f"  not {rule.name}: {rule.why}" for rule in found.rules if not rule.matches]
