"""Requests and steps of the published benchmark sets against the rules for sentences: none is planned by mistake."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest

from engine.planning.sentences import LONGEST, understand
from tests.bench.decomposition.cases import FOLDER

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the benchmark sets are not here: {FOLDER} is missing")
FIELDS = ("user_request", "task", "question", "user", "steps", "gold_nodes", "task_steps")
UNDERSTOOD = {
    "Please summarize the following text: 'Machine learn": "rules.summarise",
    "Please summarize this article: 'Artificial intellig": "rules.summarise",
    "Please download the text content from this website:": "rules.fetch",
    "Calculate the product of 19 and 5.": "rules.arithmetic",
    "Calculate the product of 27 and 7.": "rules.arithmetic",
    "Calculate the product of 27 and 19.": "rules.arithmetic",
    "Calculate the factorial of 5.": "rules.arithmetic",
}
"""Each was read by a person, and its plan is what it asks for."""


def sentences() -> Iterator[str]:
    """Every text of the sets that somebody could send as a description."""
    for path in sorted(FOLDER.glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            for name in FIELDS:
                value = row.get(name) or []
                yield from [value] if isinstance(value, str) else value


def test_only_what_is_meant_is_understood() -> None:
    found = {}
    for sentence in set(sentences()):
        planned = understand(sentence[:LONGEST], {"data": "Some text."})
        if planned:
            found[sentence[:51]] = planned.strategy

    assert found == UNDERSTOOD
