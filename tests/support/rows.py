"""Rows for tests: a running stage by name, and a generator of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.settings import Settings
from engine.tools.addresses import AddressPolicy
from engine.tools.roots import Roots
from engine.tools.rows.catalogue import row_tools
from tests.support.tools_context import RecordingContext


class Stages:
    """The stages over one folder; ``check`` first, as the engine does."""

    def __init__(self, folder: Path, model: Any = None, allowed: AddressPolicy | None = None) -> None:
        found = row_tools(Settings(data_path=folder / "data"), Roots([str(folder)]), allowed or AddressPolicy(), model)
        self.folder, self.tools = folder, {tool.name: tool for tool in found}

    async def run(self, stage: str, **value: Any) -> Any:
        """The output; a fault of the check fails the test."""
        assert self.tools[stage].check(value) == []
        return await self.tools[stage].run(value, RecordingContext())

    def faults(self, stage: str, **value: Any) -> list[Any]:
        """What the check finds."""
        return self.tools[stage].check(value)


def sales(path: Path, rows: int) -> None:
    """A CSV or NDJSON file of sales: id, region, units, amount (cents), note with commas and quotes, sometimes null."""
    ndjson = path.suffix == ".ndjson"
    with path.open("w", encoding="utf-8") as file:
        if not ndjson:
            file.write("id,region,units,amount,note\n")
        for number in range(rows):
            region, units, cents = f"r{number * 7 % 11}", number % 13, number * 7919 % 100_000
            amount = f"{cents // 100}.{cents % 100:02d}"
            if ndjson:
                file.write(f'{{"id":{number},"region":"{region}","units":{units},"amount":{amount},"note":null}}\n')
            else:
                note = "" if number % 3 else f'"no, ""{number % 5}"""'
                file.write(f"{number},{region},{units},{amount},{note}\n")
