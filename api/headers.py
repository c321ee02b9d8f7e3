"""Names of headers that server and command line share, here so that a command loads no web framework."""

from __future__ import annotations

IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_REPLAYED = "Idempotency-Replayed"
"""In the answer: ``true`` when the key had made the task before."""
