"""Line charts as SVG, for the documents: few lines, readable in light and dark. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 320, 70, 150, 36, 46
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5")
INK = "#718096"


def chart(title: str, x: str, y: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Lines by name, with marks at their points; both axes begin at zero."""
    most_x = max(point[0] for line in lines.values() for point in line)
    most_y = _round_up(max(point[1] for line in lines.values() for point in line))
    inner_x, inner_y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> str:
        return f"{LEFT + inner_x * point[0] / most_x:.1f},{TOP + inner_y * (1 - point[1] / most_y):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="20" fill="{INK}" font-weight="bold">{escape(title)}</text>',
        f'<text x="{LEFT + inner_x / 2}" y="{HEIGHT - 8}" fill="{INK}" text-anchor="middle">{escape(x)}</text>',
        f'<text x="14" y="{TOP + inner_y / 2}" fill="{INK}" text-anchor="middle" '
        f'transform="rotate(-90 14 {TOP + inner_y / 2})">{escape(y)}</text>',
    ]
    for n in range(5):
        value = most_y * n / 4
        place = at((0, value)).split(",")[1]
        parts.append(f'<path d="M{LEFT} {place}H{LEFT + inner_x}" stroke="{INK}" stroke-opacity="0.3"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{float(place) + 4}" fill="{INK}" text-anchor="end">{value:,.4g}</text>')
        right = at((most_x * n / 4, 0)).split(",")[0]
        parts.append(
            f'<text x="{right}" y="{HEIGHT - 26}" fill="{INK}" text-anchor="middle">{most_x * n / 4:,.4g}</text>'
        )
    for colour, (name, line) in zip(COLOURS, lines.items(), strict=False):
        points = " ".join(map(at, line))
        end_x, end_y = map(float, at(line[-1]).split(","))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x_}" cy="{y_}" r="3" fill="{colour}"/>' for x_, y_ in (at(p).split(",") for p in line)]
        parts.append(f'<text x="{end_x + 8}" y="{end_y + 4}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _round_up(value: float) -> float:
    """The next number with one digit that counts, or 1, 2, 2.5, 5 of it."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(unit * step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if unit * step >= value)
