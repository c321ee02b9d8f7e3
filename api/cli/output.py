"""Where a command writes: data on stdout, everything for people on stderr."""

from __future__ import annotations

import typer


def show(text: str) -> None:
    """Writes data."""
    typer.echo(text)


def say(text: str) -> None:
    """Tells a person something."""
    typer.echo(text, err=True)
