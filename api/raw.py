"""Answers that may be very large: encoded as they are, without a model object for each of 250,000 nodes.

The models still document them, and the tests hold the answers against the models.
"""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import Response
from pydantic import BaseModel

from engine.model import Json


def json_response(value: Json) -> Response:
    """``value`` as a JSON response."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def document_of(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` entry that documents such an answer."""
    return {200: {"model": model}}
