"""How two runs differ, and a task as a drawing: pure, from values by hand."""

from __future__ import annotations

import msgspec

from engine.answers import diff
from engine.answers.diff import Changed, Member
from engine.model import Json
from engine.plan.drawing import collapsed, longest_way, measured


def _member(key: str, **fields: Json) -> Member:
    plain = Member(key, "noop", 0, "completed", b"i", "r", 1.0)
    return msgspec.structs.replace(plain, **fields)


def test_subtasks_are_the_same_by_key_and_then_by_type_and_generation() -> None:
    a = [_member("x"), _member("old", generation=1), _member("gone", type="sleep")]
    b = [_member("new", generation=1), _member("x", type="sleep"), _member("more", generation=2)]
    pairs, removed, added = diff.align(a, b)
    assert [(one.key, other.key) for one, other in pairs] == [("x", "x"), ("old", "new")]
    assert ([row.key for row in removed], [row.key for row in added]) == (["gone"], ["more"])

    shape = diff.shape(pairs, removed, added, ([("old", "x")], [("new", "x"), ("more", "new")]))
    assert (shape.renamed, shape.retyped) == ([("old", "new")], [("x", "noop", "sleep")])
    assert (shape.edges_added, shape.edges_removed, shape.same) == ([("new", "more")], [], False)
    assert diff.shape(pairs[1:], [], [], None).counts["edges_added"] == 0


def test_the_same_plan_is_the_same() -> None:
    rows = [_member("x"), _member("y")]
    pairs, removed, added = diff.align(rows, rows)
    assert diff.shape(pairs, removed, added, ([("y", "x")], [("y", "x")])).same
    assert diff.statuses(pairs) == []
    assert (diff.results(pairs).equal, diff.results(pairs).different) == (2, 0)


def test_results_states_and_durations() -> None:
    pairs = [
        (_member("a"), _member("a", result="s", seconds=3.0)),
        (_member("b", seconds=0.0), _member("b", seconds=0.5)),
        (_member("c", status="failed", result="", seconds=None), _member("c")),
        (_member("d", result="", seconds=None), _member("d", result="", seconds=None)),
    ]
    found = diff.results(pairs)
    assert (found.equal, found.different, found.keys) == (1, 2, ["a", "c"])
    assert diff.statuses(pairs) == [("c", "failed", "completed")]
    times = diff.durations(pairs)
    assert (times.count, times.before, times.after) == (2, 1.0, 3.5)
    assert [(row.key, row.ratio) for row in times.most] == [("a", 3.0), ("b", None)]


def test_values_are_compared_place_by_place() -> None:
    before = {"a": [1, {"b/c": 2}], "same": {"x": 1}, "gone": None, "t": 1}
    after = {"a": [1, {"b/c": 3}, 4], "same": {"x": 1}, "t": True}
    assert diff.changes(before, after) == [
        Changed("/a/1/b~1c", "2", "3"),
        Changed("/a/2", None, "4"),
        Changed("/gone", "null", None),
        Changed("/t", "1", "true"),
    ]
    assert diff.changes(list(range(100)), [-1] * 100, 5) == diff.changes(list(range(5)), [-1] * 5, 5)
    assert diff.changes(1, 1) == []
    assert len(diff.changes("x" * 1000, "")[0].before or "") == diff.QUOTED


# --- drawings -------------------------------------------------------------------------------------------------------


def _node(key: str, status: str = "pending", **fields: Json) -> dict[str, Json]:
    times = {"started_at": None, "completed_at": None, "expected": None}
    return {"key": key, "type": "noop", "status": status, "generation": 0, "rank": 1.0} | times | fields


def _way(nodes: list[dict[str, Json]], edges: list[tuple[str, str]], now: int = 0) -> list[str]:
    return longest_way(measured(nodes, now), edges)


def test_the_longest_way_goes_by_real_durations_where_there_are_any() -> None:
    edges = [("b", "a"), ("c", "a"), ("d", "b"), ("d", "c")]
    done = [
        _node("a", "completed", started_at=0, completed_at=1000),
        _node("b", "completed", started_at=1000, completed_at=1100, expected=99.0),
        _node("c", "completed", started_at=1000, completed_at=3000, expected=1.0),
        _node("d"),
    ]
    assert _way(done, edges) == ["a", "c", "d"]
    assert [node["seconds"] for node in measured(done, 0)] == [1.0, 0.1, 2.0, None]
    expected = [_node("a"), _node("b", expected=99.0), _node("c", expected=1.0), _node("d")]
    assert _way(expected, edges) == ["a", "b", "d"]


def test_what_runs_counts_as_long_as_it_already_takes_and_what_never_ran_not_at_all() -> None:
    nodes = [
        _node("slow", "processing", started_at=0, expected=1.0),
        _node("quick", "processing", started_at=9000, expected=5.0),
        _node("lost", "blocked", completed_at=9000, expected=1e6),
    ]
    assert _way(nodes, [], now=10_000) == ["slow"]
    assert _way(nodes, [], now=11_000)[0] == "slow"


def test_without_any_durations_it_is_the_way_with_most_subtasks() -> None:
    nodes = [_node(key) for key in "xabc"]
    assert _way(nodes, [("b", "a"), ("c", "b")]) == ["a", "b", "c"]
    assert _way([], []) == []


def test_like_nodes_are_drawn_as_one() -> None:
    keys = ["top", "m", "m[0]", "m[1]", "m[2]", "n[0]", "n[1]", "n[2]", "end"]
    edges = [["top", "m"], *(["m", f"m[{n}]"] for n in range(3)), *([f"m[{n}]", f"n[{n}]"] for n in range(3))]
    edges += [[f"n[{n}]", "end"] for n in range(3)]
    nodes = [_node(key) | {"critical_path": key in ("top", "m", "m[1]", "n[1]", "end")} for key in keys]
    nodes[2]["status"] = "failed"
    drawn = {"nodes": nodes, "edges": edges, "critical_path": ["top", "m", "m[1]", "n[1]", "end"]}
    found = collapsed(drawn)
    assert [(node["key"], node["count"]) for node in found["nodes"]] == [
        ("top", 1), ("m", 1), ("m[#]", 3), ("n[#]", 3), ("end", 1),
    ]  # fmt: skip
    assert found["edges"] == [["top", "m"], ["m", "m[#]"], ["m[#]", "n[#]"], ["n[#]", "end"]]
    assert found["critical_path"] == ["top", "m", "m[#]", "n[#]", "end"]
    assert found["nodes"][2]["statuses"] == {"failed": 1, "pending": 2}
    assert (found["nodes"][2]["keys"], found["nodes"][2]["critical_path"]) == (["m[0]", "m[1]", "m[2]"], True)


def test_nodes_that_hang_elsewhere_are_another_group() -> None:
    nodes = [_node(key) | {"critical_path": False} for key in ["a", "b", "x1", "x2", "x3", "x4"]]
    nodes[5]["type"] = "sleep"
    edges = [["a", "x1"], ["a", "x2"], ["b", "x3"], ["b", "x4"]]
    found = collapsed({"nodes": nodes, "edges": edges, "critical_path": []})
    assert [(node["key"], node["count"]) for node in found["nodes"]] == [
        ("a", 1), ("b", 1), ("x#", 2), ("x3", 1), ("x4", 1),
    ]  # fmt: skip
