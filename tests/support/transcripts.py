"""Terminal sessions, written down in documents and beside examples, and played for real.

A line that begins with ``$ `` is a command; one that ends with a backslash goes on in the next line. The lines after
it are what it prints on stdout, where ``...`` stands for anything, as in doctest. ``[exit 1]`` as the last of them says
how it ends; without it the command must succeed. Commands of one session share a shell, so variables and background
jobs live on.
"""

from __future__ import annotations

import doctest
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.settings import Settings

REPOSITORY = Path(__file__).parents[2]
_EXIT = re.compile(r"\[exit (\d+)\]")
_CHECKER = doctest.OutputChecker()


@dataclass(frozen=True, slots=True)
class Step:
    """A command, what it prints on stdout, and its exit code."""

    command: str
    expected: str
    exit_code: int = 0


def parse(text: str) -> list[Step]:
    """The steps of a session; text before the first command is a mistake."""
    steps: list[Step] = []
    lines = iter(text.strip("\n").splitlines())
    command: list[str] = []
    printed: list[str] = []
    for line in lines:
        if line.startswith("$ "):
            steps += _step(command, printed)
            command, printed = [line[2:]], []
            while command[-1].endswith("\\"):
                command.append(next(lines))
        else:
            assert command, f"{line!r} comes before the first command"
            printed.append(line)
    return steps + _step(command, printed)


def _step(command: list[str], printed: list[str]) -> list[Step]:
    if not command:
        return []
    ending = _EXIT.fullmatch(printed[-1]) if printed else None
    expected = "\n".join(printed[:-1] if ending else printed).strip("\n")
    return [Step("\n".join(command), expected, int(ending[1]) if ending else 0)]


def environment(**ours: str) -> dict[str, str]:
    """The variables of this process without the engine's settings; its own commands come first on the path."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "120", **ours}


def play(steps: Sequence[Step], folder: Path, variables: Mapping[str, str], *, seconds: float = 100.0) -> None:
    """Runs the steps in ``folder`` and compares; nothing that they started is left behind.

    Raises:
        AssertionError: with the command, what it printed, and the end of stderr.
    """
    mark = f"mark-{uuid.uuid4().hex}"
    script = "\n".join(f"{step.command}\nprintf '\\n{mark} %d\\n' $?" for step in steps)
    shell = subprocess.Popen(
        ["bash", "-c", f"set -o pipefail\n{script}\n"],
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = shell.communicate(timeout=seconds)
    finally:
        _end(shell)
    parts = re.split(rf"\n{mark} (\d+)\n", out)
    for step, printed, code in zip(steps, parts[::2], parts[1::2], strict=False):
        _compare(step, printed.strip("\n"), int(code), err)
    assert len(parts) == 2 * len(steps) + 1, f"the shell ended early:\n{out}\n{err}"


def _end(shell: subprocess.Popen[str]) -> None:
    """Ends what is left of the session, background jobs included."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    shell.wait()


def _compare(step: Step, printed: str, code: int, err: str) -> None:
    same = _CHECKER.check_output(f"{step.expected}\n", f"{printed}\n", doctest.ELLIPSIS)
    if same and code == step.exit_code:
        return
    raise AssertionError(
        f"$ {step.command}\n--- expected, exit {step.exit_code}\n{step.expected}\n--- printed, exit {code}\n{printed}\n"
        f"--- stderr of the session\n{err[-4000:]}"
    )
