"""A graph in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from api.drawings.looks import look_of
from api.drawings.scene import Box, Scene

_HEAD = """digraph task {
  graph [rankdir=LR, bgcolor="transparent"];
  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];
  edge [color="#6b7280", arrowsize=0.7];"""


def dot(scene: Scene) -> str:
    """The picture of a scene for ``dot``."""
    return "\n".join([_HEAD, *_lines(scene), "}", ""])


def _lines(scene: Scene) -> Iterator[str]:
    if scene.left_out:
        yield f"  // {scene.left_out} more are left out"
    for number, box in enumerate(scene.boxes):
        yield f"  n{number} [{_attributes(box)}];"
    for arrow in scene.arrows:
        thick = ' [penwidth=2.5, color="#111827"]' if arrow.critical else ""
        yield f"  n{arrow.start} -> n{arrow.end}{thick};"


def _attributes(box: Box) -> str:
    look = look_of(box.status)
    label = f"{escaped(f'{look.sign} {box.title}')}\\n{escaped(box.detail)}"
    width = 3 if box.critical else 1
    tooltip = escaped(box.status or "planned")
    return f'label="{label}", tooltip="{tooltip}", fillcolor="{look.fill}", color="{look.line}", penwidth={width}'


def escaped(text: str) -> str:
    """A text inside double quotes: neither an end of it, nor one of Graphviz's escapes, nor an entity of HTML."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
