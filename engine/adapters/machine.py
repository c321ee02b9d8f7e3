"""What this machine has left, as the system tells: memory, load, room on disks. One look takes less than a millisecond.

In a container the limit of the container counts where it is lower than the machine's memory (cgroup v2 and v1). What
the system keeps of files only because there is room is not taken as used: it gives that back first.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.gauge import Reading
from engine.room import free_bytes

_UNLIMITED = 1 << 60


class Machine:
    """Reads what is left.

    Args:
        folders: where the engine writes; the fullest of their disks counts.
        proc: where the system tells of processes.
        cgroups: where it tells of containers.
    """

    def __init__(
        self, folders: Sequence[Path], proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")
    ) -> None:
        self._folders = folders
        self._proc = proc
        self._cgroups = cgroups

    def read(self) -> Reading:
        """One look. What cannot be read is None; it never raises."""
        disk, place = self._disk()
        return Reading(memory=self._memory(), own=self._own(), load=_load(), disk=disk, place=place)

    def _memory(self) -> float | None:
        """The used part, of the machine or of the container, whichever is nearer to its end."""
        if sys.platform != "linux":
            import psutil  # takes long to import, and Linux tells by itself

            return float(psutil.virtual_memory().percent) / 100
        found = [part for part in (self._of_machine(), self._of_container()) if part is not None]
        return max(found, default=None)

    def _of_machine(self) -> float | None:
        told = _numbers(_text(self._proc / "meminfo").replace(":", " ").replace("kB", ""))
        whole, left = told.get("MemTotal"), told.get("MemAvailable")
        return 1 - left / whole if whole and left is not None else None

    def _of_container(self) -> float | None:
        for limit, used, unused, folder in self._containers():
            most = _number(folder / limit)
            held = _number(folder / used)
            if most and held is not None and most < _UNLIMITED:
                return max(0.0, held - _numbers(_text(folder / "memory.stat")).get(unused, 0)) / most
        return None

    def _containers(self) -> list[tuple[str, str, str, Path]]:
        """Where a limit may stand: names of three numbers, and their folder. Own group first, then what is mounted."""
        found = []
        for line in _text(self._proc / "self" / "cgroup").splitlines():
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            below = path.lstrip("/")
            if controllers == "":
                names = ("memory.max", "memory.current", "inactive_file")
                found += [(*names, self._cgroups / below), (*names, self._cgroups)]
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                found += [(*names, self._cgroups / "memory" / below), (*names, self._cgroups / "memory")]
        return found

    def _own(self) -> int | None:
        words = _text(self._proc / "self" / "statm").split()
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else None

    def _disk(self) -> tuple[int | None, str]:
        """The room of the fullest place, and which that is."""
        found = [(room, str(folder)) for folder in self._folders if (room := _room(folder)) is not None]
        return min(found, default=(None, ""))


def _room(folder: Path) -> int | None:
    """The room on the disk of a folder, or of the nearest one above it that is there."""
    for place in (folder, *folder.absolute().parents):
        try:
            return free_bytes(place)
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _load() -> float | None:
    try:
        return os.getloadavg()[0] / (len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _numbers(text: str) -> Mapping[str, int]:
    """Lines of a name and a number."""
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) >= 2 and row[1].isdigit()}
