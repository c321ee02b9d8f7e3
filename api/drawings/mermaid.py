"""A graph, and attempts over time, in the language of Mermaid: GitHub and many editors show it as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from api.drawings.looks import LOOKS, PLANNED, Look, look_of
from api.drawings.scene import Box, Scene, line_of

PLAIN = frozenset(" _-.,/+()[]=·…")
"""What beside letters and digits stands for itself."""


class Bar(NamedTuple):
    """An attempt: when, in milliseconds, and in which state it left its subtask or left it until now."""

    name: str
    start: int
    end: int
    status: str


def flowchart(scene: Scene) -> str:
    """The picture of a scene."""
    return "\n".join(["flowchart LR", *_nodes(scene), *_edges(scene), *_classes(scene), ""])


def _nodes(scene: Scene) -> Iterator[str]:
    if scene.left_out:
        yield f"  %% {scene.left_out} more are left out"
    for number, box in enumerate(scene.boxes):
        # Mermaid takes the last semicolon of some lines away: let it be this one, not the end of an entity.
        yield f'  n{number}["{_label(box)}"]:::{_class(box)};'


def _label(box: Box) -> str:
    # The sign in front also keeps Markdown from taking a key for a list or a heading.
    return f"{look_of(box.status).sign} {escaped(box.title)}<br/>{escaped(box.detail)}"


def _edges(scene: Scene) -> Iterator[str]:
    for arrow in scene.arrows:
        yield f"  n{arrow.start} {'==>' if arrow.critical else '-->'} n{arrow.end}"


def _classes(scene: Scene) -> Iterator[str]:
    used = {_class(box) for box in scene.boxes}
    looks: dict[str, Look] = {"planned": PLANNED} | {status.value: look for status, look in LOOKS.items()}
    for name, look in looks.items():
        if name in used:
            yield f"  classDef {name} fill:{look.fill},stroke:{look.line},color:#111827"
    path = [f"n{number}" for number, box in enumerate(scene.boxes) if box.critical]
    if path:
        yield "  classDef critical stroke-width:3px"
        yield f"  class {','.join(path)} critical"


def _class(box: Box) -> str:
    return box.status or "planned"


def gantt(sections: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Attempts over time, by section; those without success stand out."""
    lines = ["gantt", "  dateFormat x", "  axisFormat %H:%M:%S"]
    number = 0
    for title, bars in sections:
        lines.append(f"  section {escaped(title)}")
        for bar in bars:
            number += 1
            tag = {"completed": "done, ", "processing": "active, "}.get(bar.status, "crit, ")
            name = escaped(line_of(bar.name, 40))
            end = max(bar.end, bar.start + 1)
            lines.append(f"  {look_of(bar.status).sign} {name} :{tag}b{number}, {bar.start}, {end}")
    return "\n".join([*lines, ""])


def escaped(text: str) -> str:
    """A text in which nothing means anything to Mermaid, to HTML or to Markdown: such characters become entities."""
    return "".join(char if char.isalnum() or char in PLAIN else f"#{ord(char)};" for char in text)
