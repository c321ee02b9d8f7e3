"""Files that subtasks make: kept with them in the blob store, served by name, gone with the task."""

from __future__ import annotations

import hashlib
import shutil

import httpx2
import pytest

from api.app import create_app
from api.metrics import Metrics
from engine import service
from engine.errors import NotFound
from engine.model import Json
from engine.states import TaskStatus
from engine.tools.browser import NAMES
from tests.support.engines import Lab, outputs, run
from tests.support.graphs import breaches
from tests.support.plans import plan, step
from tests.support.services import eventually
from tests.support.tools_http import scripted_server


def blobs(lab: Lab) -> set[str]:
    """The hashes of the stored blobs."""
    return {path.name for path in (lab.folder / "blobs").rglob("*") if path.is_file() and len(path.name) == 64}


@pytest.mark.skipif(not any(map(shutil.which, NAMES)), reason="there is no Chromium: make browser installs it")
async def test_a_screenshot_is_served_and_goes_with_its_task(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BLOB_GRACE_SECONDS", 0.0)
    async with scripted_server() as shop:
        shop.answer("/", body=b"<title>Shop</title><h1>Tea</h1>", content_type="text/html")
        engine = await lab.start(http_allow_private=[f"127.0.0.1:{shop.port}"])
        steps: Json = [{"screenshot": {"name": "view"}}, {"screenshot": {"name": "same"}}, {"pdf": {"name": "print"}}]
        task = await run(engine, plan(step("look", type="browser", input={"url": shop.url("/"), "steps": steps})))
    assert task.status is TaskStatus.COMPLETED, task.error
    files = (await outputs(engine, task.id))["look"]["files"]
    assert blobs(lab) == {found["sha256"] for found in files.values()}

    app = create_app(engine, engine.settings, Metrics())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        place = f"/tasks/{task.id}/subtasks/look/files"
        view = await client.get(f"{place}/view")
        assert (view.headers["content-type"], hashlib.sha256(view.content).hexdigest()) == (
            "image/png",
            files["view"]["sha256"],
        )
        assert (await client.get(f"{place}/print")).content.startswith(b"%PDF-")
        assert (await client.get(f"{place}/none")).status_code == 404

    assert await breaches(engine._graph) == {}
    await engine.remove(task.id)
    await eventually(lambda: not blobs(lab))


async def test_an_output_that_only_looks_so_shows_nothing(embedded_lab: Lab) -> None:
    engine = await embedded_lab.start()
    forged = {"files": {"a": {"sha256": "../../../etc/passwd", "media_type": "text/html"}, "b": 7}}
    task = await run(engine, plan(step("x", input=forged)))
    for name in ("a", "b", "c"):
        with pytest.raises(NotFound, match="made no file"):
            await engine.file(task.id, "x", name)
