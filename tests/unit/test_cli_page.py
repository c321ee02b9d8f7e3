"""docs/cli.md says of every command what ``--help`` says, and nothing else.

``python -m tests.unit.test_cli_page`` writes the page anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from api.cli import app, exits

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = f"""# The command line

Data goes to stdout, everything else to stderr: a command can stand in a pipe. Commands that ask a server find it
at `ENGINE_URL` (`http://127.0.0.1:8003` unless given); the others read the [settings](settings.md). `--help` says the
same as this page, which is generated from the commands; a test compares the two.

| exit code | means |
|---|---|
| 0 | done |
| {exits.FAILED} | the task failed, or it was refused |
| {exits.USAGE} | what was asked is not right: usage, settings, a plan with faults |
| {exits.UNREACHABLE} | no server, no graph, or too much to do: later it may work |
| {exits.INTERRUPTED} | interrupted |
"""
Command = Any
"""A command of typer, whose own base class is no part of its interface."""


def leaves(command: Command, path: str) -> Iterator[tuple[str, Command]]:
    """Each command that does something, with what one types for it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, f"{path} {name}")


def cell(text: str) -> str:
    """Text as a table can hold it."""
    return " ".join(text.split()).replace("|", "\\|")


def argument(parameter: Command) -> str:
    """The word that stands for an argument."""
    return str(parameter.metavar or parameter.name.upper()).removeprefix("[").removesuffix("]")


def section(path: str, command: Command) -> str:
    """One command: what one types, what it does, and a line for each argument and option."""
    context = command.context_class(command, info_name=path)
    usage, rows = [path], []
    for parameter in command.params:
        names, what = parameter.get_help_record(context)
        if parameter.param_type_name == "argument":
            names = argument(parameter)
            usage.append(names if parameter.required else f"[{names}]")
        rows.append(f"| `{cell(names)}` | {cell(what.removesuffix('[required]'))} |")
    table = "\n".join(["", "| given | what |", "|---|---|", *rows, ""]) if rows else ""
    typed = f"`{' '.join(usage)}`\n\n" if len(usage) > 1 else ""
    return f"## {path}\n\n{typed}{' '.join((command.help or '').split())}\n{table}"


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(path, command) for path, command in leaves(get_command(app), "agent03"))])


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "`make reference` writes it anew"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
