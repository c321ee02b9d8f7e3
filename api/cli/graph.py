"""``agent03 task graph`` and ``agent03 plan graph``: a task as a picture, on stdout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from rich.console import Console

from api import schemas
from api.cli.board import Board
from api.cli.client import Client, place_of
from api.cli.exits import FAILED, USAGE, Stop
from api.cli.output import say, show
from api.cli.tree import nodes_of, tree
from api.drawings.dot import dot
from api.drawings.mermaid import flowchart
from api.drawings.scene import Scene, scene
from api.drawings.svg import svg
from engine.model import Json
from engine.plan.drawing import collapsed

FOLDED_ABOVE = 100
"""Subtasks above which like ones are drawn as one unless that is asked for or refused."""
MERMAID_EDGES = 500
"""What Mermaid draws unless its configuration says otherwise."""


class Form(StrEnum):
    """What a picture is written in."""

    TREE = "tree"
    SVG = "svg"
    MERMAID = "mermaid"
    DOT = "dot"


WRITERS: dict[Form, Callable[[Scene], str]] = {Form.SVG: svg, Form.MERMAID: flowchart, Form.DOT: dot}


def form_of(**asked: bool) -> Form:
    """The one form that was asked for; a tree for the terminal when none was."""
    forms = [Form(name) for name, wanted in asked.items() if wanted]
    if len(forms) > 1:
        raise Stop(f"--{forms[0]} and --{forms[1]} are two forms of one picture; ask for one at a time", USAGE)
    return forms[0] if forms else Form.TREE


def print_task(client: Client, task_id: str, form: Form, *, fold: bool | None) -> None:
    """Prints the graph of a task."""
    print_graph(client.get(schemas.GraphView, f"{place_of(task_id)}/graph").model_dump(mode="json"), form, fold=fold)


def print_preview(client: Client, body: Json, form: Form, *, fold: bool | None) -> None:
    """Prints the graph of what a task would become. Raises ``Stop`` above what the server draws of a preview."""
    seen, _ = client.post(schemas.PlanPreview, "/plans/preview", body)
    if seen.graph is None:
        raise Stop(f"a preview of {seen.subtasks_count:,} subtasks has no graph: submit it, then 'task graph'", FAILED)
    drawn = seen.graph.model_dump(mode="json")
    print_graph(drawn | {"nodes": [{**node, "status": ""} for node in drawn["nodes"]]}, form, fold=fold)


def print_graph(drawn: Mapping[str, Json], form: Form, *, fold: bool | None) -> None:
    """Prints a graph; ``fold`` draws like subtasks as one, None does so when there are many."""
    if form is Form.TREE:
        _print_tree(drawn)
        return
    many = len(drawn["nodes"]) > FOLDED_ABOVE
    if fold is None and many:
        say(f"like ones of the {len(drawn['nodes']):,} subtasks are drawn as one; --no-collapse draws each")
    seen = scene(collapsed(drawn) if fold or (fold is None and many) else drawn)
    if form is Form.MERMAID and len(seen.arrows) > MERMAID_EDGES:
        say(f"it has {len(seen.arrows):,} edges; Mermaid draws more than {MERMAID_EDGES} only with a higher maxEdges")
    show(WRITERS[form](seen).rstrip("\n"))


def _print_tree(drawn: Mapping[str, Json]) -> None:
    board = Board(nodes_of(drawn))
    for node in drawn["nodes"]:
        board.settle(node["key"], node.get("status", ""), node.get("seconds"))
    console = Console(highlight=False, soft_wrap=True)
    for line in tree(board, console.width, len(board.rows), 0):
        console.print(line)
