"""The stages that extract, analyse, compare and generate."""

from __future__ import annotations

import gzip
import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Category, ToolError
from engine.language import Answer, Prompt, Usage
from tests.support.rows import Stages

ROWS = [{"id": i, "v": i * 1.5, "g": "ab"[i % 2], "day": f"2020-01-{i + 1:02d}"} for i in range(20)]
ROWS += [{"id": 20, "v": 900.0, "g": "a", "day": "2020-01-21"}]
DATA = Path(__file__).parents[3] / "shared" / "data" / "wfinstances"


class Model:
    """A language model that says what a test wants."""

    address = "https://model.example"

    def __init__(self, text: str, stop: str = "end_turn") -> None:
        self.text, self.stop, self.asked = text, stop, list[Prompt]()

    async def ask(self, prompt: Prompt) -> Answer:
        self.asked.append(prompt)
        return Answer(self.text, self.stop, "test", Usage())

    async def close(self) -> None:
        """Nothing to close."""


async def test_the_statistics_are_those_of_the_standard_library(tmp_path: Path) -> None:
    found = await Stages(tmp_path).run("analysis", data=ROWS, insights=True)
    values = [row["v"] for row in ROWS]
    shown = found["distributions"]["v"]
    assert shown["mean"] == pytest.approx(statistics.fmean(values))
    assert shown["std"] == pytest.approx(statistics.stdev(values))
    assert [shown["q1"], shown["median"], shown["q3"]] == statistics.quantiles(values, method="inclusive")
    assert sum(part["count"] for part in shown["histogram"]) == len(ROWS)
    r = statistics.correlation([row["id"] for row in ROWS], values)
    assert found["correlations"][0]["r"] == pytest.approx(r)
    assert found["outliers"]["v"]["values"][0]["row"] == 21
    assert found["trends"]["over"] == "day" and found["trends"]["columns"]["id"]["slope"] == pytest.approx(1.0)
    assert {group["by"] for group in found["groups"]} == {"g"}
    assert found["insights"] and all(insight["evidence"] for insight in found["insights"])


async def test_a_model_words_the_findings_and_rules_do_without_one(tmp_path: Path) -> None:
    analysis = await Stages(tmp_path).run("analysis", data=ROWS)
    alone = await Stages(tmp_path).run("insight_generation", analysis=analysis, words="model")
    assert alone["by"] == "rules"
    model = Model(json.dumps({"statements": ["So."] * len(alone["insights"])}))
    worded = await Stages(tmp_path, model).run("insight_generation", analysis=analysis, words="model")
    assert worded["by"] == "claude" and worded["insights"][0]["statement"] == "So."
    assert worded["insights"][0]["evidence"] == alone["insights"][0]["evidence"]
    short = Model(json.dumps({"statements": ["only one"]}))
    assert (await Stages(tmp_path, short).run("insight_generation", analysis=analysis, words="model"))["by"] == "rules"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("{{ 'a' * 100000000 }}", "numbers only"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ 'a'.ljust(100000000) }}", "unsafe"),
        ("{{ 9 ** 999 }}", "at most 100"),
        ("{% set x = 'a' %}" + "{% set x = x ~ x %}" * 40, "more than"),
        ("{% for a in range(99999) %}{% for b in range(99999) %}aaaaaaaaaa{% endfor %}{% endfor %}", "more than"),
    ],
)
async def test_a_template_cannot_do_harm(tmp_path: Path, template: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        await Stages(tmp_path).run("generation", data={}, template=template)


async def test_texts_by_template_and_by_model(tmp_path: Path) -> None:
    each = await Stages(tmp_path).run("generation", data=ROWS[:2], template="{{ id }}{{ g|upper ~ '!' }}", each=True)
    assert each["texts"] == ["0A!", "1B!"]
    with pytest.raises(ToolError, match="ANTHROPIC_API_KEY is missing") as caught:
        await Stages(tmp_path).run("generation", prompt="Write.")
    assert caught.value.category is Category.CONFIGURATION
    assert (await Stages(tmp_path, Model("Well.")).run("generation", prompt="Write."))["text"] == "Well."
    with pytest.raises(ToolError, match="not whole"):
        await Stages(tmp_path, Model("W", "max_tokens")).run("generation", prompt="Write.")


async def test_rows_and_texts_are_compared(tmp_path: Path) -> None:
    stages = Stages(tmp_path)
    left, right = [{"k": 1, "v": 1}, {"k": 2, "v": 2}], [{"k": 1, "v": 1.0}, {"k": 2, "v": 3}, {"k": 3, "v": 1}]
    found = await stages.run("comparison", left={"data": left}, right={"data": right}, on=["k"])
    assert [found[name] for name in ("added", "removed", "changed", "same")] == [1, 0, 1, 1]
    assert found["examples"]["changed"][0]["columns"] == ["v"]
    texts = await stages.run("comparison", left={"data": "a b c\nd"}, right={"data": "a b x\nd"})
    assert (texts["similarity"], texts["added"], texts["removed"]) == (0.75, 1, 1)


async def test_a_text_is_searched(tmp_path: Path) -> None:
    text = "On 2020-01-05 I paid 1,200.50 to a@b.com. See https://x.org/a. Good prices."
    found = await Stages(tmp_path).run("extraction", data=text)
    assert (found["numbers"], found["dates"], found["emails"]) == ([1200.5], ["2020-01-05"], ["a@b.com"])
    assert found["urls"] == ["https://x.org/a"] and found["sentences"] == 3


async def test_joins_and_mergeless_aggregates(tmp_path: Path) -> None:
    stages = Stages(tmp_path)
    join = {"with": [{"g": "a", "id": 9}], "on": ["g"], "how": "left"}
    found = await stages.run("processing", data=ROWS[:2], join=join, select=["id", "id_right"])
    assert found["data"] == [{"id": 0, "id_right": 9}, {"id": 1, "id_right": None}]
    medians = await stages.run("processing", data=ROWS, group_by=["g"], aggregate={"m": "median(id)"})
    assert medians["data"] == [{"g": "a", "m": 10.0}, {"g": "b", "m": 10.0}]
    assert stages.faults("processing", data=ROWS, aggregate={"m": "median(id)"}, partial=True)


async def test_tasks_of_a_real_workflow_as_rows(tmp_path: Path) -> None:
    files = sorted(DATA.glob("**/*.json.gz"))
    if not files:
        pytest.skip("there is no ../shared/data/wfinstances beside the repository")
    workflow = json.loads(gzip.decompress(files[0].read_bytes()))["workflow"]
    tasks: list[Any] = workflow.get("execution", workflow)["tasks"]
    stages = Stages(tmp_path)
    assert (await stages.run("validation", data=tasks))["rows"] == len(tasks)
    counted = await stages.run("data_processing", data=tasks, aggregate={"n": "count(*)"})
    assert counted["data"] == [{"n": len(tasks)}]
