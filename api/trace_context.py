"""The header ``traceparent`` of W3C Trace Context: which trace of the caller's a request belongs to."""

from __future__ import annotations

import re

_HEADER = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_FIRST_VERSION = "00"


def trace_id(traceparent: str) -> str | None:
    """The id of the trace; None where the header is missing or not as it should be, which is ignored."""
    found = _HEADER.fullmatch(traceparent)
    if found is None or (traceparent.startswith(_FIRST_VERSION) and found[2]):
        return None
    return found[1]
