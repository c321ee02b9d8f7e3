"""``agent03 plan ...``: look at a plan before anybody runs it; a running server (ENGINE_URL) checks it."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.task import Collapse, Dot, Mermaid, Svg, server

Source = Annotated[
    str, typer.Argument(metavar="FILE|-|SENTENCE", help="A task as JSON or YAML, - for stdin, or a sentence.")
]

plan = typer.Typer(no_args_is_help=True, help="Look at a plan before it runs; nothing is stored.", name="plan")


@plan.callback()
def _plans() -> None:
    """Keeps ``graph`` a command of its own while it is the only one."""


@plan.command()
def graph(
    source: Source, svg: Svg = False, mermaid: Mermaid = False, dot: Dot = False, collapse: Collapse = None
) -> None:
    """Draw what a task would become on stdout: as a tree by generation, or for a picture with one of the options."""
    from api.cli.graph import form_of, print_preview
    from api.cli.planfile import read_task

    form, body = form_of(svg=svg, mermaid=mermaid, dot=dot), read_task(source)
    with server() as client:
        print_preview(client, body, form, fold=collapse)
