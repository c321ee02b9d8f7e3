"""The shell tool against real processes: output, limits, errors, and stopping for real."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import Category, ToolError
from engine.tools.crowding import Crowding
from engine.tools.process import MIB, NICE, Command, Limits, Processes
from engine.tools.roots import Roots
from engine.tools.shell import Shell
from tests.support.tools_context import RecordingContext, alive, running, until


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A shell tool whose root is the test's folder."""
    tool = Shell(Processes(grace=0.3), Roots([str(tmp_path)]))
    yield tool
    await tool.close()


async def run(tool: Shell, *argv: str, **fields: Any) -> Any:
    """Runs a program."""
    value = {"argv": list(argv), **fields}
    assert tool.check(value) == []
    return await tool.run(value, RecordingContext())


async def failure(tool: Shell, *argv: str, **fields: Any) -> ToolError:
    """Runs a program that must fail."""
    with pytest.raises(ToolError) as caught:
        await run(tool, *argv, **fields)
    return caught.value


async def test_output_and_exit_code(shell: Shell) -> None:
    found = await run(shell, "sh", "-c", "echo out; echo err >&2")
    assert found == {"exit_code": 0, "stdout": "out\n", "stderr": "err\n"}


ORPHAN = """
import os
reads, writes = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        full = bytearray(96 << 20)
        sum(range(2_000_000))
    os._exit(0)
os.wait()
os.close(writes)
os.read(reads, 1)
"""
"""Starts what works on below nobody, and waits for its end."""


async def test_what_its_processes_took_is_measured(shell: Shell) -> None:
    context = RecordingContext()
    await shell.run({"argv": ["true"]}, context)
    await shell.run({"argv": [sys.executable, "-S", "-c", ORPHAN]}, context)

    (small, little), (large, long) = context.measures
    assert 0 < small < 64 * MIB < 96 * MIB < large < 192 * MIB
    assert 0 <= little < 0.02 < long < 10


async def test_arguments_reach_the_program_as_they_are(shell: Shell) -> None:
    words = ["a b", "$HOME", "`id`", "*", "'", '"; rm -rf /', "", "é"]
    found = await run(shell, sys.executable, "-c", "import json,sys; print(json.dumps(sys.argv[1:]))", *words)
    assert found["json"] == words


@pytest.mark.parametrize(("text", "value"), [('{"a": [1]}', {"a": [1]}), ("42", 42), ("null", None), (" [] ", [])])
async def test_json_on_stdout_is_parsed(shell: Shell, text: str, value: Any) -> None:
    assert (await run(shell, "printf", "%s", text))["json"] == value


@pytest.mark.parametrize("text", ["{'a': 1}", '{"a": 1', "NaN", "", "  ", "[" * 5000])
async def test_what_is_no_json_stays_text(shell: Shell, text: str) -> None:
    assert await run(shell, "printf", "%s", text) == {"exit_code": 0, "stdout": text, "stderr": ""}


async def test_bytes_that_are_no_text_are_replaced(shell: Shell) -> None:
    assert (await run(shell, "printf", r"\377ok"))["stdout"] == "�ok"


@pytest.mark.parametrize(("stdin", "seen"), [("text é", "text é"), ({"a": [1]}, '{"a":[1]}'), (None, ""), ("", "")])
async def test_stdin(shell: Shell, stdin: Any, seen: str) -> None:
    assert (await run(shell, "cat", stdin=stdin))["stdout"] == seen


async def test_a_program_that_does_not_read_its_input_is_no_problem(shell: Shell) -> None:
    assert (await run(shell, "true", stdin="x" * 3_000_000))["exit_code"] == 0


async def test_it_runs_in_its_folder_or_in_the_engines(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert (await run(shell, "pwd", cwd="below"))["stdout"].strip() == str(tmp_path / "below")
    assert (await run(shell, "pwd"))["stdout"].strip() == str(Path.cwd())


async def test_a_folder_outside_the_roots_is_refused(shell: Shell, tmp_path: Path) -> None:
    assert [path for path, _ in shell.check({"argv": ["pwd"], "cwd": "../.."})] == [("cwd",)]
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").write_text("")
    for cwd, message in (("/etc", "outside"), ("link", "outside"), ("missing", "no folder"), ("file", "no folder")):
        error = await failure(shell, "pwd", cwd=cwd)
        assert error.category is Category.CONFIGURATION
        assert message in str(error)


async def test_the_environment_is_small_and_extended_by_the_given_one(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    program = "import json,os; print(json.dumps(dict(os.environ)))"
    seen = (await run(shell, sys.executable, "-c", program, env={"MINE": "1", "PATH": "/bin"}))["json"]
    assert seen["MINE"] == "1"
    assert seen["PATH"] == "/bin"
    assert seen["LANG"] == "C.UTF-8"
    assert "ANTHROPIC_API_KEY" not in seen


async def test_only_its_three_streams_are_open(shell: Shell) -> None:
    program = "import os; print(len([d for d in range(64) if os.path.exists(f'/proc/self/fd/{d}')]))"
    assert (await run(shell, sys.executable, "-I", "-c", program))["json"] == 3


@pytest.mark.parametrize(
    ("script", "category"),
    [
        ("exit 75", Category.TRANSIENT),
        ("exit 126", Category.CONFIGURATION),
        ("no-such-program-anywhere", Category.CONFIGURATION),
        ("exit 1", Category.LOGIC),
        ("kill -TERM $$", Category.LOGIC),
        ("kill -KILL $$", Category.RESOURCE),
        ("sh -c 'kill -KILL $$'; exit $?", Category.RESOURCE),
        ("echo 'Cannot allocate memory' >&2; exit 2", Category.RESOURCE),
    ],
)
async def test_exit_codes_have_categories(shell: Shell, script: str, category: Category) -> None:
    assert (await failure(shell, "sh", "-c", script)).category is category


async def test_a_failure_tells_the_last_line_and_keeps_the_output(shell: Shell) -> None:
    error = await failure(shell, "sh", "-c", "echo part; echo first >&2; echo last words >&2; exit 3")
    assert str(error) == "sh ended with exit code 3: last words"
    assert error.output == {"exit_code": 3, "stdout": "part\n", "stderr": "first\nlast words\n"}
    error = await failure(shell, "sh", "-c", "kill -SEGV $$")
    assert str(error) == "sh was ended by SIGSEGV"


async def test_a_missing_program_is_a_matter_of_configuration(shell: Shell, tmp_path: Path) -> None:
    error = await failure(shell, "no-such-program-anywhere")
    assert error.category is Category.CONFIGURATION
    assert str(error) == "no-such-program-anywhere: there is no such program"
    (tmp_path / "plain").write_text("echo hi")
    error = await failure(shell, "./plain", cwd=".")
    assert (error.category, str(error)) == (Category.CONFIGURATION, "./plain: it may not be run")
    (tmp_path / "plain").chmod(0o755)
    (tmp_path / "plain").write_bytes(b"\0\0\0\0")
    error = await failure(shell, "./plain", cwd=".")
    assert (error.category, str(error)) == (Category.CONFIGURATION, "./plain: it cannot be run (ENOEXEC)")
    error = await failure(shell, "echo", "x" * 3_000_000)
    assert (error.category, str(error)) == (Category.CONFIGURATION, "echo: it cannot be run (E2BIG)")
    assert "stdin" in error.suggestion


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"argv": []}, ("argv",)),
        ({"argv": "ls -l"}, ("argv",)),
        ({"argv": [1]}, ("argv", 0)),
        ({"argv": [" "]}, ("argv",)),
        ({"argv": ["a\0b"]}, ("argv",)),
        ({"argv": ["a"], "env": {"A=B": "1"}}, ("env",)),
        ({"argv": ["a"], "env": {"A": 1}}, ("env", "A")),
        ({"argv": ["a"], "limits": {"memory_mb": 1}}, ("limits", "memory_mb")),
        ({"argv": ["a"], "limits": {"memory": 100}}, ("limits", "memory")),
        ({"argv": ["a"], "limits": {"output_bytes": 10**12}}, ("limits", "output_bytes")),
        ({"argv": ["a"], "command": "ls"}, ("command",)),
    ],
)
def test_bad_input_is_named(tmp_path: Path, value: Any, path: tuple[str | int, ...]) -> None:
    assert [place for place, _ in Shell(Processes(0.1), Roots([str(tmp_path)])).check(value)] == [path]


@pytest.mark.parametrize("stream", ["1", "2"])
async def test_a_flood_of_output_is_stopped(shell: Shell, stream: str) -> None:
    error = await failure(shell, "sh", "-c", f"exec yes 0123456 >&{stream}", limits={"output_bytes": 10_000})
    assert error.category is Category.RESOURCE
    assert "more than 10000 bytes" in str(error)
    kept = error.output["stdout" if stream == "1" else "stderr"]  # type: ignore[index]
    assert kept == ("0123456\n" * 1250)


async def test_output_up_to_the_limit_passes(shell: Shell) -> None:
    script = f"{sys.executable} -c \"print('x' * 99_999)\""
    assert len((await run(shell, "sh", "-c", script, limits={"output_bytes": 100_000}))["stdout"]) == 100_000


async def test_memory_is_limited(shell: Shell) -> None:
    program = "x = bytearray(300_000_000); print(len(x))"
    error = await failure(shell, sys.executable, "-c", program, limits={"memory_mb": 100})
    assert error.category is Category.RESOURCE
    assert "memory_mb (now 100)" in error.suggestion
    assert (await run(shell, sys.executable, "-c", program, limits={"memory_mb": 400}))["json"] == 300_000_000


async def test_address_space_that_is_only_reserved_is_no_memory(shell: Shell) -> None:
    program = "import mmap; m = mmap.mmap(-1, 2**34, prot=mmap.PROT_READ); print(len(m))"
    assert (await run(shell, sys.executable, "-c", program, limits={"memory_mb": 100}))["json"] == 2**34


async def test_processor_time_is_limited(shell: Shell) -> None:
    error = await failure(shell, "sh", "-c", "while :; do :; done", limits={"cpu_seconds": 0.5})
    assert error.category is Category.RESOURCE
    assert "cpu_seconds" in error.suggestion


async def test_a_program_that_ignores_the_end_of_its_time_is_no_crash(shell: Shell) -> None:
    program = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    error = await failure(shell, sys.executable, "-c", program, limits={"cpu_seconds": 1})
    assert (error.category, error.crashed) == (Category.RESOURCE, False)
    assert "cpu_seconds" in error.suggestion


@pytest.mark.parametrize(("number", "died"), [("SEGV", True), ("KILL", True), ("TERM", False)])
async def test_a_signal_from_elsewhere_may_be_a_crash(shell: Shell, number: str, died: bool) -> None:
    assert (await failure(shell, "sh", "-c", f"kill -{number} $$")).crashed is died


async def test_limits_are_halved_after_resources_ran_short(shell: Shell) -> None:
    context = RecordingContext(reduction=2)
    value = {"argv": ["sh", "-c", "ulimit -d; ulimit -t"], "limits": {"cpu_seconds": 7}}
    found = await shell.run(value, context)
    assert found["stdout"] == f"{2048 * 1024 // 4}\n7\n"  # type: ignore[index]


async def test_every_output_is_a_sign_of_life(shell: Shell) -> None:
    context = RecordingContext()
    script = "for n in 1 2 3; do echo $n; sleep 0.05; echo $n >&2; sleep 0.05; done"
    await shell.run({"argv": ["sh", "-c", script]}, context)
    assert context.signs >= 4


async def test_what_a_program_leaves_running_ends_with_it(shell: Shell) -> None:
    started = time.monotonic()
    found = await run(shell, "sh", "-c", "sleep 71001.5 & setsid sleep 71001.5 & echo done")
    assert found["stdout"] == "done\n"
    assert time.monotonic() - started < 3
    assert running("71001.5") == []


async def _cancelled_after(tool: Shell, marker: Path, *argv: str) -> float:
    """Starts, waits for the marker, cancels; returns how long the cancellation took."""
    task = asyncio.create_task(run(tool, *argv))
    await until(marker.exists)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - started


async def test_a_cancelled_program_may_clean_up(tmp_path: Path) -> None:
    marker, cleaned = tmp_path / "marker", tmp_path / "cleaned"
    script = f"trap 'touch {cleaned}; exit 0' TERM; touch {marker}; sleep 71002.5 & wait"
    patient = Shell(Processes(grace=5), Roots([str(tmp_path)]))
    assert await _cancelled_after(patient, marker, "sh", "-c", script) < 15
    await patient.close()
    assert cleaned.exists()
    assert running("71002.5") == []


async def test_a_cancelled_program_that_does_not_listen_is_killed_after_the_grace(shell: Shell, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = f"trap '' TERM; touch {marker}; while :; do sleep 71003.5; done"
    assert 0.29 < await _cancelled_after(shell, marker, "sh", "-c", script) < 1.3
    assert running("71003.5") == []


async def test_descendants_that_left_the_session_are_killed_too(shell: Shell, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = f"(setsid sh -c 'trap \"\" TERM; setsid sleep 71004.5 & touch {marker}; sleep 71004.5' &) ; sleep 71004.5"
    assert await _cancelled_after(shell, marker, "sh", "-c", script) < 1.3
    assert running("71004.5") == []


async def test_a_second_cancellation_does_not_cut_the_killing_short(shell: Shell, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    task = asyncio.create_task(run(shell, "sh", "-c", f"trap '' TERM; touch {marker}; sleep 71005.5"))
    await until(marker.exists)
    for _ in range(3):
        task.cancel()
        await asyncio.wait([task], timeout=0.02)
    assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running("71005.5") == []


async def test_cancelled_at_any_moment_nothing_stays_behind(shell: Shell) -> None:
    for steps in range(0, 40, 3):
        task = asyncio.create_task(run(shell, "sleep", "71006.5"))
        for _ in range(steps):
            await asyncio.sleep(0)
        await asyncio.wait([task], timeout=steps / 2000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert running("71006.5") == []


async def test_many_at_once_leave_no_descriptor_open(shell: Shell) -> None:
    await run(shell, "true")
    before = len(os.listdir("/proc/self/fd"))
    found = await asyncio.gather(*(run(shell, "echo", str(number)) for number in range(40)))
    assert [result["json"] for result in found] == list(range(40))
    await until(lambda: len(os.listdir("/proc/self/fd")) <= before, 10)


async def test_a_killed_helper_is_replaced(shell: Shell) -> None:
    await run(shell, "true")
    helper = shell._processes._guardians._helper
    assert helper is not None
    helper.kill()
    helper.wait()
    found = await asyncio.gather(*(run(shell, "echo", str(number)) for number in range(3)))
    assert [result["json"] for result in found] == [0, 1, 2]


async def test_a_killed_guardian_takes_its_tool_along(shell: Shell) -> None:
    program = "import os,signal,time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)"
    error = await failure(shell, sys.executable, "-c", program, "71007.5")
    assert error.category is Category.RESOURCE
    await until(lambda: running("71007.5") == [], 1)


async def test_a_guardian_that_does_not_react_is_killed_from_outside(shell: Shell, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    program = (
        "import os,pathlib,signal,time; os.kill(os.getppid(), signal.SIGSTOP); "
        f"pathlib.Path({str(marker)!r}).touch(); time.sleep(60)"
    )
    assert await _cancelled_after(shell, marker, sys.executable, "-c", program, "71008.5") < 2.5
    await until(lambda: running("71008.5") == [], 1)


ENGINE = """
import asyncio, sys
from engine.tools.process import Processes
from engine.tools.roots import Roots
from engine.tools.shell import Shell

class Context:
    task_id = subtask_id = key = "x"
    reduction = 0

    def progress(self):
        pass

async def main():
    await Shell(Processes(0.5), Roots(["/"])).run({"argv": ["sh", "-c", sys.argv[1]]}, Context())

asyncio.run(main())
"""


async def test_a_killed_engine_leaves_nothing_running(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = (
        "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM HUP; (setsid sleep 71009.5 &); "
        f"touch {marker}; sleep 71009.5' & sleep 71009.5"
    )
    engine = await asyncio.create_subprocess_exec(sys.executable, "-c", ENGINE, script)
    await until(marker.exists, 10)
    await until(lambda: len(running("71009.5")) == 3)
    below = psutil.Process(engine.pid).children(recursive=True)
    engine.kill()
    await engine.wait()
    await until(lambda: running("71009.5") == [], 1)
    await until(lambda: not any(map(alive, below)), 1)


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this system shares out by process, not by session"
)
async def test_its_whole_session_stands_back_on_the_processor(shell: Shell) -> None:
    output = await shell.run({"argv": ["cat", "/proc/self/autogroup"]}, RecordingContext())
    assert isinstance(output, dict)
    assert str(output["stdout"]).endswith(f"nice {NICE}\n")


def test_what_the_guardian_is_sent_is_json() -> None:
    packed = Command(["a", "é\n"], Limits(16, 0.2, 1), env={"A": "ü"}, cwd="/").packed(Crowding().held)
    argv, cwd, env, inherited, limits, nice, bound = json.loads(packed)
    assert (argv, cwd, env) == (["a", "é\n"], "/", {"A": "ü"})
    assert bound == ["none", "", 0, 0, 0, 0, 0.0, ""]
    assert "PATH" in inherited and nice > 0
    assert limits == [["RLIMIT_CORE", 0, 0], ["RLIMIT_DATA", 16 * 2**20, 16 * 2**20], ["RLIMIT_CPU", 1, 2]]
