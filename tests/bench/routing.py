"""What it costs that rules choose the tool: the same noops without a file of rules, and with one that is for each."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.effort import Effort
from tests.bench.figures import Figure, ratios
from tests.bench.stage import Stage
from tests.support.plans import plan, step

SLOTS, SUBTASKS = 100, 20_000
PLAIN = "noops without rules"
RULES = {
    "noops, one candidate": ("fixed", ["noop"]),
    "noops, auto between two, a choice for each": ("auto", ["noop", {"tool": "noop", "parameters": {"other": True}}]),
}


async def routing(stage: Stage, effort: Effort) -> list[Figure]:
    """Rates without and with rules, in turn, and their ratios."""
    count = effort.size(SUBTASKS, 500)
    body = plan(*(step(f"k{number}", input={"other": True}) for number in range(count)))  # equal outputs with each rule
    rates: dict[str, list[float]] = {what: [] for what in (PLAIN, *RULES)}
    with TemporaryDirectory(prefix="agent03-rules-") as folder:
        for _ in range(effort.rounds):
            rates[PLAIN].append((await stage.run(body, SLOTS)).rate)
            for what, (strategy, candidates) in RULES.items():
                file = _file(Path(folder) / "rules.json", strategy, candidates)
                rates[what].append((await stage.run(body, SLOTS, router_config=file)).rate)
    plain, *ruled = [Figure("routing", stage.kind, what, "subtasks/s", found) for what, found in rates.items()]
    return [plain, *ruled, *(ratios(one, plain, f"{one.what}, by {PLAIN}", ">= 0.9") for one in ruled)]


def _file(path: Path, strategy: str, candidates: list[object]) -> Path:
    rule = {"name": "all", "match": {"type": "noop"}, "strategy": strategy, "candidates": candidates}
    path.write_text(json.dumps({"rules": [rule]}))
    return path
