"""``agent03 doctor``: connections, schema, invariants, and what to do about each; with ``--repair`` it does it.

It starts no engine, so it runs no task and takes nothing over; beside a running engine it works on Neo4j, and on the
embedded graph it says who holds the file. It repairs only where no engine works: one that is told what it knows better
would go on with the wrong thing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal

import msgspec

from api.about import installed_version
from api.cli.exits import DONE, FAILED, UNREACHABLE
from api.cli.output import show
from api.wiring import build_blobs, build_graph, build_redis, build_tools
from engine.errors import BlobsUnavailable, EngineError, GraphRefused, GraphUnavailable, SettingsError
from engine.model import Json, Value
from engine.ports import Graph
from engine.settings import Settings
from engine.tools.crowding import Crowding
from graph.repair import ORDER

SHOWN_ROWS = 3
PAGE = 1_000
"""Results looked at at a time."""

NO_BLOB = "0" * 64
"""Asked for where there may be nothing else to ask for: a store that cannot answer says so."""

Outcome = Literal["ok", "wrong", "unreachable"]


class Check(Value, frozen=True):
    """One thing that was looked at; ``advice`` is empty when all is well."""

    name: str
    outcome: Outcome
    detail: str
    advice: str = ""


async def examine(settings: Settings, *, as_json: bool, repair: bool = False) -> int:
    """Looks at everything and prints what it found, and what it repaired if it should; returns the exit code."""
    checks = [check async for check in _checks(settings, repair)]
    if as_json:
        show(msgspec.json.format(msgspec.json.encode(_document(checks)), indent=2).decode())
    else:
        show("\n".join(map(_line, checks)))
    outcomes = {check.outcome for check in checks}
    return UNREACHABLE if "unreachable" in outcomes else FAILED if "wrong" in outcomes else DONE


async def _checks(settings: Settings, repair: bool) -> AsyncIterator[Check]:
    yield Check("version", "ok", installed_version())
    yield _tools(settings)
    yield _processes(settings)
    yield Check("disk of tools", "ok", Crowding.of(settings).held.on_disk)
    yield await _redis(settings)
    async for check in _graph(settings, repair):
        yield check


def _tools(settings: Settings) -> Check:
    try:
        names = sorted(build_tools(settings).names())
    except EngineError as error:
        return Check("tools", "wrong", str(error), "correct AGENT03_TOOLS, or install what its modules need")
    return Check("tools", "ok", ", ".join(names))


def _processes(settings: Settings) -> Check:
    """How the number of processes of a tool is held."""
    held = Crowding.of(settings).held
    detail = f"{held.most} of a tool at most; {held.words}" if held.most else held.words
    if held.fault:
        return Check("processes", "wrong", f"{held.fault}; {detail}", "correct TOOL_CGROUP, or TOOL_CPUS")
    detail += f"; {held.cpus:g} processors of a tool at most" if held.cpus else ""
    return Check("processes", "ok", detail)


async def _redis(settings: Settings) -> Check:
    redis = build_redis(settings)
    try:
        await redis.open()
        health = await redis.health()
    except EngineError as error:
        return Check("redis", "wrong", str(error), "correct REDIS_URL, or leave it empty")
    finally:
        await redis.close()
    if health["ok"]:
        return Check("redis", "ok", f"{health['kind']}, {redis.location}, {health['latency_ms']} ms")
    return Check("redis", "wrong", health["error"], "start Redis or correct REDIS_URL; tasks run without it, uncached")


async def _graph(settings: Settings, repair: bool) -> AsyncIterator[Check]:
    """The connection with its schema, the sizes, every invariant, and the blobs."""
    graph = build_graph(settings)
    try:
        await graph.open()
        yield Check("graph", "ok", f"{graph.kind}, {graph.location}, schema up to date")
        sizes = await graph.sizes()
        yield Check("sizes", "ok", ", ".join(f"{count} {name}" for name, count in sorted(sizes.items())) or "empty")
        if repair:
            async for check in _repaired(graph, settings):
                yield check
        for name, rows in (await graph.invariants()).items():
            yield _invariant(name, rows)
        yield await _blobs(graph, settings)
    except (GraphUnavailable, GraphRefused) as error:
        yield Check("graph", "unreachable", str(error), f"see {graph.location}, NEO4J_URL, NEO4J_AUTH and DATA_PATH")
    finally:
        await graph.close()


async def _repaired(graph: Graph, settings: Settings) -> AsyncIterator[Check]:
    """What was broken, and what was done about it."""
    alive = await graph.alive(round(1000 * settings.engine_timeout_seconds))
    if alive:
        yield Check(
            "repair",
            "wrong",
            f"refused: {', '.join(alive)} works on namespace {settings.namespace!r}; nothing was changed",
            "stop every engine of the namespace, and ask again; one that was killed counts for "
            f"{settings.engine_timeout_seconds:g} s",
        )
        return
    broken = {name: rows for name, rows in (await graph.invariants()).items() if rows}
    for name, rows in broken.items():
        yield Check(f"broken {name}", "ok", _shown(rows))
    done = await graph.repair()
    for name, number in done.items():
        yield Check(f"repaired {name}", "ok", f"{number} mended")
    if not broken:
        yield Check("repair", "ok", "nothing to repair")


async def _blobs(graph: Graph, settings: Settings) -> Check:
    """Whether the blob store has what Results refer to."""
    blobs, missing, count, after = build_blobs(settings), [], 0, ""
    try:
        await blobs.has(NO_BLOB)
        while page := await graph.blob_results(after, PAGE):
            count, after = count + len(page), page[-1]
            there = await asyncio.gather(*map(blobs.has, page))
            missing += [digest for digest, found in zip(page, there, strict=True) if not found]
    except (BlobsUnavailable, SettingsError) as error:
        return Check("blobs", "unreachable", str(error), "see BLOB_PATH and, for a bucket, the AWS_* variables")
    if not missing:
        return Check("blobs", "ok", f"{settings.blobs} has all {count}")
    shown = ", ".join(missing[:SHOWN_ROWS]) + (f" and {len(missing) - SHOWN_ROWS} more" if missing[SHOWN_ROWS:] else "")
    return Check(
        "blobs",
        "wrong",
        f"{settings.blobs} lacks {len(missing)} of {count}: {shown}",
        "correct BLOB_PATH, restore these files from a backup, or run what made them again",
    )


def _invariant(name: str, rows: list[Json]) -> Check:
    if not rows:
        return Check(f"invariant {name}", "ok", "holds")
    repair = "run `agent03 doctor --repair`, " if name in ORDER else ""
    return Check(
        f"invariant {name}",
        "wrong",
        _shown(rows),
        f"stop the engine, keep a copy of the graph, {repair}and look at these nodes; cypher/invariant/{name}.cypher "
        "says what should hold",
    )


def _shown(rows: list[Json]) -> str:
    shown = "; ".join(msgspec.json.encode(row).decode() for row in rows[:SHOWN_ROWS])
    more = f"; and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
    return f"{len(rows)} break it: {shown}{more}"


def _document(checks: list[Check]) -> Mapping[str, Json]:
    return {"ok": all(check.outcome == "ok" for check in checks), "checks": checks}


def _line(check: Check) -> str:
    mark = "ok   " if check.outcome == "ok" else "WRONG"
    advice = f"\n      -> {check.advice}" if check.advice else ""
    return f"{mark} {check.name}: {check.detail}{advice}"
