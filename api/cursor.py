"""Opaque page cursors: the id of the last row of a page, base64url. The next page starts behind that row, wherever
rows have come or gone in between.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import BeforeValidator

_ID = re.compile(r"[0-9A-Za-z._:#-]{1,100}")


def encode_cursor(row_id: str) -> str:
    """The cursor behind the row ``row_id``."""
    return base64.urlsafe_b64encode(row_id.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: object) -> str:
    """The row id in a cursor; raises ``ValueError`` when nothing here made that cursor."""
    text = str(cursor)
    try:
        row_id = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError):
        row_id = ""
    if not _ID.fullmatch(row_id):
        raise ValueError("this is no cursor of ours; send back a next_cursor as it came, or leave it out")
    return row_id


Cursor = Annotated[str, BeforeValidator(decode_cursor)]
"""A query parameter: arrives as a cursor, is handed on as the row id in it."""
