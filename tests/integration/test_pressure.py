"""A machine that runs short: less starts, the engine says so everywhere, and all of it comes back by itself."""

from __future__ import annotations

from engine.gauge import Reading
from engine.limits.pressure import LOOKS_ABOVE, LOOKS_BELOW
from engine.states import TaskStatus
from tests.support.asking import Asker, asker, codes, gate
from tests.support.engines import GATES, STARTED, Lab, finished
from tests.support.plans import plan
from tests.support.services import eventually

NUMBER = 12
SHORT, ROOM = Reading(memory=0.99), Reading(memory=0.1)


def _waiting(namespace: str) -> list[str]:
    names = [f"{namespace}-{n}" for n in range(NUMBER)]
    return [name for name in names if STARTED[name] and not GATES[name].is_set()]


async def _runs(namespace: str, number: int) -> list[str]:
    await eventually(lambda: len(_waiting(namespace)) == number)
    return _waiting(namespace)


def _look(asked: Asker, reading: Reading, times: int) -> None:
    for _ in range(times):
        asked.engine.easing.look(reading)


async def test_under_pressure_less_runs_why_says_so_and_it_comes_back(lab: Lab, namespace: str) -> None:
    async with asker(lab, max_parallel_tasks=6) as asked:
        gates = [gate(f"g{n}", f"{namespace}-{n}") for n in range(NUMBER)]
        task_id = await asked.submit(plan(*gates))
        first = await _runs(namespace, 6)
        assert (await asked.client.get("/health")).json()["pressure"]["ok"] is True

        _look(asked, SHORT, LOOKS_ABOVE)

        health = (await asked.client.get("/health")).json()
        assert (health["status"], health["pressure"]["slots"]) == ("degraded", 3)
        assert health["pressure"]["reasons"] == ["99% of the memory is taken, and 92% may be"]
        assert (await asked.client.get("/health/ready")).status_code == 200
        waits = await asked.why(task_id, "g11")
        assert codes(waits) == ["pressure"]
        assert (
            "6 run, and 3 may, fewer than usual because the machine is short: 99% of the memory"
            in waits.causes[0].words
        )
        for name in first[:4]:
            GATES[name].set()
        await asked.until(task_id, **{f"g{name.rpartition('-')[2]}": "completed" for name in first[:4]})
        assert len(await _runs(namespace, 3)) == 3

        _look(asked, ROOM, LOOKS_BELOW)

        assert (await asked.client.get("/health")).json()["status"] == "healthy"
        await _runs(namespace, 6)
        for n in range(NUMBER):
            GATES.setdefault(f"{namespace}-{n}", GATES[first[0]]).set()
        assert (await finished(asked.engine, task_id)).status is TaskStatus.COMPLETED


async def test_a_type_that_is_lowered_holds_its_own_and_lets_others_pass(lab: Lab, namespace: str) -> None:
    async with asker(lab, max_parallel_tasks=6) as asked:
        asked.engine._ledger.ease(5, {"gate": 1})
        asked.engine.easing._reasons = ["99% of the memory is taken"]
        task_id = await asked.submit(plan(gate("a", f"{namespace}-0"), gate("b", f"{namespace}-1"), *_others()))
        await asked.until(task_id, a="processing", b="ready", **{f"n{n}": "completed" for n in range(8)})
        waits = await asked.why(task_id, "b")
        assert codes(waits) == ["pressure"]
        assert waits.causes[0].data == {
            "type": "gate",
            "running": 1,
            "limit": 1,
            "reasons": ["99% of the memory is taken"],
        }

        asked.engine._ledger.ease(6, {})
        asked.engine._scheduler.wake()

        await asked.until(task_id, b="processing")
        for n in range(2):
            GATES[f"{namespace}-{n}"].set()
        assert (await finished(asked.engine, task_id)).status is TaskStatus.COMPLETED


def _others() -> list[dict[str, object]]:
    return [{"key": f"n{n}", "type": "noop", "dependencies": []} for n in range(8)]


async def test_a_running_engine_looks_at_the_real_machine(lab: Lab) -> None:
    engine = await lab.start(pressure_look_seconds=0.01)
    await eventually(lambda: engine.snapshot()["pressure"].keys() >= {"memory", "load", "disk", "lag"})
    seen = (await engine.health())["pressure"]["seen"]
    assert 0 < seen["memory"] < 1
    assert seen["own"] > 1024 * 1024
    assert seen["place"].startswith(str(lab.folder))


async def test_a_bound_that_is_passed_for_real_lowers_and_its_end_raises(lab: Lab) -> None:
    engine = await lab.start(max_parallel_tasks=8, pressure_look_seconds=0.01, pressure_own_mb=1)
    await eventually(lambda: engine.snapshot()["open_slots"] == 1)
    assert "the engine holds" in engine.easing.reasons[0]

    engine.easing._bounds = type(engine.easing._bounds)()

    await eventually(lambda: engine.snapshot()["open_slots"] == 8)
    assert engine.easing.reasons == []
