"""What the benchmark makes of its measurements: medians, ratios of one run, aims, numbers for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import page
from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.peers import compare
from tests.bench.peers.places import PEERS, requirement
from tests.bench.stage import Watch
from tests.bench.table import number
from tests.support.documents import README


def test_a_figure_is_the_median_of_its_rounds_and_knows_its_aim() -> None:
    low, high = (Figure("s", "g", "w", "ms", [9.0, 1.0, 3.0], aim) for aim in ("<= 3", ">= 3.5"))

    assert (low.median, low.reached, high.reached) == (3.0, True, False)
    assert (Figure("s", "g", "w", "ms").reached, Figure("s", "g", "w", "ms", [1.0]).reached) == (None, None)


def test_a_ratio_is_taken_round_by_round() -> None:
    over, under = Figure("s", "g", "a", "x", [2.0, 8.0, 6.0]), Figure("s", "g", "b", "x", [1.0, 2.0, 6.0])

    assert ratios(over, under, "a / b").values == [2.0, 4.0, 1.0]


@pytest.mark.parametrize(("value", "shown"), [(12345.6, "12,346"), (99.94, "99.9"), (3.456, "3.46"), (0.5, "0.50")])
def test_a_number_shows_what_counts(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_watch_counts_from_the_first_turn_to_the_last_settle() -> None:
    watch = Watch([(10.0, 1.0, 0, 5), (11.0, 0.5, 5, 5), (14.0, 0.5, 5, 0), (20.0, 0.5, 0, 0)])

    assert (watch.settled, watch.seconds, watch.rate, watch.longest_stall) == (10, 5.0, 2.0, 3.0)


def test_every_peer_has_a_script_and_a_requirement_and_one_that_is_not_there_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr("tests.bench.peers.places.FOLDER", tmp_path_factory.mktemp("nothing"))

    figures = compare.theirs([], Effort(1, quick=True))

    assert [(figure.graph, figure.note) for figure in figures] == [
        (peer, "not installed: make bench-peers") for peer in PEERS
    ]
    assert all(requirement(peer).startswith(peer) for peer in PEERS)


def test_a_page_has_one_line_for_both_graphs_and_says_why_a_figure_is_missing() -> None:
    figures = [
        Figure("s", "embedded", "a", "ms", [1.0, 2.0, 9.0], "<= 3"),
        Figure("s", "neo4j", "a", "ms", [4.0], "<= 4"),
        Figure("s", "neo4j", "b", "x", [12.0], note="(theirs: 3)"),
        Figure("s", "dbos", "b", "x", [1.0]),
        Figure("s", "ray", "not measured", "", note="not installed"),
    ]

    assert page.table(figures).splitlines()[2:] == [
        "| a | 2.00 reached | 4.00 reached | ms | <= 3, <= 4 |",
        "| b |  | 12.0 | x (theirs: 3) |  |",
        "| ray | not installed | | | |",
    ]


def test_figures_go_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- figures -->\nold\nolder\n<!-- end -->\nafter\n")

    page.put(document, "new \\1")

    assert document.read_text() == "before\n<!-- figures -->\nnew \\1\n<!-- end -->\nafter\n"
    document.write_text("nothing")
    with pytest.raises(ValueError, match="no place for figures"):
        page.put(document, "new")


def test_both_documents_have_a_place_for_figures() -> None:
    assert all("<!-- figures -->" in place.read_text("utf-8") for place in (page.PERFORMANCE, README))
