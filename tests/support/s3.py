"""A real S3 server for tests (moto, as a process of its own), and what stands before it: a server that has trouble."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from graph.server.ports import free_port

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
START_SECONDS = 60.0


@contextmanager
def s3_process(log: Path, **variables: str) -> Iterator[str]:
    """A server with nothing in it; its address. ``variables`` are for its environment."""
    port = free_port()
    place = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
            stdout=out,
            stderr=out,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | variables,
        )
        try:
            _await(process, f"{place}/moto-api/", log)
            yield place
        finally:
            process.terminate()
            process.wait()


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError):
            urllib.request.urlopen(url).close()
            return
        threading.Event().wait(0.05)
    raise RuntimeError(f"the S3 server does not start: {log.read_text(errors='replace')[-2000:]}")


def variables(url: str, secret: str = SECRET) -> dict[str, str]:
    """The environment of somebody who uses that server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def enter(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Makes this process somebody who uses that server."""
    for name, value in variables(url).items():
        monkeypatch.setenv(name, value)


def new_bucket(url: str) -> str:
    """Makes an empty bucket; its name."""
    name = f"b-{uuid.uuid4().hex[:16]}"
    request(url, "PUT", f"/{name}")
    return name


def request(url: str, method: str, path: str, data: bytes | None = None) -> bytes:
    """Asks the server as somebody who does not sign, which it takes."""
    asked = urllib.request.Request(url + path, data=data, method=method)
    with urllib.request.urlopen(asked) as answer:
        return bytes(answer.read())


class Troubled:
    """Passes everything on to a server, until ``trouble`` says otherwise.

    ``full``: nothing can be put. ``busy``: 503. ``refused``: 403. ``cut``: the connection ends without an answer.
    """

    def __init__(self, behind: str) -> None:
        self.trouble = ""
        self.seen: Counter[str] = Counter()
        self._behind = urlsplit(behind).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Troubled:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        here = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Nothing."""

            def answer(self) -> None:
                here.seen[self.command] += 1
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if here.trouble == "cut":
                    self.close_connection = True
                    return
                code = {"busy": (503, "SlowDown"), "refused": (403, "AccessDenied")}.get(here.trouble)
                if here.trouble == "full" and self.command in ("PUT", "POST"):
                    code = (507, "QuotaExceeded")
                status, headers, said = code_answer(code) if code else here.passed_on(self, body)
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        return Handler

    def passed_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """What the server behind answers."""
        connection = http.client.HTTPConnection(self._behind, timeout=30)
        headers = {name: value for name, value in handler.headers.items() if name.lower() != "expect"}
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        dropped = {"connection", "transfer-encoding", "server"}
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
        connection.close()
        return answer.status, kept, said


def code_answer(code: tuple[int, str]) -> tuple[int, Mapping[str, str], bytes]:
    """An error as S3 words it."""
    status, name = code
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{name}</Code><Message>no</Message></Error>'.encode()
    return status, {"Content-Type": "application/xml"}, body
