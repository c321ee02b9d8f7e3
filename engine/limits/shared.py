"""Limits that several engines keep together on a board, and each by itself while the board is away.

What attempts of one turn ask goes in one round trip, and what comes up meanwhile in the next: under load batches grow,
without load each is asked at once, and a type without limits asks nothing. Whoever waits is called only once a place
was set aside for it, so no attempt is made in vain because another engine was quicker. All that this engine takes it
also counts by itself: that is what holds while the board is away, and what the board is told when it is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from engine.beside import Beside
from engine.boardport import Answer, Board, BoardAway, Enter, Leave, Limit, Operation, Probe, Renew, Reserve, Take
from engine.limits.lines import CALLED_SECONDS
from engine.limits.window import LocalLimiter
from engine.ports import Alarm, Clock
from engine.rates import Denied, Want

BATCH = 500
"""Operations of one round trip: none makes the server busy for long."""
MOST_ASKED = 500
"""Places that are set aside at a time."""
MOST_KEYS = 10_000
"""Limits that are known by name."""
JITTER_SECONDS = 0.01
"""Engines that wait for the same moment come a little apart, by chance: so none is always the last."""
_MICRO = 1_000_000


class SharedLimiter:
    """The limits of one engine where others keep them too.

    Args:
        board: what the engines share.
        clock: times.
        lease: seconds after which what a killed engine held is free.
        failed: is told of a fault of the work beside.
    """

    def __init__(self, board: Board, clock: Clock, lease: float, failed: Callable[[BaseException], None]) -> None:
        self._board = board
        self._clock = clock
        self._lease = lease
        self._own = LocalLimiter(clock)
        self._beside = Beside(failed)
        self._queue: deque[tuple[Operation, asyncio.Future[Answer] | None]] = deque()
        self._flying = False
        self._kept: defaultdict[str, deque[tuple[str, float]]] = defaultdict(deque)
        self._rates: dict[str, Want] = {}
        self._names: dict[str, str] = {}
        self._alarm: Alarm | None = None
        self._run = uuid.uuid4().hex[:8]
        self._chance = random.Random()
        self.me = ""
        self.up = False
        """Whether the board answers."""
        self.lost: Callable[[str], None] = lambda _: None
        """Told once the board does not answer any more, and why."""
        self.freed: Callable[[str], None] = lambda _: None
        """Told of a limit in which a place is free again that no call has had."""
        self.batches = 0

    # --- what calls ask -------------------------------------------------------------------------------------------

    async def take(self, wants: Sequence[Want], who: str) -> Denied | None:
        """Takes one place in each limit, or in none."""
        if not self.up:
            self._remember(wants)
            return await self._own.take(wants, who)
        at = self._own.moment()
        kept = [self._take_kept(want.key) for want in wants]
        names = [self._place(want, who, at) for want in wants]
        asked = self._put(Take([_limit(want) for want in wants], names, [name for name, _ in kept]))
        try:
            number, wait = await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.add_done_callback(lambda done: self._give_back(done, wants, names))
            raise
        except BoardAway:
            return await self._own.take(wants, who)
        if number:
            self._keep_again(wants, kept)
            denied = wants[number - 1]
            self._known(denied)
            return Denied(denied, wait / _MICRO)
        self._remember(wants)
        self._own.note(wants, who, at)
        self._renew_later()
        return None

    async def release(self, wants: Sequence[Want], who: str) -> None:
        """Leaves the limits on concurrency; nobody waits for the board to know it."""
        await self._own.release(wants, who)
        places = [want for want in wants if want.rate is None]
        if self.up and places:
            self._put_only(Leave([_short(want.key) for want in places], [self._place(want, who) for want in places]))

    async def free(self, want: Want, asked: int) -> tuple[int, float | None]:
        """How many of those who ask may take a place: as many as were set aside for them."""
        if not self.up:
            return await self._own.free(want, asked)
        self._drop_old(want.key)
        need = min(asked - len(self._kept[want.key]), MOST_ASKED)
        if need <= 0:
            return len(self._kept[want.key]), 0.0
        self._known(want)
        at = self._own.moment()
        name = f"{self.me}|{self._run}|kept {round(at * _MICRO)}"
        try:
            given, wait = await self._put(Reserve(_limit(want), need, name, round(1000 * CALLED_SECONDS)))
        except BoardAway:
            return await self._own.free(want, asked)
        self._kept[want.key] += [(f"{name}:{number}", at) for number in range(1, given + 1)]
        seconds = wait / _MICRO + self._chance.random() * JITTER_SECONDS
        return len(self._kept[want.key]), seconds if given < need else 0.0

    async def probe(self, key: str, seconds: float) -> float:
        """Asks for the right to try what a breaker guards; for how many seconds another engine has it, 0 for none."""
        if not self.up:
            return 0.0
        try:
            _, wait = await self._put(Probe(key, round(1000 * seconds)))
        except BoardAway:
            return 0.0
        return wait / 1000

    def tell(self, operation: Operation) -> None:
        """Has an operation carried out, if the board is there."""
        if self.up:
            self._put_only(operation)

    # --- places that were set aside -------------------------------------------------------------------------------

    def _take_kept(self, key: str) -> tuple[str, float]:
        kept = self._kept.get(key)
        return kept.popleft() if kept else ("", 0.0)

    def _keep_again(self, wants: Sequence[Want], kept: Sequence[tuple[str, float]]) -> None:
        for want, one in zip(wants, kept, strict=True):
            if one[0]:
                self._kept[want.key].appendleft(one)

    def _drop_old(self, key: str) -> None:
        """Gives back what was set aside for subtasks that have not come: they were cancelled."""
        kept, since = self._kept[key], self._clock.monotonic() - CALLED_SECONDS
        while kept and kept[0][1] < since:
            self._put_only(Leave([_short(key)], [kept.popleft()[0]]))

    def _give_back(self, done: asyncio.Future[Answer], wants: Sequence[Want], names: list[str]) -> None:
        """An attempt was cancelled while it asked."""
        if done.exception() is None and not done.result()[0]:
            self._put_only(Leave([_short(want.key) for want in wants], names))
            for want in wants:
                self.freed(want.key)

    # --- names ----------------------------------------------------------------------------------------------------

    def _place(self, want: Want, who: str, at: float = 0.0) -> str:
        """What a place is called: a subtask is inside once, a call is told from others by its moment."""
        return f"{self.me}|{who}" if want.rate is None else f"{self.me}|{self._run}|{round(at * _MICRO)}"

    def _known(self, want: Want) -> None:
        self._names[_short(want.key)] = want.key
        if len(self._names) > MOST_KEYS:
            del self._names[next(iter(self._names))]

    def name_of(self, short: str) -> str:
        """The line of a limit, by its key on the board; empty when nobody here has met it."""
        return self._names.get(short, "")

    def _remember(self, wants: Sequence[Want]) -> None:
        for want in wants:
            if want.rate is not None:
                self._rates[want.key] = want
        if len(self._rates) > MOST_KEYS:
            self._rates = {key: want for key, want in self._rates.items() if self._own.counted(want)}

    # --- the way to the board -------------------------------------------------------------------------------------

    def _put(self, operation: Operation) -> asyncio.Future[Answer]:
        asked: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._enqueue(operation, asked)
        return asked

    def _put_only(self, operation: Operation) -> None:
        self._enqueue(operation, None)

    def _enqueue(self, operation: Operation, asked: asyncio.Future[Answer] | None) -> None:
        self._queue.append((operation, asked))
        if not self._flying:
            self._flying = True
            self._beside.start(self._fly())

    async def _fly(self) -> None:
        """Carries what waits to the board, a batch at a time."""
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                await self._carry(batch)
        finally:
            self._flying = False

    async def _carry(self, batch: list[tuple[Operation, asyncio.Future[Answer] | None]]) -> None:
        self.batches += 1
        try:
            answers = await self._board.run([operation for operation, _ in batch], self.me, self._milliseconds)
        except BoardAway as away:
            rest, self._queue = [*batch, *self._queue], deque()
            for _, asked in rest:
                if asked is not None and not asked.done():
                    asked.set_exception(away)
                    asked.exception()  # who has asked may be gone
            self.fell(str(away))
            return
        for (_, asked), answer in zip(batch, answers, strict=True):
            if asked is not None and not asked.done():
                asked.set_result(answer)

    @property
    def _milliseconds(self) -> int:
        return round(1000 * self._lease)

    def fell(self, why: str) -> None:
        """The board does not answer."""
        if self.up:
            self.up = False
            self._kept.clear()
            self.lost(why)

    async def rejoin(self) -> None:
        """The board is there: enters what it may not know. Raises ``BoardAway``."""
        now = self._clock.monotonic()
        operations: list[Operation] = [
            Renew(_short(key), [f"{self.me}|{who}" for who in inside]) for key, inside in self._own.inside().items()
        ]
        for want in self._rates.values():
            if counted := self._own.counted(want):
                names = [self._place(want, "", at) for at in counted]
                operations.append(Enter(_limit(want), names, [max(0, round((now - at) * _MICRO)) for at in counted]))
        operations.append(Leave([], []))  # one at least: a server that takes no script is as good as none
        for start in range(0, len(operations), BATCH):
            await self._board.run(operations[start : start + BATCH], self.me, self._milliseconds)
        self.up = True
        self._renew_later()

    # --- leases ---------------------------------------------------------------------------------------------------

    def _renew_later(self) -> None:
        """While somebody is inside, its lease is renewed; without anybody no alarm goes off."""
        if self._alarm is None and self.up and self._own.any_inside:
            self._alarm = self._clock.call_later(self._lease / 3, self._renew)

    def _renew(self) -> None:
        self._alarm = None
        if self.up:
            for key, inside in self._own.inside().items():
                self._put_only(Renew(_short(key), [f"{self.me}|{who}" for who in inside]))
        self._renew_later()

    async def close(self) -> None:
        """Carries out what waits, as far as the board takes it, and asks nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self.up and self._queue and not self._flying:
            await self._fly()
        self.up = False
        await self._beside.end()


def _short(key: str) -> str:
    """A limit's key on the board: of one length, and without what somebody's key says."""
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _limit(want: Want) -> Limit:
    if want.rate is None:
        return Limit(_short(want.key), 0, want.most)
    return Limit(_short(want.key), round(want.rate.period * _MICRO), want.rate.count)
