"""Real storms of processes, held in each way that a machine may offer: ended at once, and nobody else notices.

Each runs in a namespace of processes of its own, which dies with its first process, and in a group that the kernel
bounds: a fault in what is tested harms nobody.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.tools.crowding import Crowding
from engine.tools.process import Processes
from engine.tools.roots import Roots
from engine.tools.shell import Shell
from tests.support.serving import ROOT
from tests.support.storm import USERS
from tests.support.tools_context import RecordingContext

MOST = 200
ROOM = 1_500
"""What the kernel lets there be in any case."""
SECONDS = 60.0
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def room() -> Iterator[Path]:
    """A group of the system in which there may be so many processes."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root has namespaces and groups of processes, and a storm is let loose nowhere else")
    places = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
    folder = next((place for place in places if (place / "cgroup.procs").exists()), places[0]) / f"storm-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "pids.max").write_text(str(ROOM))
    except OSError as error:
        pytest.skip(f"there is no group of processes to be had: {error}")
    yield folder
    for group in sorted(folder.rglob("*"), reverse=True):
        if group.is_dir():
            _empty(group)
    _empty(folder)


def _empty(group: Path) -> None:
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(OSError):
        group.rmdir()


@pytest.mark.parametrize("how", ["group", "user", "limit", "watch"])
def test_a_storm_of_processes_is_ended(how: str, room: Path) -> None:
    world = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    storm = [sys.executable, "-m", "tests.support.storm", how, str(MOST), str(room)]
    join = f'echo $$ > {room}/cgroup.procs && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", join, "sh", *world, *storm],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["how"] == how
    assert told["bomb"]["error"] == f"resource: {sys.executable} had {MOST} processes and was stopped"
    orphans = told["orphans"]["error"]
    assert orphans == "" or orphans.startswith(f"resource: bash had {MOST} processes and was stopped")
    assert told["bomb"]["late_p95"] < 0.2
    assert (told["after"], told["left"]) == (0, [])
    assert int((room / "pids.current").read_text()) == 0
    assert [path for path in room.iterdir() if path.is_dir()] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_tool_that_is_a_user_of_its_own_reaches_the_files_of_root(tmp_path: Path) -> None:
    first, last = USERS
    processes = Processes(0.2, Crowding(64, uids=USERS, cgroups=tmp_path / "none"))
    shell = Shell(processes, Roots([str(tmp_path)]))
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    (folder / "secret").write_text("read me")
    (folder / "secret").chmod(0o600)
    script = "id -u; cat secret; echo new > made; rm secret; chown 0 made; renice -n -9 $$ 2>/dev/null || echo no"
    try:
        output = await shell.run({"argv": ["sh", "-c", script], "cwd": str(folder)}, RecordingContext())
    finally:
        await shell.close()
    assert isinstance(output, dict)
    user, *rest = str(output["stdout"]).split("\n")
    assert first <= int(user) <= last
    assert rest == ["read meno", ""]
    assert ((folder / "made").read_text(), (folder / "made").stat().st_uid) == ("new\n", 0)
    assert not (folder / "secret").exists()
