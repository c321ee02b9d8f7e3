"""The measures of ``make bench-plans`` on graphs small enough to work them out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from engine.errors import Category, ToolError
from engine.language import Answer, Prompt, Usage
from engine.planning.ordering import Step
from tests.bench.decomposition import __main__ as bench
from tests.bench.decomposition import cases
from tests.bench.decomposition.cases import Case
from tests.bench.decomposition.decomposers import Claude, chain, edges_in, parallel, question, rules
from tests.bench.decomposition.metrics import Score, f1, graph, makespan, score

DIAMOND = [(0, 1), (0, 2), (1, 3), (2, 3)]


def test_the_same_graph_is_perfect() -> None:
    assert score(4, DIAMOND, DIAMOND, [1, 2, 3, 1]) == Score(1.0, 1.0, True, True, 1.0)


def test_edges_that_follow_from_others_do_not_count() -> None:
    assert score(4, [*DIAMOND, (0, 3)], DIAMOND) == Score(1.0, 1.0, True, True, None)


def test_a_chain_of_a_diamond_is_sound_but_slower() -> None:
    found = score(4, [(0, 1), (1, 2), (2, 3)], DIAMOND, [1, 2, 3, 1])

    assert found.edge_f1 == pytest.approx(2 * 2 / (3 + 4)), "0-1 and 2-3 of three, and of four"
    assert found.order_f1 == pytest.approx(2 * 5 / (6 + 5)), "all five orders, and 1 before 2"
    assert (found.exact, found.sound) == (False, True)
    assert found.makespan == pytest.approx(7 / 5)


def test_a_plan_that_breaks_an_order_is_never_faster_than_the_best() -> None:
    found = score(4, [], DIAMOND, [1, 2, 3, 1])

    assert found == Score(0.0, 0.0, False, False, None)


def test_two_graphs_without_edges_agree() -> None:
    assert score(3, [], [], [1, 1, 2]) == Score(1.0, 1.0, True, True, 1.0)
    assert f1(set(), {(0, 1)}) == 0.0


@pytest.mark.parametrize("predicted", [None, [(0, 1), (1, 0)], [(0, 0)], [(0, 4)], [(-1, 0)]])
def test_no_answer_or_no_acyclic_graph_scores_nothing(predicted: list[tuple[int, int]] | None) -> None:
    assert score(4, predicted, DIAMOND, [1, 1, 1, 1]) == Score()


def test_a_gold_with_a_cycle_is_no_gold() -> None:
    with pytest.raises(ValueError, match="gold"):
        score(2, [], [(0, 1), (1, 0)])


def test_steps_start_as_soon_as_they_can() -> None:
    made = graph(4, DIAMOND)
    assert made is not None
    assert makespan(made, [1.0, 2.0, 3.0, 1.0]) == 5.0


CASE = Case("c", "Bake", [Step("Buy flour"), Step("Buy eggs"), Step("Mix", ("flour",), ("dough",))], frozenset())


async def test_the_decomposers() -> None:
    assert await chain(CASE) == [(0, 1), (1, 2)]
    assert await parallel(CASE) == []
    assert await rules(Case("c", "", [Step("Buy a"), Step("Buy b"), Step("Mix")], frozenset())) == [(0, 2), (1, 2)]


class Scripted:
    """A model that says what it was told to."""

    address = "https://model.example"

    def __init__(self, *texts: str | ToolError) -> None:
        self._texts = list(texts)
        self.asked: list[Prompt] = []

    async def ask(self, prompt: Prompt) -> Answer:
        """The next text or error."""
        self.asked.append(prompt)
        text = self._texts.pop(0)
        if isinstance(text, ToolError):
            raise text
        return Answer(text, "end_turn", "m", Usage(10, 5, cost=0.5))

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_model_is_asked_once_for_each_case_and_its_failures_are_counted() -> None:
    model = Scripted(
        '{"edges": [{"before": 1, "after": 3}]}', "no idea", ToolError("busy", category=Category.TRANSIENT)
    )
    claude = Claude(model)

    assert [await claude(CASE) for _ in range(3)] == [[(0, 2)], None, None]
    assert (claude.usage.input_tokens, claude.usage.cost) == (20, 1.0)
    assert [failure.split(":")[0] for failure in claude.failures] == ["c", "c"]
    assert model.asked[0].messages[0]["content"] == question(CASE)
    assert question(CASE).splitlines()[-3:] == ["3. Mix", "   takes flour", "   gives dough"]


@pytest.mark.parametrize("text", ["", "[]", '{"edges": 5}', '{"edges": [{"before": 1}]}', '{"edges": [[1, 2]]}'])
def test_an_answer_without_edges_is_none(text: str) -> None:
    assert edges_in(text) is None


def test_a_set_becomes_cases_and_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    rows = [
        {
            "id": f"a{n}",
            "split": "async",
            "task": "Bake",
            "steps": ["Buy a", "Buy b", "Mix"],
            "edges": [[1, 3], [2, 3]],
            "dur_s": [[1, 3], [2, 2], [1, 1]],
        }
        for n in range(3)
    ]
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "asynchow.jsonl.gz").write_bytes(gzip.compress(lines.encode()))

    assert bench.main(["--set", "asynchow-async", "--limit", "2", "--data", str(tmp_path)]) == 0

    printed = capsys.readouterr()
    table = [line.split() for line in printed.out.splitlines() if line.strip()]
    assert table[1][-7:] == ["chain", "2", "0.500", "0.800", "0.000", "1.000", "1.67"]
    assert table[3] == ["rules", "2", "1.000", "1.000", "1.000", "1.000", "1.00"]
    assert "set ANTHROPIC_API_KEY" in printed.err


def test_a_missing_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--data", str(tmp_path / "none")]) == 2
    assert "--data" in capsys.readouterr().err
