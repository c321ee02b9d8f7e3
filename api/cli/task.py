"""``agent03 submit`` and ``agent03 task ...``: work with a running server, at ENGINE_URL.

A verb is one function of two lines; what they share is in ``api.cli.tasks``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.commands import AsJson
from api.environment import engine_key, engine_url

if TYPE_CHECKING:
    from api.cli.client import Client
    from engine.model import Json

TaskId = Annotated[str, typer.Argument(metavar="ID", help="The task's id, as submit and list print it.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The subtask's key in its plan; an item of a map is KEY[0].")]
Svg = Annotated[bool, typer.Option("--svg", help="As SVG, for browsers and documents.")]
Mermaid = Annotated[bool, typer.Option("--mermaid", help="For Mermaid: GitHub and many editors draw it.")]
Dot = Annotated[bool, typer.Option("--dot", help="For Graphviz.")]
Collapse = Annotated[
    bool | None,
    typer.Option("--collapse/--no-collapse", help="Draw like subtasks as one; so it is done above 100 of them."),
]
Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Subtasks that wait.")]
Everything = Annotated[bool, typer.Option("--all", help="Instead: all that wait in the task.")]
Policy = Annotated[
    str, typer.Option(metavar="NAME", help="Instead: all that wait because of this rule, or of plan or taint.")
]
Comment = Annotated[str, typer.Option(help="Why; kept with the event.")]

task = typer.Typer(
    no_args_is_help=True, help="Look at the tasks of a running server (ENGINE_URL), and steer them.", name="task"
)


class Mode(StrEnum):
    """What a pause does to what runs."""

    DRAIN = "drain"
    NOW = "now"


class OnTimeout(StrEnum):
    """What follows a pause that ends by itself."""

    RESUME = "resume"
    CANCEL = "cancel"


@contextmanager
def server() -> Iterator[Client]:
    """The server at ENGINE_URL."""
    from api.cli.client import Client

    with Client(engine_url(), engine_key()) as client:
        yield client


def submit(
    source: Annotated[
        str, typer.Argument(metavar="FILE|-|SENTENCE", help="A task as JSON or YAML, - for stdin, or a sentence.")
    ],
    wait: Annotated[bool, typer.Option("--wait", help="Show its progress and print its result.")] = False,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Sent again with the same key, it makes no second task.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand a task to a running server (ENGINE_URL). Its id goes to stdout; with --wait its result."""
    from api.cli.planfile import read_task
    from api.cli.submit import submit_task

    body = read_task(source)
    raise typer.Exit(submit_task((engine_url(), engine_key()), body, key=idempotency_key, wait=wait, as_json=as_json))


def top(
    once: Annotated[
        bool, typer.Option("--once", help="Print it once; so it is done where there is no terminal.")
    ] = False,
) -> None:
    """Watch a running engine (ENGINE_URL): open tasks, slots, rates, failures, and what runs longer than expected."""
    from api.cli.top import watch_engine

    with server() as client, suppress(KeyboardInterrupt):
        watch_engine(client, once=once)


@task.command(name="list")
def list_(
    status: Annotated[str | None, typer.Option(help="Only in this state, such as processing or failed.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    from api.cli.tasks import list_tasks

    wanted = {"status": status, "type": type_, "tag": tag, "user_id": user}
    with server() as client:
        list_tasks(client, wanted, limit, as_json=as_json)


@task.command()
def show(
    task_id: TaskId,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="A subtask: everything about that one.")] = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Its attempts over time instead: what waited, ran and was repeated.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a task and its subtasks, or one subtask with its attempts."""
    from api.cli.tasks import show_subtask, show_task
    from api.cli.timeline import print_timeline

    with server() as client:
        if timeline:
            print_timeline(client, task_id, key, as_json=as_json)
        elif key is None:
            show_task(client, task_id, as_json=as_json)
        else:
            show_subtask(client, task_id, key, as_json=as_json)


@task.command()
def why(
    task_id: TaskId,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="A subtask: why that one waits.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a task or a subtask waits, runs or has ended, and what is expected of it."""
    from api.cli.answers import explain

    with server() as client:
        explain(client, task_id, key, as_json=as_json)


@task.command()
def report(task_id: TaskId, as_json: AsJson = False) -> None:
    """Print what happened in a task, as Markdown: failures with their causes, the slowest, what to do next."""
    from api.cli.answers import print_report

    with server() as client:
        print_report(client, task_id, as_json=as_json)


@task.command()
def graph(
    task_id: TaskId, svg: Svg = False, mermaid: Mermaid = False, dot: Dot = False, collapse: Collapse = None
) -> None:
    """Draw a task on stdout: as a tree by generation, or for a picture with one of the options."""
    from api.cli.graph import form_of, print_task

    form = form_of(svg=svg, mermaid=mermaid, dot=dot)
    with server() as client:
        print_task(client, task_id, form, fold=collapse)


@task.command()
def diff(
    task_id: TaskId,
    other_id: Annotated[str, typer.Argument(metavar="OTHER", help="The later run.")],
    as_json: AsJson = False,
) -> None:
    """Say how two runs differ: plan, inputs, states, results, durations."""
    from api.cli.answers import print_diff

    with server() as client:
        print_diff(client, task_id, other_id, as_json=as_json)


@task.command()
def watch(task_id: TaskId, as_json: AsJson = False) -> None:
    """Follow a task to its end and print its result; exit code 1 when it has not completed."""
    from api.cli.watch import watch_to_end

    with server() as client:
        raise typer.Exit(watch_to_end(client, task_id, as_json=as_json))


@task.command()
def cancel(task_id: TaskId, as_json: AsJson = False) -> None:
    """Stop a task for good: what runs is stopped, what waits never starts."""
    _ask("cancel", task_id, as_json=as_json)


@task.command()
def pause(
    task_id: TaskId,
    mode: Annotated[Mode, typer.Option(help="drain lets what runs end; now stops it and puts it back.")] = Mode.DRAIN,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="When the pause ends by itself.")] = None,
    on_timeout: Annotated[OnTimeout | None, typer.Option(help="What happens then; resume unless given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let nothing new of a task start until it is resumed, also after a restart."""
    given = {"mode": mode.value, "timeout_seconds": timeout, "on_timeout": on_timeout and on_timeout.value}
    _ask("pause", task_id, body={name: value for name, value in given.items() if value is not None}, as_json=as_json)


@task.command()
def resume(task_id: TaskId, as_json: AsJson = False) -> None:
    """Let a paused task go on from where it stands."""
    _ask("resume", task_id, as_json=as_json)


@task.command()
def retry(task_id: TaskId, key: Key, as_json: AsJson = False) -> None:
    """Run a failed or quarantined subtask of an open task again, or one that waits out a back-off at once."""
    _ask("retry", task_id, key, as_json=as_json)


@task.command()
def skip(task_id: TaskId, key: Key, as_json: AsJson = False) -> None:
    """Give a subtask up; what depends on it is decided by that."""
    _ask("skip", task_id, key, as_json=as_json)


@task.command()
def logs(
    task_id: TaskId,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Only of this subtask.")] = None,
    level: Annotated[str, typer.Option(help="As severe as this or more: debug, info, warning, error.")] = "debug",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The latest lines, at most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Print what the subtasks of a task have logged, in the order of time."""
    from api.cli.logs import print_logs

    with server() as client:
        print_logs(client, task_id, key, level, limit, as_json=as_json)


@task.command()
def approvals(
    task_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only of this task.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of a task also what was decided: who, when, why.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what waits for a person: what will run, with which input, why, what waits for it, who may decide."""
    from api.cli.approvals import list_approvals

    with server() as client:
        list_approvals(client, task_id, everything=everything, as_json=as_json)


@task.command()
def taint(task_id: TaskId, as_json: AsJson = False) -> None:
    """Show what of a task came from outside, where it goes, and the fewest approvals that cover it."""
    from api.cli.approvals import print_taint

    with server() as client:
        print_taint(client, task_id, as_json=as_json)


@task.command()
def approve(
    task_id: TaskId,
    keys: Keys = None,
    everything: Everything = False,
    policy: Policy = "",
    comment: Comment = "",
    amend: Annotated[
        str | None, typer.Option("--input", metavar="FILE|-", help="Fields to put into the input of one, JSON or YAML.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let subtasks run that wait for a person."""
    from api.cli.planfile import read_plan

    more = {} if amend is None else {"input": read_plan(amend)}
    _decide("approve", task_id, keys or [], everything, policy, {"comment": comment} | more, as_json=as_json)


@task.command()
def reject(
    task_id: TaskId,
    keys: Keys = None,
    everything: Everything = False,
    policy: Policy = "",
    comment: Comment = "",
    as_json: AsJson = False,
) -> None:
    """Fail subtasks that wait for a person."""
    _decide("reject", task_id, keys or [], everything, policy, {"comment": comment}, as_json=as_json)


@task.command()
def rerun(
    task_id: TaskId,
    start: Annotated[
        str, typer.Option("--from", metavar="failed|start|KEY", help="What runs again, with all that depends on it.")
    ] = "failed",
    overrides: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="What is different this time, by key, as JSON or YAML.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show its progress and print its result.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a final task again as a new one, which keeps what was completed. The new id goes to stdout."""
    from api.cli.again import rerun_task
    from api.cli.planfile import read_plan

    changes = {} if overrides is None else read_plan(overrides)
    with server() as client:
        raise typer.Exit(rerun_task(client, task_id, start, changes, wait=wait, as_json=as_json))


@task.command()
def delete(
    task_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The tasks to remove.")] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Instead: all that ended longer ago, such as 12h or 30d.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="With --older-than: only completed, failed or cancelled ones; repeatable.")
    ] = None,
) -> None:
    """Remove final tasks with everything that belongs to them alone. The ids of those removed go to stdout."""
    from api.cli.again import delete_tasks

    with server() as client:
        raise typer.Exit(delete_tasks(client, task_ids or [], older_than, state or []))


def _ask(verb: str, task_id: str, key: str | None = None, body: Json = None, *, as_json: bool) -> None:
    from api.cli.tasks import carry_out

    with server() as client:
        carry_out(client, verb, task_id, key, body, as_json=as_json)


def _decide(
    verb: str,
    task_id: str,
    keys: list[str],
    everything: bool,
    policy: str,
    body: dict[str, Json],
    *,
    as_json: bool,
) -> None:
    """One key by its own verb; several, all, or those of a rule by one decision."""
    from api.cli.approvals import decide_on_several

    if len(keys) == 1 and not (everything or policy):
        _ask(verb, task_id, keys[0], body, as_json=as_json)
        return
    group = {"decision": verb, "keys": keys, "policy": policy, "all": everything}
    with server() as client:
        decide_on_several(client, task_id, group | body, as_json=as_json)
