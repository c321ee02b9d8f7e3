"""The helper process: it sees to it that nothing of a tool outlives the engine's wish.

Run once per engine as ``python -I -S guardian.py FD``, with the standard library only; FD is one end of a socket pair
whose other end only the engine holds. For each tool process the engine sends one end of a second socket pair, the
*control* of that tool, and the helper forks a *guardian* for it. That takes about a millisecond, where starting an
interpreter takes ten or more; the engine asks ahead, so that it seldom has to wait for it.

A guardian says ``P<pid>`` and waits for what to run, which comes with the tool's stdin, stdout and stderr. It starts
it and then obeys: ``T`` asks the tool to end; when the control closes, because the engine wants it so or because the
engine was killed, every descendant is killed. On Linux the guardian is the *subreaper* of its descendants, so a
grandchild that leaves the session or loses its parent is found all the same; elsewhere only the tool's process group
is reached. What a tool leaves running when it ends by itself is killed as well. The guardian answers ``E<errno>`` when
the program cannot be started, ``X<wait status>:<ms>:<ms>:<bytes>:<number>:<number>`` when all is over, and
closes the control by ending: the processor time of the tool, that of all its descendants too, and the most memory that
any one of them held; the number is that of the processes that it may have, 0 unless it had more and was killed for it,
and after it comes that of the bytes that it may write to disk, likewise.
How these are bound stands in ``crowding.py``. The system counts what is left of the guardian in a tool that has just
been forked, some 10 MiB, as the tool's; what less a tool really held is not known.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
PAUSE = 0.002
"""Seconds between two rounds of killing."""
GROUP = "agent03-tool-"
"""What the names of a tool's groups begin with; the guardian's id follows."""
WRITTEN_PAUSE = 0.2
"""Seconds between two looks at how much was written to disk."""
CPU_PERIOD = 100_000
"""Microseconds over which a group's share of the processors is counted."""
BOUND_PAUSE, WATCH_PAUSE = 0.2, 0.02
"""Seconds between two looks at how many there are: where the kernel lets no more be, and where it does."""
FILES = (0, 1, 2, 3, 4)
"""Capabilities to reach files whoever owns them: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID."""
CAPABILITY_VERSION = 0x20080522


def main(requests: socket.socket) -> None:
    """Forks a guardian for each request, until the engine is gone. Children that ended vanish by themselves."""
    libc = ctypes.CDLL(None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.disable()  # a collection would copy the pages that the forked share
    while True:
        data, received, _, _ = socket.recv_fds(requests, 1, 1)
        if not data:
            return
        if received and fork(received[0]) == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            guard(received[0], libc)
            os._exit(0)
        for descriptor in received:
            os.close(descriptor)


def fork(control: int) -> int:
    """The process id, 0 in the child; -1 when the machine can start no process, which the engine is told."""
    try:
        return os.fork()
    except OSError as error:
        answer(control, f"E{error.errno} ")
        return -1


def guard(control: int, libc: ctypes.CDLL) -> None:
    """Runs the tool that the engine names, to its end or until the engine goes."""
    os.set_inheritable(control, False)
    if LINUX:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    answer(control, f"P{os.getpid()} ")
    streams, (argv, cwd, env, inherit, limits, nice, bound) = receive(control)
    crowd = Crowd(*bound, libc)
    tool = fork(control)
    if tool == 0:
        kept = {name: os.environ[name] for name in inherit if name in os.environ}
        os.nice(nice)
        become(argv, cwd, {**kept, **env}, limits, streams, libc, control, crowd, nice)
    for stream in streams:  # only the tool holds its pipes, so that the engine sees them end with it
        os.close(stream)
    if tool < 0:
        crowd.close()
        return
    asked: list[bool] = []
    crowd.watch()
    threading.Thread(target=obey, args=(control, tool, asked, crowd), daemon=True).start()
    status, milliseconds = wait_for(tool)
    finish_others(asked, crowd)
    crowd.close()
    over = f"{crowd.most if crowd.over else 0}:{crowd.writes if crowd.flooded else 0}"
    answer(control, f"X{status}:{milliseconds}:{':'.join(map(str, taken()))}:{over} ")


Bound = tuple[str, str, int, int, int, int, float, str]
"""How the processes are bound (``crowding.How``), folder of groups, first and last user, how many there may be, bytes
that they may write, processors that they may take (0 for any), folder of groups for these.
"""
Command = tuple[list[str], str, dict[str, str], list[str], list[tuple[str, int, int]], int, Bound]
"""Program and arguments, folder, variables, names of inherited variables, limits, niceness to add, bound."""


def receive(control: int) -> tuple[list[int], Command]:
    """The three streams and the command, after eight bytes of length; ends this process when the engine is gone."""
    with socket.socket(fileno=os.dup(control)) as sock:
        length, streams, _, _ = socket.recv_fds(sock, 8, 3)
    if len(length) < 8 or len(streams) < 3:
        os._exit(0)
    return streams, json.loads(exactly(control, int.from_bytes(length, "big")))


def exactly(control: int, size: int) -> bytes:
    """That many bytes; ends this process when the engine is gone."""
    data = b""
    while len(data) < size:
        chunk = os.read(control, min(size - len(data), 1 << 20))
        if not chunk:
            os._exit(0)
        data += chunk
    return data


def answer(control: int, text: str) -> None:
    """Tells the engine, if it is still there."""
    try:
        os.write(control, text.encode())
    except OSError:
        return


def become(
    argv: list[str],
    cwd: str,
    env: dict[str, str],
    limits: list[tuple[str, int, int]],
    streams: list[int],
    libc: ctypes.CDLL,
    control: int,
    crowd: Crowd,
    nice: int,
) -> None:
    """Turns the forked child into the tool, in a session of its own; never returns."""
    try:
        os.setsid()
        with suppress(OSError):  # where sessions share the processor out, niceness counts only inside of each
            write("/proc/self/autogroup", str(nice))
        crowd.enter()
        if LINUX:  # after ``enter``: another user would not inherit it
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores both, and the tool would inherit that
            signal.signal(ignored, signal.SIG_DFL)
        for target, stream in enumerate(streams):
            os.dup2(stream, target)
            os.close(stream)
        for name, soft, hard in limits:
            limit(getattr(resource, name, None), soft, hard)
        os.chdir(cwd)
        os.execvpe(argv[0], argv, env)  # noqa: S606 (an argument list; no shell is wanted)
    except OSError as error:
        answer(control, f"E{error.errno} ")
    finally:
        os._exit(127)


def limit(which: int | None, soft: int, hard: int) -> None:
    """Sets one limit, never above the hard limit that is already in force."""
    if which is None:
        return
    ceiling = resource.getrlimit(which)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def obey(control: int, tool: int, asked: list[bool], crowd: Crowd) -> None:
    """Passes the engine's wish on; when the socket closes, kills until this process ends."""
    while heard(control) == b"T":
        asked.append(True)
        signal_group(tool, signal.SIGTERM)
    while True:
        if not LINUX:
            signal_group(tool, signal.SIGKILL)
        crowd.kill()
        time.sleep(PAUSE)


def heard(control: int) -> bytes:
    """The engine's next byte; nothing when it closed the socket or is gone."""
    try:
        return os.read(control, 1)
    except OSError:
        return b""


def wait_for(tool: int) -> tuple[int, int]:
    """The wait status of the tool and its milliseconds of processor time.

    On the way it buries every orphan that was handed to this process.
    """
    while True:
        pid, status, used = os.wait4(-1, 0)
        if pid == tool:
            return status, int(1000 * (used.ru_utime + used.ru_stime))


def finish_others(asked: list[bool], crowd: Crowd) -> None:
    """Returns when no descendant is left. Kills them, unless the engine asked and their grace still runs."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if not asked:
                crowd.kill()
            time.sleep(PAUSE)


def taken() -> tuple[int, int]:
    """Milliseconds of processor time of every process that was buried here, or by one of those; bytes of the largest.

    That is all of them but those whose parent did not want to know of their end (SIGCHLD ignored).
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int(1000 * (used.ru_utime + used.ru_stime)), used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def signal_group(tool: int, number: int) -> None:
    """Signals the tool's process group, if there is still one."""
    try:
        os.killpg(tool, number)
    except OSError:
        return


class Crowd:
    """The processes of the tool as a number that is bound, what they write, and its end."""

    def __init__(
        self,
        how: str,
        place: str,
        first: int,
        last: int,
        most: int,
        writes: int,
        cpus: float,
        cpu_place: str,
        libc: ctypes.CDLL,
    ) -> None:
        self.how, self.most, self.over = how, most, False
        self.writes, self.flooded = writes, False
        self._looked = 0.0
        self._libc = libc
        self._group = f"{place}/{GROUP}{os.getpid()}" if how == "group" else ""
        self._user = first + os.getpid() % (last - first + 1)
        self._before = threads_of_machine()
        if self._group:
            try:
                Path(self._group).mkdir()
                write(f"{self._group}/pids.max", str(most))
                if cpus and not cpu_place:
                    write(f"{self._group}/cpu.max", f"{int(cpus * CPU_PERIOD)} {CPU_PERIOD}")
            except OSError:
                self._group, self.how = "", "watch"
        self._shared = f"{cpu_place}/{GROUP}{os.getpid()}" if cpus and cpu_place else ""
        if self._shared:
            try:
                Path(self._shared).mkdir()
                write(f"{self._shared}/cpu.cfs_period_us", str(CPU_PERIOD))
                write(f"{self._shared}/cpu.cfs_quota_us", str(int(cpus * CPU_PERIOD)))
            except OSError:  # somebody has taken it away since the engine looked
                self._shared = ""

    def enter(self) -> None:
        """In the tool's own process, before it is the tool."""
        if self.writes:
            limit(resource.RLIMIT_FSIZE, self.writes, self.writes)
        if self._shared:
            write(f"{self._shared}/cgroup.procs", "0")
        if self._group:
            write(f"{self._group}/cgroup.procs", "0")
        elif self.how == "user":
            resource.setrlimit(resource.RLIMIT_NPROC, (self.most, self.most))
            step_down(self._user, self._libc)
        elif self.how in ("limit", "watch"):
            # Of this user, who has no more threads than the machine. Root is held by no such limit.
            limit(resource.RLIMIT_NPROC, self._before + self.most, self._before + self.most)

    def watch(self) -> None:
        """Looks from now on, and kills the tool when there are too many, or when it has written too much."""
        if self.how == "none" and not self.writes:
            return
        if self.how == "watch":
            urgent()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.over = self.how != "none" and self._is_over()
            self.flooded = not self.over and self._floods()
            if self.over or self.flooded:
                break
            time.sleep(WATCH_PAUSE if self.how == "watch" else BOUND_PAUSE)
        while True:
            self.kill()
            time.sleep(PAUSE)

    def _is_over(self) -> bool:
        if self._group:
            return any(
                int(line.split()[1]) for line in read(f"{self._group}/pids.events").splitlines() if "max" in line
            )
        now = threads_of_machine()
        self._before = min(self._before, now)
        # Counting reads all of /proc, so it waits until the machine has so many more. Some always come and go.
        return now - self._before > self.most // 2 and threads_below() >= self.most - self.most // 16

    def _floods(self) -> bool:
        """Whether it has written more than it may."""
        now = time.monotonic()
        if not self.writes or now - self._looked < WRITTEN_PAUSE:
            return False
        self._looked = now
        return written_below() > self.writes

    def kill(self) -> None:
        """Kills all that is left of the tool, wherever it moved to."""
        if self._group:
            with suppress(OSError):
                write(f"{self._group}/pids.max", "0")
            for member in read(f"{self._group}/cgroup.procs").split():
                kill(int(member))
        elif self.how == "user":
            kill_all_of(self._user)
        for pid in descending():
            kill(pid)

    def close(self) -> None:
        """Lets go when all is over."""
        for group in filter(None, (self._group, self._shared)):
            with suppress(OSError):
                Path(group).rmdir()


def step_down(user: int, libc: ctypes.CDLL) -> None:
    """Becomes a user of whom there is nobody else, but reaches the files that were within reach before."""
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    header, data = struct.pack("=Ii", CAPABILITY_VERSION, 0), ctypes.create_string_buffer(24)
    libc.capget(header, data)
    there = struct.unpack("=6I", data.raw)[1]
    os.setresuid(user, user, user)
    kept = [capability for capability in FILES if there & 1 << capability]
    mask = sum(1 << capability for capability in kept)
    if libc.capset(header, struct.pack("=6I", mask, mask, mask, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno() or 1, "capset")
    for capability in kept:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def urgent() -> None:
    """Goes before all that is not: a storm of processes must not keep away who ends it. Not everybody may."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return


def kill_all_of(user: int) -> None:
    """Kills every process of a user at once: the kernel lets none be forked in between."""
    try:
        child = os.fork()
    except OSError:
        return
    if child == 0:
        try:
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    try:
        os.waitpid(child, 0)
    except ChildProcessError:  # the other thread has buried it
        return


def kill(pid: int) -> None:
    """Kills a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return


def threads_of_machine() -> int:
    """How many threads there are on this machine, at once; 0 where it does not tell."""
    try:
        return int(read("/proc/loadavg").split()[3].partition("/")[2])
    except (IndexError, ValueError):
        return 0


def threads_below() -> int:
    """How many threads the processes below this one have."""
    return sum(int(fields[17]) for pid in descending() if (fields := stat_of(str(pid))))


def written_below() -> int:
    """Bytes that this process and those below it have caused to be written to disk; what they took back counts less.

    Those of a process that has ended are its parent's by then.
    """
    return sum(written_by(pid) for pid in (os.getpid(), *children_below(os.getpid())))


def written_by(pid: int) -> int:
    """Bytes that one process has had written to disk, and those that were buried by it; 0 where nobody tells."""
    told = dict(line.split(": ") for line in read(f"/proc/{pid}/io").splitlines() if ": " in line)
    return max(0, int(told.get("write_bytes", 0)) - int(told.get("cancelled_write_bytes", 0)))


def children_below(root: int) -> Iterator[int]:
    """The processes below one: by the list that the kernel keeps of its children, else from a look at all there are."""
    if not Path(f"/proc/{root}/task/{root}/children").exists():
        yield from descending()
        return
    ahead = [root]
    while ahead:
        pid = ahead.pop()
        for task in listed(f"/proc/{pid}/task"):
            found = [int(child) for child in read(f"{task}/children").split()]
            yield from found
            ahead += found


def listed(folder: str) -> list[Path]:
    """What is in a folder; nothing when it is gone."""
    try:
        return list(Path(folder).iterdir())
    except OSError:
        return []


def descending() -> Iterator[int]:
    """The processes below this one, each as soon as it is seen, so that it can be killed before it forks
    again: what it forked meanwhile has a higher id and comes later. What went round to lower ids comes the next time.
    """
    known = {os.getpid()}
    try:
        with os.scandir("/proc") as entries:
            for entry in entries:
                if entry.name.isdigit() and parent_of(entry.name) in known:
                    known.add(int(entry.name))
                    yield int(entry.name)
    except OSError:
        return


def read(path: str) -> str:
    """A small file of the system; nothing when it cannot be read."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def write(path: str, text: str) -> None:
    """The same, written; raises ``OSError``."""
    Path(path).write_text(text)


def descendants(root: int) -> list[int]:
    """The processes below ``root``, from one look at /proc; none where there is no /proc."""
    below: dict[int, list[int]] = {}
    try:
        names = [entry.name for entry in os.scandir("/proc")]
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            below.setdefault(parent_of(name), []).append(int(name))
    found: list[int] = []
    unseen = [root]
    while unseen:
        children = below.get(unseen.pop(), [])
        found += children
        unseen += children
    return found


def parent_of(pid: str) -> int:
    """The parent's id, or 0."""
    fields = stat_of(pid)
    return int(fields[1]) if fields else 0


def stat_of(pid: str) -> list[bytes]:
    """What the system tells of a process, from its state on; nothing when it is gone. The field before that is the
    name, which may hold blanks and brackets.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
