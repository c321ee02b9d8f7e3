"""``@tool``: marks a function as a subtask type. It only marks; ``ToolRegistry.load_modules`` collects.

There is no global register: what a module offers depends on the module alone, and importing it has no effect on an
engine that does not name it in AGENT03_TOOLS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from engine.toolport import ExecutorName, Facts, Resources, Risk, ToolLimits

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__subtask_type__"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class ToolMark:
    """What ``@tool`` says about its function."""

    name: str
    facts: Facts
    refresh_credentials: Callable[[], object] | None = None
    health_check: Callable[[], object] | None = None


def tool(
    name: str,
    *,
    version: str = "1",
    deterministic: bool = False,
    idempotent: bool = False,
    risk: Risk = "write",
    untrusted: bool = False,
    refuses_tainted: bool = False,
    resources: Resources | None = None,
    limits: ToolLimits | None = None,
    endpoint: str | Callable[[Any], str] = "",
    breaker: bool | None = None,
    estimate_duration: Callable[[Any], float | None] | None = None,
    classify: Callable[[Exception], str | None] | None = None,
    health_check: Callable[[], object] | None = None,
    refresh_credentials: Callable[[], object] | None = None,
    environment: Mapping[str, str] | None = None,
    executor: ExecutorName | None = None,
) -> Callable[[F], F]:
    """Marks a function, async or not, as a tool. It stays callable as before.

    Its type hints and docstring become the input schema. A parameter with the hint ``RunContext`` is given the context
    of the run. It returns any JSON value. One that is not async runs in a thread of its own.

    Args:
        name: the subtask type, such as "resize_image".
        version: counts up when equal input may give other output than before.
        deterministic: equal input gives equal output, so a result may be reused.
        idempotent: running it twice does no more than running it once, so it may be repeated after a crash.
        risk: "read", "write" or "dangerous": what it can do to the world at worst.
        untrusted: its output may come from outside: the web, mail, a model.
        refuses_tainted: what came from outside must not reach it unless a person has looked.
        resources: the most that one run takes.
        limits: how many may run at once, how many begin in a minute, how long one may take.
        endpoint: the host[:port] that it talks to, or a function of the input that says it.
        breaker: nobody calls it for a while after it has kept failing (``BREAKER_OPEN_SECONDS``). Without a word: where
            it has an ``endpoint``. What computes in this process and calls nothing wants none.
        estimate_duration: a function of the input that says how many seconds it will take; None where it cannot tell.
        classify: the category of an exception that it raises, such as "transient"; None means logic.
        health_check: async or not; says in words what is wrong, or raises; None or "" when it can work.
        refresh_credentials: gets fresh credentials, async or not; called before the one repeat of an attempt that
            ended with an error of category permission. If it raises there is no repeat.
        environment: what else the output depends on, by name, such as ``{"numpy": numpy.__version__}``: a result is
            reused only where it is the same.
        executor: where it is carried out unless TYPE_EXECUTORS says otherwise: "processes" for what computes long,
            "threads", "ray" or "asyncio"; None leaves it to EXECUTOR.

    Raises:
        TypeError: used without a name, as a bare ``@tool``.
        ValueError: a name that no subtask type can have, or a risk or an executor that there is not.
    """
    if not isinstance(name, str):
        raise TypeError('write @tool("a_name") above the function')
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a tool: use letters, digits, _ . and -, beginning with a letter")
    if risk not in get_args(Risk):
        raise ValueError(f"{risk!r} is no risk of a tool: it is one of {', '.join(get_args(Risk))}")
    if executor is not None and executor not in get_args(ExecutorName):
        raise ValueError(f"{executor!r} is no executor: it is one of {', '.join(get_args(ExecutorName))}")
    facts = Facts(
        version=version,
        deterministic=deterministic,
        idempotent=idempotent,
        risk=risk,
        untrusted=untrusted,
        refuses_tainted=refuses_tainted,
        resources=resources or Resources(),
        limits=limits or ToolLimits(),
        environment=environment or {},
        endpoint=endpoint,
        breaker=breaker,
        estimate=estimate_duration,
        classify=classify,
        executor=executor,
    )

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, ToolMark(name, facts, refresh_credentials, health_check))
        return function

    return mark


def mark_of(thing: object) -> ToolMark | None:
    """The mark of a function; None for anything else."""
    found = getattr(thing, _ATTRIBUTE, None)
    return found if isinstance(found, ToolMark) and callable(thing) else None
