"""Bodies that look nearly like what a route, an agent, a worker or a client of MCP takes."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.hostile import CEL, KEYS, LEAVES, NUMBERS, TEMPLATED, TEXT, VALUES, YAML_PIECES

STEP = st.fixed_dictionaries(
    {"key": KEYS},
    optional={
        "type": st.one_of(st.sampled_from(["noop", "sleep", "calculate", "shell"]), LEAVES),
        "input": TEMPLATED,
        "dependencies": st.one_of(st.lists(KEYS, max_size=3), VALUES),
        "priority": st.one_of(st.integers(0, 10), VALUES),
        "run_if": st.one_of(
            st.sampled_from(["all_settled", "any_failed"]), st.fixed_dictionaries({"expression": CEL}), VALUES
        ),
        "map": st.one_of(
            st.fixed_dictionaries({"over": TEMPLATED}, optional={"limit": NUMBERS, "batch": NUMBERS}), VALUES
        ),
        "retry": st.one_of(
            st.dictionaries(st.sampled_from(["max_attempts", "backoff_seconds", "on", "jitter"]), VALUES), VALUES
        ),
        "timeouts": st.one_of(st.dictionaries(st.sampled_from(["queue_seconds", "attempt_seconds"]), VALUES), VALUES),
        "fallback": st.one_of(st.fixed_dictionaries({"type": st.just("noop"), "input": TEMPLATED}), VALUES),
        "limits": st.lists(
            st.fixed_dictionaries(
                {"key": st.one_of(TEXT, CEL.map(lambda c: "{{" + c + "}}"))}, optional={"rate": TEXT}
            ),
            max_size=2,
        ),
        "optional": LEAVES,
        "critical": LEAVES,
        "cache": VALUES,
        "requires_approval": VALUES,
        "timeout_seconds": NUMBERS,
        "required_capabilities": VALUES,
        "on_interrupt": LEAVES,
    },
)
PLAN = st.fixed_dictionaries(
    {
        "plan": st.one_of(
            st.fixed_dictionaries({"subtasks": st.one_of(st.lists(STEP, max_size=5), VALUES)}, optional={"x": VALUES}),
            VALUES,
        )
    },
    optional={
        **dict.fromkeys(("user_id", "name", "tags", "priority", "failure_policy", "deadline_seconds", "cache"), VALUES),
        **dict.fromkeys(("max_parallel", "aggregate", "callbacks", "input", "type", "agent_budget"), VALUES),
    },
)
YAML = st.one_of(
    st.lists(YAML_PIECES, max_size=30).map("".join).map(str.encode),
    st.binary(max_size=60),
    PLAN,
)

RESULT = st.fixed_dictionaries(
    {},
    optional={
        "task_id": st.one_of(st.just("T"), VALUES),
        "subtask_id": st.one_of(st.just("T.0"), VALUES),
        "token": st.one_of(st.integers(0, 3), VALUES),
        "status": st.one_of(st.sampled_from(["completed", "failed", "interrupted"]), VALUES),
        "output": VALUES,
        "error": st.one_of(
            st.fixed_dictionaries({"message": TEXT}, optional={"category": LEAVES, "delay": NUMBERS}), VALUES
        ),
        "usage": st.one_of(
            st.fixed_dictionaries({}, optional={"memory_bytes": NUMBERS, "cpu_seconds": NUMBERS}), VALUES
        ),
        "logs": st.one_of(
            st.lists(
                st.fixed_dictionaries({"message": TEXT}, optional={"level": LEAVES, "fields": VALUES}), max_size=2
            ),
            VALUES,
        ),
    },
)
HANDED = st.fixed_dictionaries(
    {"task_id": st.one_of(st.just("T"), VALUES)},
    optional={
        "subtask": st.one_of(
            st.fixed_dictionaries(
                {"subtask_id": st.just("T.0"), "type": st.just("noop"), "token": st.integers(0, 9)},
                optional=dict.fromkeys(("key", "input", "deadline", "timeout_seconds", "reduction"), VALUES),
            ),
            VALUES,
        ),
        "task_context": VALUES,
    },
)
AGENT = st.fixed_dictionaries(
    {
        "agent_id": st.one_of(st.just("agent-1"), VALUES),
        "url": st.one_of(st.just("http://127.0.0.1:1"), TEXT.map(lambda t: f"http://{t}"), VALUES),
    },
    optional={"capabilities": VALUES, "slots": VALUES, "version": VALUES, "more": VALUES},
)
BEAT = st.fixed_dictionaries(
    {"is_available": st.one_of(st.booleans(), VALUES)},
    optional=dict.fromkeys(("current_task", "cpu_usage", "memory_usage", "tasks_completed", "running"), VALUES),
)
PACK = st.fixed_dictionaries(
    {},
    optional={
        "files": st.one_of(
            st.lists(
                st.fixed_dictionaries({"path": TEXT}, optional={"content": VALUES, "required": VALUES}), max_size=3
            ),
            VALUES,
        ),
        "results": VALUES,
        "notes": VALUES,
        "more": VALUES,
    },
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.one_of(st.just("e-1"), VALUES),
        "type": st.one_of(st.sampled_from(["AGENT_STARTED", "AGENT_COMPLETED", "AGENT_FAILED"]), VALUES),
        **{
            name: st.one_of(TEXT, VALUES) for name in ("task_id", "subtask_id", "key", "role", "prompt", "context_path")
        },
        **dict.fromkeys(("context", "token", "result", "error", "usage", "output_schema", "budget"), VALUES),
    },
)
MESSAGE = st.one_of(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "id": st.one_of(st.integers(0, 9), VALUES), "method": st.just("tools/call")},
        optional={
            "params": st.one_of(
                st.fixed_dictionaries(
                    {
                        "name": st.one_of(
                            st.sampled_from(["tasks", "submit", "watch", "read_file", "graph_query", "approve"]), TEXT
                        )
                    },
                    optional={
                        "arguments": st.one_of(
                            st.dictionaries(
                                st.sampled_from(["task_id", "key", "task", "limit", "path", "cypher", "cursor"]),
                                VALUES,
                                max_size=4,
                            ),
                            VALUES,
                        ),
                        "_meta": VALUES,
                    },
                ),
                VALUES,
            )
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": VALUES,
            "id": VALUES,
            "method": st.one_of(st.sampled_from(["initialize", "tools/list", "ping"]), VALUES),
            "params": VALUES,
        },
    ),
    VALUES,
)
