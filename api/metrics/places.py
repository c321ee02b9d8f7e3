"""How much room there is where the engine writes, asked of the file system at every scrape."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Places(Collector):
    """Room by the name of a folder; one that cannot be asked is left out."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def describe(self) -> list[Metric]:
        """Nothing: a folder may be made later."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Free and whole, of each."""
        free = GaugeMetricFamily("agent03_disk_free_bytes", "Room for this user where it writes.", labels=["place"])
        size = GaugeMetricFamily("agent03_disk_size_bytes", "Size of that file system.", labels=["place"])
        for name, folder in self._folders.items():
            try:
                found = shutil.disk_usage(folder)
            except OSError:
                continue
            free.add_metric([name], found.free)
            size.add_metric([name], found.total)
        yield from (free, size)
