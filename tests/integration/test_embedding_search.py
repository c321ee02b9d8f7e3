"""Outputs and files found by what they are about, in running engines on both graphs."""

from __future__ import annotations

from typing import Any

from engine.service import Engine
from engine.states import TaskStatus
from tests.support.engines import Lab, run, subtasks
from tests.support.http import client_of, problem
from tests.support.plans import plan, step
from tests.support.services import eventually

STORM = "A storm closed the harbour of Bergen for three days."
INVOICE = "The invoice of March was paid twice by the customer."


async def _found(engine: Engine, query: str, **wanted: Any) -> list[tuple[str, str]]:
    answer: Any = await engine.embeddings.search(query, **wanted)
    return [(hit["kind"], hit["name"]) for hit in answer["hits"]]


async def _is_first(engine: Engine, query: str, entry: tuple[str, str], **wanted: Any) -> bool:
    return (await _found(engine, query, **wanted))[:1] == [entry]


async def test_outputs_and_files_are_found_by_their_words(lab: Lab) -> None:
    engine = await lab.start()
    task = await run(
        engine,
        plan(
            step("storm", input={"report": STORM}),
            step("bills", input=[{"line": INVOICE}, {"line": "Nothing else."}]),
            step("number", input=42),
        ),
    )
    folder = lab.folder / "files" / task.id
    folder.mkdir(parents=True)
    (folder / "notes.md").write_text("Minutes: the lighthouse keeper wants a new lamp.")
    again = await run(engine, plan(step("other", input={"text": "An apple pie with cinnamon and raisins."})))
    await run(engine, plan(step("cats", input={"text": "Two cats sleep upon one warm windowsill."}), user_id="ann"))

    await eventually(lambda: _is_first(engine, "which invoices were paid twice", ("result", "bills")), timeout=30.0)
    await eventually(lambda: _is_first(engine, "storm harbour", ("result", "storm")), timeout=30.0)
    await eventually(lambda: _is_first(engine, "sleeping cats", ("result", "cats")), timeout=30.0)
    assert await _found(engine, "storm harbour", task_id=again.id) == []
    assert await _found(engine, "storm harbour", kind="file") == []
    engine._indexer.wrote(task.id)
    await eventually(lambda: _is_first(engine, "lighthouse lamp", ("file", "notes.md"), kind="file"), timeout=30.0)

    asked = await run(
        engine,
        plan(step("ask", type="embedding_search", input={"query": "paid invoice", "task": task.id, "limit": 1})),
    )
    assert asked.status is TaskStatus.COMPLETED, asked.error
    answer = await engine.output((await subtasks(engine, asked.id))["ask"])
    assert (answer["lexical"], answer["hits"][0]["task_id"], answer["hits"][0]["name"]) == (True, task.id, "bills")
    assert (await subtasks(engine, asked.id))["ask"].tainted

    async with client_of(engine) as client:
        shown = (await client.get("/search", params={"query": "storm in the harbour", "limit": 1})).json()
        assert (shown["hits"][0]["name"], shown["hits"][0]["text"]) == ("storm", f"report: {STORM}")
        problem(await client.get("/search", params={"query": "..."}), 400, "invalid-input")
        problem(await client.get("/search", params={"query": "a", "limit": 0}), 400, "invalid-input")

    for user, hits in (("ann", 1), ("bob", 0)):
        mine = await run(engine, plan(step("ask", type="embedding_search", input={"query": "cats"}), user_id=user))
        assert len((await engine.output((await subtasks(engine, mine.id))["ask"]))["hits"]) == hits
        shown_to: Any = await engine.embeddings.search("two cats", user=user)
        assert len(shown_to["hits"]) == hits

    assert await engine.remove(task.id)
    await eventually(lambda: _is_gone(engine, "storm harbour"))


async def _is_gone(engine: Engine, query: str) -> bool:
    return ("result", "storm") not in await _found(engine, query)


async def test_an_engine_that_keeps_no_passages_takes_none_down(lab: Lab) -> None:
    engine = await lab.start(embedding_keep_rows=0)
    task = await run(engine, plan(step("storm", input={"report": STORM})))
    assert task.status is TaskStatus.COMPLETED
    assert engine._indexer.waiting == 0
    failed = await run(engine, plan(step("ask", type="embedding_search", input={"query": "storm"})))
    assert "EMBEDDING_KEEP_ROWS" in ((await subtasks(engine, failed.id))["ask"].error or "")
