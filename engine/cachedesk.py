"""What may be asked of the cache: how it does, why it has nothing for a subtask, and to forget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.cachestore import CacheStore
from engine.caching.explain import Explanation, explained, parts
from engine.caching.reuse import Reuse, allowed
from engine.caching.service import CacheStats
from engine.errors import Fault, InvalidInput, ToolError
from engine.model import Attempt, Json, Subtask, Task
from engine.plan import stored
from engine.plan.spec import Spec
from engine.ports import Clock
from engine.running import Sharing
from engine.secrets.vault import Vault
from engine.toolport import Tool

LOOKED_AT = 200
"""Entries of a type that one explanation compares with."""
DROP_BATCH = 1_000

Found = tuple[Subtask, list[Attempt], list[str], dict[str, Json]]


class CacheDesk:
    """Answers for one engine; ``task`` and ``subtask`` read those, or raise ``NotFound``."""

    def __init__(
        self,
        reuse: Reuse,
        store: CacheStore,
        clock: Clock,
        tools: Callable[[str], Tool | None],
        task: Callable[[str], Awaitable[Task]],
        subtask: Callable[[str, str], Awaitable[Found]],
        vault: Vault,
    ) -> None:
        self._vault = vault
        self._reuse = reuse
        self._store = store
        self._clock = clock
        self._tools = tools
        self._task = task
        self._subtask = subtask

    async def stats(self) -> CacheStats:
        """How the cache does; see ``CacheStats``."""
        return await self._reuse.service.get_stats()

    async def invalidate(self, *, key: str = "", type: str = "", tag: str = "", version: str = "") -> int:
        """Forgets entries in both levels: one by its key, or all of a type, of a tag of their task, or of a version of
        a type; returns how many there were.

        Raises:
            InvalidInput: nothing is named, or a version without a type.
        """
        if not (key or type or tag):
            raise InvalidInput([Fault("", "should name a key, a type or a tag: of these entries are forgotten")])
        if key and (type or tag or version):
            raise InvalidInput([Fault("/key", "names one entry; leave out what names others")])
        if version and not type:
            raise InvalidInput([Fault("/version", "is that of a type; name the type too")])
        if key:
            return await self._reuse.lookups.drop([key])
        gone = 0
        pending = self._reuse.keeper.matching(type, tag, version)
        if type and not (tag or version):
            pending += await self._reuse.service.keys_of(type)
        if pending:
            gone += await self._reuse.lookups.drop(list(dict.fromkeys(pending)))
        while found := await self._store.cached_keys(DROP_BATCH, type=type, tag=tag, version=version):
            gone += await self._reuse.lookups.drop(found)
        return gone

    async def explain(self, task_id: str, key: str) -> Explanation:
        """What the cache has for a subtask as it would run now, and if that is nothing, what differs from the nearest
        entry of its type. Raises ``NotFound``.
        """
        task = await self._task(task_id)
        subtask, _, _, more = await self._subtask(task_id, key)
        spec, body = Spec.decode(subtask.spec), stored.decode(task.body)
        tool = self._tools(subtask.type)
        value = more["resolved_input"]
        why = _why_not(subtask, spec, tool, value, body.cache)
        if why:
            return Explanation("not cacheable", why)
        assert tool is not None
        wish = await self._reuse.wish(tool, spec, value, Sharing(task.tags), await self._stamps(spec))
        if wish is None:
            return Explanation("not cacheable", "its input has no key: it holds what is no JSON value")
        hit = (await self._reuse.lookups.look([wish.key])).get(wish.key)
        others = [] if hit else await self._store.cache_entries(wish.type, LOOKED_AT)
        own = parts(wish.version, wish.environment, wish.text)
        return explained(wish.key, wish.type, own, hit.entry if hit else None, others)

    async def _stamps(self, spec: Spec) -> dict[str, str]:
        """What stands in the key for the secrets of an input; nothing where one of them cannot be had now."""
        try:
            names = spec.refs.secrets if spec.refs else []
            return await self._vault.stamps(await self._vault.take(names)) if names else {}
        except ToolError:
            return {}


def _why_not(subtask: Subtask, spec: Spec, tool: Tool | None, value: Json, task_allows: bool) -> str:
    """Why nothing is looked up for a subtask; "" when it is."""
    if tool is None:
        return f"no tool runs the type {subtask.type} in this engine"
    if not task_allows:
        return 'its task says "cache": false'
    if spec.reuse == 0:
        return 'it says "cache": false'
    if spec.map is not None:
        return "it is mapped: its items are looked up one by one"
    if subtask.fell_back:
        return "its fallback has taken over, whose output is not its own"
    if not subtask.token:
        return "it has not started: its input is not known yet"
    if not allowed(tool, spec, value, Sharing()):
        return (
            f"the type {subtask.type} does not promise the same output for this input; "
            '"cache": {"ttl_seconds": ...} in the subtask asks for it all the same'
        )
    return ""
