"""The graph port: passages are kept, found by their vectors, written anew, and go by number and with their task."""

from __future__ import annotations

from engine.embedding.lexical import vector_of
from engine.passagestore import Kind, NearWish, Passage
from tests.support.graphs import Hand
from tests.support.plans import independent
from tests.support.services import eventually

TEXTS = ("the invoice was paid twice", "a storm over the harbour", 'it\'s "quoted" \\ {} $x \u00e9 invoice')


def passages(task_id: str, *texts: str, kind: Kind = "result", name: str = "a", model: str = "m") -> list[Passage]:
    return [Passage(task_id, kind, name, n, text, 1_000 + n, model, vector_of(text)) for n, text in enumerate(texts)]


async def test_the_nearest_are_found_by_what_they_are(hand: Hand) -> None:
    one, other = (await hand.store(independent(1))).id, (await hand.store(independent(1))).id
    own, others = passages(one, *TEXTS), passages(other, TEXTS[0], kind="file", name="notes/a.md")
    foreign = passages(one, TEXTS[0], name="b", model="other")
    for _ in range(2):  # again after a lost answer
        await hand.graph.put_passages([own[0].source], [*own, *others, *foreign])
    vector = vector_of("invoice paid")

    async def found(**fields: object) -> list[tuple[str, str, int]]:
        rows = await hand.graph.near_passages(NearWish(vector, "m", **fields))  # type: ignore[arg-type]
        assert [row.score for row in rows] == sorted((row.score for row in rows), reverse=True)
        return [(row.task_id, row.name, row.number) for row in rows]

    # The index of Neo4j takes up what was written a moment later.
    await eventually(lambda: _holds(found, 4))
    assert {entry[:2] for entry in (await found(limit=2))} == {(one, "a"), (other, "notes/a.md")}
    assert await found(kind="file") == [(other, "notes/a.md", 0)]
    assert (await found(task_id=one))[0] == (one, "a", 0)
    assert len(await found(task_id=one)) == 3
    nearest = (await hand.graph.near_passages(NearWish(vector_of(TEXTS[2]), "m", task_id=one, limit=1)))[0]
    assert (nearest.text, nearest.at, round(nearest.score, 3)) == (TEXTS[2], 1_002, 1.0)


async def _holds(found: object, number: int) -> bool:
    return len(await found()) == number  # type: ignore[operator]


async def test_what_is_written_anew_replaces_what_was_there_and_the_oldest_go_first(hand: Hand) -> None:
    task_id = (await hand.store(independent(1))).id
    long, short = passages(task_id, *TEXTS), passages(task_id, TEXTS[1])
    await hand.graph.put_passages([long[0].source], long)
    await hand.graph.put_passages([short[0].source], short)
    assert await hand.graph.passages_number() == 1
    await hand.graph.put_passages([], passages(task_id, *TEXTS, name="b"))
    await hand.graph.shorten_passages(3)
    rows = await hand.graph.near_passages(NearWish(vector_of(TEXTS[2]), "m", task_id=task_id))
    assert [(row.name, row.number) for row in rows] == [("b", 2)]
    await hand.graph.put_passages([rows[0].task_id + "/result/b"], [])
    assert await hand.graph.passages_number() == 0


async def test_passages_go_with_their_task(hand: Hand) -> None:
    task = await hand.store(independent(1))
    await hand.graph.put_passages(
        [], [*passages(task.id, *TEXTS), *passages((await hand.store(independent(1))).id, TEXTS[0])]
    )
    await hand.discard(task)
    await hand.graph.put_passages([], passages(task.id, *TEXTS))  # whoever took them down comes too late

    assert await hand.graph.passages_number() == 1
