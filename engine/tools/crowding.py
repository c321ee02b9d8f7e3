"""How the number of processes of one tool is held, as far as this machine lets the engine.

Best is a group of the system (cgroup, controller ``pids``): the kernel refuses one process too many, whoever runs it.
The kernel's limit by user (``RLIMIT_NPROC``) does not hold root, so an engine that runs as root may have its tools run
as users of their own (TOOL_UIDS). Where neither can be, the guardian watches and kills. It does so in every case when
the bound is reached: a program that goes on asking for processes would take the processor until its time is over.
``guardian.py`` does all of that; here is only found out what it may do.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from engine.model import Value
from engine.settings import Settings
from engine.tools.guardian import GROUP

How = Literal["none", "group", "user", "limit", "watch"]
_log = structlog.get_logger(__name__)


class Held(Value, frozen=True):
    """How it is held: ``place`` is the folder of the group, ``first`` and ``last`` the users' ids. ``words`` say it to
    people, ``fault`` what was asked for and cannot be. ``disk_mb`` is how much a tool may write, ``cpus`` how many
    processors it may take, 0 for any; ``cpu_place`` is the folder of groups that share these out, "" for ``place``.
    """

    how: How
    most: int
    place: str = ""
    first: int = 0
    last: int = 0
    words: str = ""
    fault: str = ""
    disk_mb: int = 0
    cpus: float = 0.0
    cpu_place: str = ""

    def packed(self, most: int | None, disk_mb: int | None = None) -> list[str | int | float]:
        """As the guardian reads it; ``most`` and ``disk_mb`` are what this one tool may, None what every tool may."""
        most, written = most or self.most, (disk_mb or self.disk_mb) << 20
        return [self.how, self.place, self.first, self.last, most, written, self.cpus, self.cpu_place]

    @property
    def on_disk(self) -> str:
        """What a tool may write to disk, in words."""
        if not self.disk_mb:
            return "no bound (TOOL_DISK_MB=0)"
        how = "watched, and killed above it" if _tells_of_writing() else "of one file; this system does not tell of all"
        return f"{self.disk_mb} MiB of a tool at most; {how}"


class Crowding:
    """The bound of one engine. Nothing is tried out before it is asked for.

    Args:
        most: processes and threads of one tool at the same time; 0 for no bound.
        group: the folder of a group in which the engine may make others; None finds one.
        uids: first and last id of users that nobody else uses, for an engine that is root.
        disk_mb: MiB that one tool may write to disk; 0 for no bound.
        cpus: processors that one tool may take; 0 for any number.
        proc: where the system tells of processes.
        cgroups: where groups are.
    """

    def __init__(
        self,
        most: int = 0,
        group: Path | None = None,
        uids: tuple[int, int] | None = None,
        proc: Path = Path("/proc"),
        cgroups: Path = Path("/sys/fs/cgroup"),
        *,
        disk_mb: int = 0,
        cpus: float = 0.0,
    ) -> None:
        self._disk_mb, self._cpus = disk_mb, cpus
        self._most, self._group, self._uids = most, group, uids
        self._proc, self._cgroups = proc, cgroups

    @classmethod
    def of(cls, settings: Settings) -> Crowding:
        """What the settings ask for."""
        first, dash, last = settings.tool_uids.partition("-")
        uids = (int(first), int(last)) if dash else None
        more = {"disk_mb": settings.tool_disk_mb, "cpus": settings.tool_cpus}
        return cls(settings.tool_processes, settings.tool_cgroup, uids, **more)  # type: ignore[arg-type]

    @cached_property
    def held(self) -> Held:
        """How it is held; found out once."""
        found = msgspec.structs.replace(self._found(), disk_mb=self._disk_mb)
        if not self._cpus:
            return found
        place = self._processor_place(found)
        if place is not None:
            return msgspec.structs.replace(found, cpus=self._cpus, cpu_place=place)
        why = "needs a group of the system with the controller cpu in which this user may make others"
        _log.warning("tools take any number of processors", reason=why)
        fault = "; ".join(filter(None, [found.fault, f"TOOL_CPUS={self._cpus:g} {why}"]))
        return msgspec.structs.replace(found, fault=fault)

    def _processor_place(self, found: Held) -> str | None:
        """Where groups can be made that share the processors out: "" for where the number is held, None for nowhere."""
        if found.how == "group" and _shares_processors(Path(found.place)):
            return ""
        return next((str(place) for place in self._candidates("cpu") if _has_quotas(place)), None)

    def _found(self) -> Held:
        """How the number of processes is held."""
        if not self._most:
            return Held("none", 0, words="no bound (TOOL_PROCESSES=0)")
        if sys.platform != "linux":
            return Held("none", 0, words=f"no bound: this system ({sys.platform}) has none that the engine can use")
        fault = (
            "" if self._group is None else f"TOOL_CGROUP={self._group} is no group in which this user may make others"
        )
        for place in [self._group] if self._group else self._candidates():
            if _usable(place):
                return Held("group", self._most, str(place), words=f"the kernel holds it, by a group below {place}")
        if fault:
            _log.warning("tools are not bound by the group that was asked for", reason=fault)
        return self._without_a_group(fault)

    def _without_a_group(self, fault: str) -> Held:
        if os.geteuid() != 0:
            words = "the kernel holds it, by the number of threads of this user"
            return Held("limit", self._most, words=words, fault=fault)
        if self._uids is not None:
            first, last = self._uids
            words = f"the kernel holds it: each tool runs as a user of its own ({first} to {last})"
            return Held("user", self._most, "", first, last, words=words, fault=fault)
        words = (
            "watched, and killed above it: the kernel holds nobody who is root. Set TOOL_UIDS or TOOL_CGROUP, or run "
            "the engine as another user"
        )
        return Held("watch", self._most, words=words, fault=fault)

    def _candidates(self, controller: str = "pids") -> list[Path]:
        """Groups that may be this engine's own, the nearest first."""
        found = []
        for line in _text(self._proc / "self" / "cgroup").splitlines():
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            below = path.lstrip("/")
            if controller in controllers.split(","):
                mounted = self._cgroups / controller
                own = mounted / below
                # In a container its group may be what is mounted; elsewhere that would be a way out of the own one.
                found.append(own if own.is_dir() else mounted)
            elif not controllers:
                own = self._cgroups / below
                # systemd's DelegateSubgroup= puts the engine into a group below the one that it was given.
                found += [own, *([own.parent] if own.parent.name.endswith(".service") else [])]
        return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def _tells_of_writing() -> bool:
    """Whether the system tells how much a process has written."""
    return "write_bytes" in _text(Path("/proc/self/io"))


def _has_quotas(place: Path) -> bool:
    """Whether groups of version 1 with a share of the processors can be made there."""
    trial = place / f"{GROUP}{os.getpid()}-trial"
    try:
        trial.mkdir()
    except OSError:
        return False
    usable = (trial / "cpu.cfs_quota_us").exists() and os.access(trial / "cgroup.procs", os.W_OK)
    with contextlib.suppress(OSError):
        trial.rmdir()
    if usable:
        _sweep(place)
    return usable


def _shares_processors(place: Path) -> bool:
    """Whether groups below may be given a share of the processors."""
    if "cpu" not in _text(place / "cgroup.controllers").split():
        return False
    with contextlib.suppress(OSError):
        (place / "cgroup.subtree_control").write_text("+cpu")
    return "cpu" in _text(place / "cgroup.subtree_control").replace("+", "").split()


def _usable(place: Path) -> bool:
    """Whether groups with a bound of their own can be made there. Leftovers of killed guardians are removed."""
    if not (place / "cgroup.procs").exists():
        return False
    controllers = _text(place / "cgroup.controllers").split()
    if (place / "cgroup.controllers").exists():
        if "pids" not in controllers:
            return False
        with contextlib.suppress(OSError):
            (place / "cgroup.subtree_control").write_text("+pids")
    trial = place / f"{GROUP}{os.getpid()}-trial"
    try:
        trial.mkdir()
    except OSError:
        return False
    try:
        (trial / "pids.max").write_text("8")
        usable = os.access(trial / "cgroup.procs", os.W_OK) and (trial / "pids.events").exists()
    except OSError:
        usable = False
    with contextlib.suppress(OSError):
        trial.rmdir()
    if usable:
        _sweep(place)
    return usable


def _sweep(place: Path) -> None:
    for old in place.glob(f"{GROUP}*"):
        if not Path("/proc", old.name.removeprefix(GROUP)).exists():
            with contextlib.suppress(OSError):  # somebody is in it
                old.rmdir()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
