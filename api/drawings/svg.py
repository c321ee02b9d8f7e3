"""A graph as an SVG picture that stands alone: no script, no style sheet, no font and no picture from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from api.drawings.looks import look_of
from api.drawings.scene import Arrow, Box, Scene, line_of
from engine.plan.layout import Layout, Place, lay_out

BOX_WIDTH, BOX_HEIGHT = 190, 44
CELL_WIDTH, CELL_HEIGHT = 250, 60
MARGIN = 20
LETTERS = 22
"""Letters that a line of a box has room for."""
FONT = "ui-sans-serif, Helvetica, Arial, sans-serif"


def svg(scene: Scene) -> str:
    """The picture of a scene."""
    layout = lay_out(len(scene.boxes), [(arrow.start, arrow.end) for arrow in scene.arrows])
    width = round(layout.width * CELL_WIDTH) - (CELL_WIDTH - BOX_WIDTH) + 2 * MARGIN
    height = round(layout.height * CELL_HEIGHT) - (CELL_HEIGHT - BOX_HEIGHT) + 2 * MARGIN
    width, height = max(width, 2 * MARGIN), max(height, 2 * MARGIN)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="{FONT}" font-size="12">'
    )
    title = f"<title>{len(scene.boxes)} boxes, {len(scene.arrows)} arrows</title>"
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, title, ground, *_arrows(scene, layout), *_boxes(scene, layout), "</svg>", ""])


def _arrows(scene: Scene, layout: Layout) -> Iterator[str]:
    yield '<g fill="none" stroke="#9ca3af">'
    # What is thick lies above what is not.
    for number, arrow in sorted(enumerate(scene.arrows), key=lambda numbered: numbered[1].critical):
        yield _arrow(arrow, layout, layout.bends.get(number, []))
    yield "</g>"


def _arrow(arrow: Arrow, layout: Layout, bends: Sequence[Place]) -> str:
    start, end = _middle(layout.places[arrow.start]), _middle(layout.places[arrow.end])
    points = [(start[0] + BOX_WIDTH / 2, start[1])]
    for x, y in map(_middle, bends):
        points += [(x - BOX_WIDTH / 2, y), (x + BOX_WIDTH / 2, y)]
    points.append((end[0] - BOX_WIDTH / 2, end[1]))
    path = f"M{points[0][0]:g},{points[0][1]:g}"
    for (x, y), (to_x, to_y) in pairwise(points):
        half = (x + to_x) / 2
        path += f" C{half:g},{y:g} {half:g},{to_y:g} {to_x:g},{to_y:g}"
    thick = ' stroke="#111827" stroke-width="2.5"' if arrow.critical else ""
    return f'<path d="{path}"{thick}/>'


def _boxes(scene: Scene, layout: Layout) -> Iterator[str]:
    for box, place in zip(scene.boxes, layout.places, strict=True):
        x, y = _middle(place)
        yield _box(box, x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2)


def _box(box: Box, x: float, y: float) -> str:
    look = look_of(box.status)
    width = "3" if box.critical else "1"
    title, detail = escape(line_of(box.title, LETTERS - 2)), escape(line_of(box.detail, LETTERS + 6))
    whole = escape(f"{box.title}: {box.status or 'planned'}, {box.detail}")
    return (
        f'<g transform="translate({x:g},{y:g})"><title>{whole}</title>'
        f'<rect width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{look.fill}" stroke="{look.line}" '
        f'stroke-width="{width}"/>'
        f'<text x="10" y="19" fill="#111827" font-weight="600">{look.sign} {title}</text>'
        f'<text x="10" y="35" fill="#4b5563" font-size="11">{detail}</text></g>'
    )


def _middle(place: Place) -> tuple[float, float]:
    x, y = place
    return MARGIN + x * CELL_WIDTH + BOX_WIDTH / 2, MARGIN + y * CELL_HEIGHT + BOX_HEIGHT / 2
