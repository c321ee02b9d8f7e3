"""The raw limit: the engine's own turn on the graph, in a loop, with nothing around it.

On Neo4j that is the statement of the catalogue, byte for byte, sent through the driver; the parameters of the next turn
are made from the rows of the last, as leanly as Python can. On the embedded graph it is the transaction that the store
runs, in a loop on the writing thread. No scheduler, no attempts, no tools, no events, no event loop's hops.
"""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass
from typing import Any

from engine.turn import Claim, Turn, TurnResult
from graph import catalog, history
from graph.ladybug.store import LadybugGraph
from graph.ladybug.turn import TurnWriter
from graph.neo4j.store import Neo4jGraph
from tests.support.graphs import Hand
from tests.support.plans import Body

ID, TOKEN, CHANGE = 0, 1, 7
"""Places in a settle row; cypher/neo4j/turn/turn.cypher says what stands where."""


@dataclass(frozen=True)
class Sample:
    """So many subtasks settled, in so many seconds; ``turns`` are the seconds of each turn."""

    settled: int
    seconds: float
    turns: list[float]

    @property
    def rate(self) -> float:
        """Settled subtasks per second."""
        return self.settled / self.seconds


async def raw(hand: Hand, body: Body, in_flight: int) -> Sample:
    """Runs a stored plan turn by turn; each settles all that the one before has claimed, and claims as many."""
    task = await hand.store(body)
    first = await hand.turn(claim={task.id: in_flight})
    if isinstance(hand.graph, Neo4jGraph):
        sample = await _neo4j(hand.graph, hand, task.id, first.claims, in_flight)
    else:
        assert isinstance(hand.graph, LadybugGraph)
        sample = await _embedded(hand.graph, hand, task.id, first.claims, in_flight)
    assert sample.settled == len(task.subtasks)
    return sample


async def _neo4j(graph: Neo4jGraph, hand: Hand, task: str, claims: list[Claim], in_flight: int) -> Sample:
    text = catalog.load("neo4j")["turn/turn"].text
    driver = graph._neo4j._driver
    assert driver is not None
    frame = graph.turn_params(hand.made(hand.done(claims[0]), claim={task: in_flight}))
    rows = frame["rows"]
    pattern: list[Any] = rows["settle"][0]
    claimed: list[list[Any]] = [[claim.id, task, claim.key, "", "", claim.token] for claim in claims]
    last, settled = hand.numbers[task], 0
    times = [time.perf_counter()]
    while claimed:
        frame["turn"] = uuid.uuid4().hex
        rows["settle"] = sorted(_settle_row(pattern, row) for row in claimed)
        rows["events"] = {task: {"first": last + 1, "key": history.event_key(task, last + 1)}}
        async with driver.session() as session:
            record = await (await session.run(text, frame)).single(strict=True)
        settled += len(claimed)
        last += sum(len(changes) for _, changes in record["tasks"])
        claimed = record["claims"]
        times.append(time.perf_counter())
    return _sample(settled, times)


def _settle_row(pattern: list[Any], claim: list[Any]) -> list[Any]:
    """The row that settles a claim as completed; a claim's row begins with id, task, key, and has its token sixth."""
    row = pattern.copy()
    row[ID], row[TOKEN] = claim[0], claim[5]
    row[CHANGE] = f"succeed processing completed {claim[5]} {claim[0]} {claim[2]}"
    return row


async def _embedded(graph: LadybugGraph, hand: Hand, task: str, claims: list[Claim], in_flight: int) -> Sample:
    database, frontiers = graph._ladybug, graph._frontiers

    def carried_out(turn: Turn) -> TurnResult:
        return database._transact(
            lambda session: TurnWriter(
                session, turn, {task: frontiers.of(session, task)}, hand.engine, hand.namespace
            ).run(graph._epoch)
        )

    def loop() -> Sample:
        claimed, settled, times = claims, 0, [time.perf_counter()]
        while claimed:
            turn = hand.made(*map(hand.done, claimed), claim={task: in_flight})
            claimed = hand.took(carried_out(turn)).claims
            settled += len(turn.settle)
            times.append(time.perf_counter())
        return _sample(settled, times)

    return await database._on_writer(loop)


def _sample(settled: int, times: list[float]) -> Sample:
    return Sample(settled, times[-1] - times[0], [after - before for before, after in itertools.pairwise(times)])
