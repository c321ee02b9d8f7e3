"""Pictures as text: whatever a key holds, it stays a text; pictures stay small; time is drawn to scale."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from api.drawings import dot, mermaid, svg
from api.drawings.mermaid import Bar, flowchart, gantt
from api.drawings.scene import brief, line_of, scene
from api.drawings.timeline import Change, chosen, lines, tracks
from engine.plan.drawing import collapsed

ODD = [
    "a.b[0]",
    "1. x",
    "__init__",
    "style:x[#]",
    "end",
    'q"uote',
    "back\\",
    '\\"',
    "\\N",
    "`tick`",
    "<b>bold</b>",
    "&amp;",
    "#35;",
    '%%{init: {"theme": "dark"}}%%',
    "a;b",
    "x:::failed",
    '"]; n0 --> n1; subgraph x',
    "|p|",
    "<!-- -->",
    "]]>",
    "日本",
    "line\nbreak\x00\u202e",
]


def drawn(keys: list[str], status: str = "completed", **fields: Any) -> dict[str, Any]:
    """A chain of subtasks."""
    nodes = [
        {"key": key, "type": "noop", "status": status, "generation": at, "critical_path": True, "seconds": 1.5} | fields
        for at, key in enumerate(keys)
    ]
    edges = [list(pair) for pair in pairwise(keys)]
    return {"nodes": nodes, "edges": edges, "critical_path": keys}


NODE = re.compile(r'  n\d+\["[✓✗○] (?P<title>[^"\n]*)<br/>noop · 1\.5s"\]:::completed;')


@pytest.mark.parametrize("key", ODD)
def test_no_key_becomes_a_part_of_a_flowchart(key: str) -> None:
    text = flowchart(scene(drawn([key, "next"])))
    first, second, *rest = text.splitlines()[1:]
    found = NODE.fullmatch(first)
    assert found
    unescaped = re.sub(r"#(\d+);", lambda entity: chr(int(entity[1])), found["title"])
    assert unescaped == line_of(key)
    assert not re.search(r'[<>&%;`\\|"]', re.sub(r"#\d+;", "", found["title"]))
    assert NODE.fullmatch(second)
    assert rest[0] == "  n0 ==> n1"
    assert all(line.startswith(("  classDef ", "  class n0,n1 critical")) for line in rest[1:])


@pytest.mark.parametrize("key", ODD)
def test_no_key_becomes_a_part_of_a_gantt(key: str) -> None:
    text = gantt([(key, [Bar(key, 1000, 1000, "failed")])])
    *_, section, bar = text.splitlines()
    assert re.fullmatch(r"  section [^:;#\n]*(#\d+;[^:;#\n]*)*", section)
    assert re.fullmatch(r"  ✗ [^:;#\n]*(#\d+;[^:;#\n]*)* :crit, b1, 1000, 1001", bar)


@pytest.mark.parametrize("key", ODD)
def test_no_key_ends_a_string_of_graphviz(key: str) -> None:
    text = dot.dot(scene(drawn([key])))
    (line,) = [line for line in text.splitlines() if line.startswith("  n0 ")]
    # A string ends at the first quote before which the number of backslashes is even.
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "S", line) == ("  n0 [label=S, tooltip=S, fillcolor=S, color=S, penwidth=3];")
    title = strings[0].removesuffix("\\nnoop · 1.5s").removeprefix("✓ ")
    assert re.sub(r"\\(.)", r"\1", title).replace("&amp;", "&") == line_of(key)


@pytest.mark.parametrize("key", ODD)
def test_every_svg_is_well_formed_and_says_the_key(key: str) -> None:
    root = ElementTree.fromstring(svg.svg(scene(drawn([key, "next"]))))
    titles = [title.text or "" for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert f"{line_of(key)}: completed, noop · 1.5s" in titles
    assert not [node for node in root.iter() if node.tag.endswith(("script", "b"))]


def test_what_is_folded_says_how_many_and_shows_what_needs_a_person() -> None:
    graph = drawn(["split", "join"])
    graph["nodes"] += [
        dict(graph["nodes"][0], key=f"p[{i}]", status="failed" if i == 3 else "completed") for i in range(9)
    ]
    graph["edges"] += [["split", f"p[{i}]"] for i in range(9)]
    found = scene(collapsed(graph))
    assert [box.title for box in found.boxes] == ["split", "join", "p[#]"]
    assert found.boxes[2][1:3] == ("noop · 8 completed, 1 failed", "failed")


def test_of_too_much_the_critical_path_and_what_failed_are_drawn() -> None:
    graph = drawn([f"k{number}" for number in range(100)])
    for number, node in enumerate(graph["nodes"]):
        node["critical_path"], node["status"] = number % 10 == 0, "failed" if number == 55 else "completed"
    found = scene(graph, most=11)
    assert [box.title for box in found.boxes] == sorted(
        [*(f"k{n}" for n in range(0, 100, 10)), "k55"], key=lambda k: int(k[1:])
    )
    assert found.left_out == 89
    assert "%% 89 more are left out" in mermaid.flowchart(found)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "0ms"), (0.9994, "999ms"), (0.9996, "1.0s"), (59.96, "1m00s"), (3599.6, "1h00m")]
)
def test_durations_are_brief(seconds: float, said: str) -> None:
    assert brief(seconds) == said


def test_attempts_are_drawn_to_scale_with_waits_and_repeats() -> None:
    changes = [
        Change("flaky", 0, "pending", "ready"),
        Change("flaky", 100, "ready", "processing"),
        Change("flaky", 400, "processing", "retrying"),
        Change("flaky", 800, "retrying", "ready"),
        Change("flaky", 800, "ready", "processing"),
        Change("flaky", 1000, "processing", "completed"),
        Change("next", 1000, "pending", "ready"),
        Change("next", 1000, "ready", "processing"),
        Change("never", 0, "pending", "ready"),
    ]
    found = tracks(changes, ["next"], now=2000)
    assert [(track.key, track.critical, len(track.runs)) for track in found] == [("flaky", False, 2), ("next", True, 1)]
    scale, flaky, following = lines(found, 240)
    drawn_ = "".join(text for text, _ in flaky.bar)
    assert re.fullmatch(r"·+x+-+█+ +", drawn_)
    assert [round(20 * drawn_.count(letter) / len(drawn_)) for letter in "·x-█"] == [1, 3, 4, 2]
    assert flaky.tail == "500ms in 2 attempts"
    assert following.name.startswith("* next") and following.tail == "1.0s processing"
    assert re.fullmatch(r" +▶+", "".join(text for text, _ in following.bar))
    assert {len(scale.name + scale.bar[0][0]), len(flaky.name + drawn_)} == {240 - 2 - len(flaky.tail)}


def test_a_long_timeline_shows_the_path_what_was_repeated_and_the_longest() -> None:
    changes = []
    for number in range(100):
        changes += [Change(f"k{number}", number, "ready", "processing")]
        changes += [Change(f"k{number}", 1000 + number * 10, "processing", "failed" if number == 1 else "completed")]
    kept = chosen(tracks(changes, ["k0"], 0), 3)
    assert [track.key for track in kept] == ["k0", "k1", "k99"]
