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
the program cannot be started, ``X<wait status>:<milliseconds>:<milliseconds>:<bytes>`` when all is over, and closes
the control by ending: the processor time of the tool, that of all its descendants too, and the most memory that any one
of them held. The system counts what is left of the guardian in a tool that has just been forked, some 10 MiB, as the
tool's; what less a tool really held is not known.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PAUSE = 0.002
"""Seconds between two rounds of killing."""


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
    streams, (argv, cwd, env, inherit, limits, nice) = receive(control)
    tool = fork(control)
    if tool == 0:
        kept = {name: os.environ[name] for name in inherit if name in os.environ}
        os.nice(nice)
        become(argv, cwd, {**kept, **env}, limits, streams, libc, control)
    for stream in streams:  # only the tool holds its pipes, so that the engine sees them end with it
        os.close(stream)
    if tool < 0:
        return
    asked: list[bool] = []
    threading.Thread(target=obey, args=(control, tool, asked), daemon=True).start()
    status, milliseconds = wait_for(tool)
    finish_others(asked)
    answer(control, f"X{status}:{milliseconds}:{':'.join(map(str, taken()))} ")


Command = tuple[list[str], str, dict[str, str], list[str], list[tuple[str, int, int]], int]
"""Program and arguments, folder, variables, names of inherited variables, limits, niceness to add."""


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
) -> None:
    """Turns the forked child into the tool, in a session of its own; never returns."""
    try:
        os.setsid()
        if LINUX:
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


def obey(control: int, tool: int, asked: list[bool]) -> None:
    """Passes the engine's wish on; when the socket closes, kills until this process ends."""
    while heard(control) == b"T":
        asked.append(True)
        signal_group(tool, signal.SIGTERM)
    while True:
        if not LINUX:
            signal_group(tool, signal.SIGKILL)
        kill_descendants()
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


def finish_others(asked: list[bool]) -> None:
    """Returns when no descendant is left. Kills them, unless the engine asked and their grace still runs."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if not asked:
                kill_descendants()
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


def kill_descendants() -> None:
    """Kills every process below this one, wherever it moved to."""
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


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
    """The parent's id, or 0. The second field of the line is the name, which may hold blanks and brackets."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
