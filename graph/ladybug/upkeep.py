"""When the embedded graph is to be checkpointed: decided by memory, because the size of its log says little about it.

Until a checkpoint the database keeps, for every transaction, a version of each column of each 2,048 rows that the
transaction has changed one row of. A turn that adds 2 KiB to the log takes 70 to 400 KiB of the pool, and every later
look at those rows walks through the versions.

A checkpoint itself writes each column of text anew that rows were added to, with what it held before: up to a second
for some ten megabytes. So it takes a share of the time, not more, as long as memory and log allow that.
"""

from __future__ import annotations

LOOK_EVERY = 16
"""Transactions between two looks at the pool: a look costs a tenth of a turn."""
GROWTH_SHARE = 8
"""A checkpoint is wanted when an eighth of the pool has been taken since the last one."""
MOST_GROWTH_SHARE = 2
"""It is not put off any more when half of the pool has been taken."""
FULL_SHARE = 0.75
"""Above this share growth cannot be seen, because pages that were only read give way to versions: it is reckoned."""
TRANSACTION_BYTES = 400 * 1024
"""What a transaction takes of the pool until that was seen."""
LOG_BYTES = 16 * 1024 * 1024
"""A log with which a checkpoint is wanted. A start after a crash reads 15 MiB of it in a second."""
MOST_LOG_BYTES = 3 * LOG_BYTES
"""Longest log."""
REST = 15
"""A checkpoint that can wait comes after so many times what the last one took."""


class Upkeep:
    """Counts transactions and compares what the pool holds with what it held after the last checkpoint.

    Args:
        pool_bytes: size of the buffer pool.
    """

    def __init__(self, pool_bytes: int) -> None:
        self._pool = pool_bytes
        self._base = 0
        self._transactions = 0
        self._each = TRANSACTION_BYTES
        self._rested_at = 0.0

    def begin(self, used: int, now: float = 0.0, took: float = 0.0) -> None:
        """Starts to count anew: the pool holds ``used`` bytes, and everything is in the data file, which has ``took``
        so many seconds until ``now``.
        """
        self._base, self._transactions = used, 0
        self._rested_at = now + REST * took

    def wrote(self) -> bool:
        """Counts a transaction; true when it is time to look at the pool."""
        self._transactions += 1
        return self._transactions % LOOK_EVERY == 0

    def due(self, used: int, log_bytes: int, now: float = 0.0) -> bool:
        """Whether a checkpoint should be made now; asking learns what a transaction takes."""
        grown = self._grown(used)
        wanted = grown >= self._pool // GROWTH_SHARE or log_bytes >= LOG_BYTES
        return wanted and (now >= self._rested_at or self.pressing(used, log_bytes))

    def pressing(self, used: int, log_bytes: int) -> bool:
        """Whether a checkpoint that is wanted must not be put off any more."""
        grown = self._grown(used)
        if grown >= self._pool // MOST_GROWTH_SHARE or log_bytes >= MOST_LOG_BYTES:
            return True
        return self._full(used) and grown >= self._pool // GROWTH_SHARE

    def _grown(self, used: int) -> int:
        seen = max(used - self._base, 0)
        if not self._full(used):
            if self._transactions >= LOOK_EVERY:
                self._each = max(seen // self._transactions, 1)
            return seen
        return max(seen, self._transactions * self._each)

    def _full(self, used: int) -> bool:
        return used >= FULL_SHARE * self._pool
