"""When the embedded graph is to be checkpointed: decided by memory, because the size of its log says little about it.

Until a checkpoint the database keeps, for every transaction, a version of each column of each 2,048 rows that the
transaction has changed one row of. A turn that adds 2 KiB to the log takes 100 to 400 KiB of the pool, and every later
look at those rows walks through the versions.
"""

from __future__ import annotations

LOOK_EVERY = 16
"""Transactions between two looks at the pool: a look costs a tenth of a turn."""
GROWTH_SHARE = 8
"""A checkpoint is due when an eighth of the pool has been taken since the last one."""
FULL_SHARE = 0.75
"""Above this share growth cannot be seen, because pages that were only read give way to versions."""
FULL_EVERY = 64
"""Transactions between two checkpoints while the pool is that full."""
LOG_BYTES = 16 * 1024 * 1024
"""Longest log, so that a start after a crash is short: what the database itself takes."""


class Upkeep:
    """Counts transactions and compares what the pool holds with what it held after the last checkpoint.

    Args:
        pool_bytes: size of the buffer pool.
    """

    def __init__(self, pool_bytes: int) -> None:
        self._pool = pool_bytes
        self._base = 0
        self._transactions = 0

    def begin(self, used: int) -> None:
        """Starts to count anew: the pool holds ``used`` bytes, and everything is in the data file."""
        self._base, self._transactions = used, 0

    def wrote(self) -> bool:
        """Counts a transaction; true when it is time to look at the pool."""
        self._transactions += 1
        return self._transactions % LOOK_EVERY == 0

    def due(self, used: int, log_bytes: int) -> bool:
        """Whether a checkpoint should be made now."""
        grown = used - self._base >= self._pool // GROWTH_SHARE
        return grown or log_bytes >= LOG_BYTES or (self.full(used) and self._transactions >= FULL_EVERY)

    def full(self, used: int) -> bool:
        """Whether a checkpoint that is due must not be put off any more."""
        return used >= FULL_SHARE * self._pool
