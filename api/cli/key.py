"""``agent03 key ...``: keys of the API, made where the graph is, or by the server that holds it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from api.cli.commands import AsJson, EnvFile
from api.cli.output import say, show
from api.environment import engine_key, engine_url, load_settings, names_a_server
from engine.errors import GraphLocked

if TYPE_CHECKING:
    from api import schemas
    from api.cli.client import Client
    from engine.keys.ring import Keyring
    from engine.settings import Settings

T = TypeVar("T")
BY = "command line"
"""Who it was, where the graph itself is changed."""

key = typer.Typer(
    no_args_is_help=True,
    name="key",
    help="Make, list and revoke keys of the API: in the graph itself, or by the server at ENGINE_URL where that is set "
    "or holds the embedded graph. Keys are asked for once the first one is made.",
)
Subject = Annotated[str, typer.Option(help="Who has it: named in the events that they cause.")]
Scopes = Annotated[
    str, typer.Option(help="read, submit, operate, approve, comma separated; admin for everything, as the first needs.")
]
User = Annotated[str, typer.Option(help="The only user whose tasks they may submit and run again.")]


@key.command()
def create(
    subject: Subject, scopes: Scopes, user: User = "", as_json: AsJson = False, env_file: EnvFile = None
) -> None:
    """Make a key. It goes to stdout, this once; only its hash is kept."""
    from api import schemas
    from api.key_view import created_view

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]

    async def here(ring: Keyring) -> schemas.CreatedKey:
        made, text = await ring.create(subject, wanted, user, BY)
        return created_view(made, text)

    def there(client: Client) -> schemas.CreatedKey:
        body = {"subject": subject, "scopes": wanted, "user_id": user}
        return client.post(schemas.CreatedKey, "/keys", body)[0]

    made = _done(load_settings(env_file), here, there)
    show(made.model_dump_json(indent=2) if as_json else made.key)
    say(f"key {made.id} of {made.subject}: {', '.join(made.scopes)}. It is not shown again.")


@key.command("list")
def list_(as_json: AsJson = False, env_file: EnvFile = None) -> None:
    """List the keys that there are, those that are revoked too."""
    from api import schemas
    from api.cli.tasks import table
    from api.key_view import key_view

    async def here(ring: Keyring) -> schemas.Keys:
        return schemas.Keys(keys=[key_view(one) for one in ring.keys])

    found = _done(load_settings(env_file), here, lambda client: client.get(schemas.Keys, "/keys"))
    if as_json:
        show(found.model_dump_json(indent=2))
        return
    rows = [
        (one.id, one.subject, ",".join(one.scopes), one.user_id, one.created_at, one.revoked_at or "")
        for one in found.keys
    ]
    show(table(("ID", "SUBJECT", "SCOPES", "USER", "CREATED", "REVOKED"), rows) if rows else "no keys: nobody is asked")


@key.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key, as list prints it.")],
    env_file: EnvFile = None,
) -> None:
    """Make a key of no use, for good; running servers know within a few seconds."""

    async def here(ring: Keyring) -> None:
        await ring.revoke(key_id, BY)

    def there(client: Client) -> None:
        client.delete(f"/keys/{key_id}")

    _done(load_settings(env_file), here, there)
    say(f"key {key_id} is revoked")


def _done(settings: Settings, here: Callable[[Keyring], Awaitable[T]], there: Callable[[Client], T]) -> T:
    """Has something done in the graph where it can be opened and no server is named, else by the server."""
    from api.cli.client import Client

    if not names_a_server():
        try:
            return asyncio.run(_in_the_graph(settings, here))
        except GraphLocked:  # the server that holds it does it
            pass
    with Client(engine_url(), engine_key()) as client:
        return there(client)


async def _in_the_graph(settings: Settings, work: Callable[[Keyring], Awaitable[T]]) -> T:
    from api.wiring import build_graph
    from engine.keys.ring import Keyring
    from engine.plan.ids import Ulids

    graph = build_graph(settings)
    await graph.open()
    try:
        ring = Keyring(graph, Ulids().new, lambda: time.time_ns() // 1_000_000)
        await ring.load()
        return await work(ring)
    finally:
        await graph.close()
