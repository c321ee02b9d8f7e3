"""Environment variables that an input gives to the process of a tool."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _checked(value: dict[str, str]) -> dict[str, str]:
    if any(not name or "=" in name or "\0" in name + text for name, text in value.items()):
        raise ValueError("a name must be neither empty nor hold =, and no part a NUL character")
    return value


Variables = Annotated[dict[str, str], AfterValidator(_checked)]
"""By name; what the operating system would refuse is a fault of the input."""
