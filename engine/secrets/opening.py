"""Secrets in an input that a person has amended. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model import Json
from engine.references import with_secrets


def carried(shown: Json, final: Json, opened: Json, secrets: Mapping[str, str]) -> Json:
    """``final`` as the tool gets it.

    Args:
        shown: the input with its secrets left standing, as a person saw it.
        final: the same as it may run; differs where the person has amended it.
        opened: the input with its secrets.
        secrets: those that the plan names, which an amendment may name too.
    """
    if final == shown:
        return opened
    if isinstance(final, dict) and isinstance(shown, dict):
        return {
            name: carried(shown[name], part, opened[name], secrets) if name in shown else with_secrets(part, secrets)
            for name, part in final.items()
        }
    if isinstance(final, list) and isinstance(shown, list) and len(final) == len(shown):
        rows = zip(shown, final, opened, strict=True)
        return [carried(before, part, inside, secrets) for before, part, inside in rows]
    return with_secrets(final, secrets)
