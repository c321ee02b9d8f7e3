"""Which tools another process can run, and how it finds them there.

A function is found by the name of its module and its own, as ``pickle`` would do it; what a process builds anew for
itself, because it needs nothing of the engine, is found by its type. Everything else stays with the engine: it holds
connections, keeps steps in the graph, or has a process of its own already.
"""

from __future__ import annotations

from engine.toolport import Tool

BUILT_IN = "builtin"
PORTABLE = frozenset(
    {
        *("noop", "sleep", "calculate", "validation", "processing", "aggregation", "data_processing", "extraction"),
        *("analysis", "parsing", "prepare", "execute", "comparison"),
    }
)
"""Built-in types that compute, and need nothing of the engine."""


def origin_of(tool: Tool) -> str:
    """Where another process finds a tool; "" where it cannot."""
    return tool.origin or (f"{BUILT_IN}:{tool.name}" if tool.name in PORTABLE else "")


def why_not(tool: Tool) -> str:
    """What keeps a tool from running in another process, in words; "" for nothing."""
    origin = origin_of(tool)
    if not origin:
        return (
            "it needs the engine around it; only functions marked with @tool and types that compute can run elsewhere"
        )
    module, _, name = origin.partition(":")
    if "<" in name:
        return f"{name} is defined inside of something else; move it to the top level of its module"
    if module == "__main__":
        return "its module is the program itself; move it into a module that can be imported"
    return ""
