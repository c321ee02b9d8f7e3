"""Agents in running engines on both graphs: their talks survive a stop and a kill, and no finished call is repeated."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.service import Engine
from engine.states import TaskStatus
from tests.integration.test_recovery import LIFE
from tests.support.agents import tally
from tests.support.approving import waits
from tests.support.claude import FakeClaude
from tests.support.engines import Lab, finished, marks, run, subtasks
from tests.support.model_plans import asking
from tests.support.plans import Body, plan, step
from tests.support.services import eventually

ROLES = """
roles:
  - name: counter
    cluster: development
    system_prompt: You count.
    tools: [tally, write_file, shell]
  - name: lead
    cluster: design
    system_prompt: You lead.
    delegates: [counter]
"""


def _settings(fake: FakeClaude, folder: Path, **more: Any) -> dict[str, Any]:
    """Settings of an engine with the role ``counter`` and its wrapper."""
    (folder / "roles.yaml").write_text(ROLES)
    tally(folder / "wrappers", folder / "log")
    paths = {"roles_path": str(folder / "roles.yaml"), "wrappers_path": str(folder / "wrappers")}
    return asking(fake, **paths, **more)


def _agent(**value: Any) -> Body:
    return plan(step("agent", type="agent", input={"role": "counter", "prompt": "Count.", **value}))


async def _output(engine: Engine, task_id: str) -> Any:
    return await engine.output((await subtasks(engine, task_id))["agent"])


async def test_an_agent_is_a_subtask_with_a_result_and_a_cost(lab: Lab, fake: FakeClaude, tmp_path: Path) -> None:
    fake.calls(("a", "tally", {"name": "one"}), ("b", "write_file", {"path": "x.txt", "content": "x"}))
    fake.says("Counted one.")
    engine = await lab.start(**_settings(fake, tmp_path))

    task = await run(engine, _agent(context={"results": {"n": [1, 2]}}))

    assert task.status is TaskStatus.COMPLETED, task.error
    found = await _output(engine, task.id)
    assert (found["text"], found["turns"], found["usage"]["output_tokens"]) == ("Counted one.", 2, 400)
    assert (lab.folder / "files" / task.id / "x.txt").read_text() == "x"
    await engine.remove(task.id)
    sizes = (await engine.doctor())["sizes"]
    assert isinstance(sizes, dict)
    assert not sizes.get("AgentStep")


async def test_a_killed_engine_s_agent_goes_on_and_repeats_no_call_that_has_ended(
    lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    """kill -9 in the middle of a turn: one call has ended, one runs."""
    log, hold = tmp_path / "log", tmp_path / "hold"
    fake.calls(("a", "tally", {"name": "first"}))
    fake.calls(("b", "tally", {"name": "ended"}))
    fake.calls(("c", "tally", {"name": "ended too"}), ("d", "tally", {"name": "held", "hold": str(hold)}))
    more = _settings(fake, tmp_path)
    settings = lab.settings(**more).model_dump(mode="json", exclude={"neo4j_auth", "blob_path"})
    settings |= {"data_path": str(lab.folder), "neo4j_auth": lab.server.auth if lab.server else "a/b"}
    command = [sys.executable, "-c", LIFE, json.dumps(settings | more), json.dumps(_agent())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            task_id = (await asyncio.to_thread(process.stdout.readline)).decode().strip()
            await eventually(lambda: len(marks(log)) == 4, 60)
        finally:
            process.send_signal(signal.SIGKILL)
    asked = len(fake.requests)
    hold.touch()
    fake.says("All counted.")

    engine = await lab.start(**more)
    task = await finished(engine, task_id)

    assert task.status is TaskStatus.COMPLETED, task.error
    assert sorted(marks(log)) == sorted(["first", "ended", "ended too", "held"]), "no call was made twice"
    assert len(fake.requests) == asked + 1, "no answer that was complete was asked for again"
    results = fake.results()
    assert "not known whether" in results["d"][0]
    found = await _output(engine, task_id)
    assert (found["text"], found["turns"]) == ("All counted.", 4)


async def test_a_capped_agent_fails_its_subtask_and_its_work_is_kept(
    lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    for number in range(5):
        fake.calls((f"c{number}", "tally", {"name": f"n{number}"}))
    engine = await lab.start(**_settings(fake, tmp_path))
    task = await run(engine, _agent(budget={"turns": 2}))
    assert task.status is TaskStatus.FAILED
    row = (await subtasks(engine, task.id))["agent"]
    error = json.loads(row.error or "{}")
    assert error["category"] == "resource"
    assert "cap of 2 turns: 2 turns, 2 tool calls, 2400 tokens" in error["message"]
    assert marks(tmp_path / "log") == ["n0", "n1"]
    found: Any = await engine.output(row)
    assert [call["input"]["name"] for call in found["tool_calls"]] == ["n0", "n1"]


async def test_a_budget_holds_over_the_agents_of_a_task_and_the_report_says_where_the_tokens_went(
    lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    """Two runaways side by side; a restart in the middle counts what was used before."""

    def on_and_on(_: object) -> None:
        number = len(fake.requests)
        fake.calls((f"c{number}", "tally", {"name": str(number)}))

    fake.decide = on_and_on
    settings = _settings(fake, tmp_path)
    engine = await lab.start(**settings)
    agents = [step(key, type="agent", input={"role": "counter", "prompt": f"Count, {key}."}) for key in ("a", "b")]
    body = plan(*agents) | {"agent_budget": {"tokens": 20_000}}
    task_id = (await engine.submit(body)).id
    await eventually(lambda: len(marks(tmp_path / "log")) >= 4, 30)
    await lab.stop(engine)
    engine = await lab.start(**settings)
    task = await finished(engine, task_id)

    assert task.status is TaskStatus.FAILED
    errors = [json.loads(row.error or "{}") for row in (await subtasks(engine, task_id)).values()]
    assert [error["category"] for error in errors] == ["resource", "resource"]
    assert all("agent_budget of 20000 tokens" in error["message"] for error in errors)
    agents_used = (await engine.reports.report(task_id)).agents
    used = {row.key: row.usage.tokens for row in agents_used}
    assert set(used) == {"a", "b"}
    assert 15_000 < sum(used.values()) <= 20_000, "it is used, and not passed"
    partial: Any = await engine.output((await subtasks(engine, task_id))["a"])
    assert partial["tool_calls"], "the work until then is kept"


async def test_an_agent_gives_work_to_other_roles_which_run_once_it_has_ended(
    lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    def played(body: Any) -> None:
        text, answers = str(body["messages"][0]["content"]), len(body["messages"]) // 2
        if "Lead." in text and answers == 0:
            one = {"key": "one", "role": "counter", "prompt": "Count {{subtasks.agent.output}}."}
            two = {"key": "two", "role": "counter", "prompt": "Sum.", "after": ["one"]}
            fake.calls(("a", "delegate", one), ("b", "delegate", two), ("c", "delegate", one | {"role": "lead"}))
        elif "Count" in text and answers == 0:
            fake.calls(("a", "tally", {"name": "one"}))
        else:
            fake.says(f"said: {'sum' if 'Sum.' in text else 'count' if 'Count' in text else 'lead'}")

    fake.decide = played
    engine = await lab.start(**_settings(fake, tmp_path))
    body = plan(
        step("agent", type="agent", input={"role": "lead", "prompt": "Lead.", "budget": {"tokens": 50_000}}),
        step("after", type="noop", input={"got": "{{subtasks.agent.output.text}}"}, dependencies=["agent"]),
    )
    task = await run(engine, body)

    assert task.status is TaskStatus.COMPLETED, task.error
    rows = await subtasks(engine, task.id)
    assert set(rows) == {"agent", "agent[one]", "agent[two]", "after"}
    found = await _output(engine, task.id)
    assert [one["key"] for one in found["delegated"]] == ["one", "two"]
    assert [call["case"] for call in found["tool_calls"]] == ["", "", "refused"]
    assert await engine.output(rows["after"]) == {"got": "said: lead"}
    summed: Any = await engine.output(rows["agent[two]"])
    assert summed["text"] == "said: sum"
    assert "said: count" in json.dumps(fake.requests), "it reads what it comes after"
    assert "Count {{subtasks.agent.output}}." in json.dumps(fake.requests), "what a model writes is no reference"
    assert marks(tmp_path / "log") == ["one"]


async def test_a_person_s_approval_opens_a_dangerous_tool_that_the_role_names(
    embedded_lab: Lab, fake: FakeClaude, tmp_path: Path
) -> None:
    engine = await embedded_lab.start(**_settings(fake, tmp_path))
    body = plan(step("agent", type="agent", input={"role": "counter", "prompt": "Count."}, requires_approval=True))
    task_id = (await engine.submit(body)).id

    await waits(engine, task_id, "agent")
    assert fake.requests == []
    fake.calls(("a", "shell", {"argv": ["echo", "hello"]}))
    fake.says("done")
    await engine.approve(task_id, "agent")
    task = await finished(engine, task_id)
    assert task.status is TaskStatus.COMPLETED, task.error
    assert json.loads(fake.results()["a"][0])["stdout"] == "hello\n"
