"""A stand-in for Claude, so that the example runs without a key: it says what is written below, as the API would.

With a key of your own leave it out, and set ANTHROPIC_API_KEY instead of ANTHROPIC_BASE_URL: a real model then decides
by itself what to call and whom to ask.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEXT = "The tide comes twice a day. It follows the moon."
CHECK = {"key": "tides", "role": "checker", "prompt": "Is this true? The tide comes twice a day."}
PLAYED: dict[str, list[Any]] = {
    "You edit": [
        [("count_words", {"text": TEXT}), ("delegate", CHECK)],
        "Ten words, which is short enough. I have asked a checker about the tides.",
    ],
    "You check": ["In most places, yes: two high tides in a bit more than a day."],
}
"""By the first words of a role its answers: calls of tools, or a text."""


class Api(BaseHTTPRequestHandler):
    """POST /v1/messages."""

    def do_POST(self) -> None:
        """Answers with the next turn of the role that asks."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        system = asked["system"][0]["text"]
        answers = next(answers for begins, answers in PLAYED.items() if system.startswith(begins))
        turn = answers[sum(message["role"] == "assistant" for message in asked["messages"])]
        if isinstance(turn, str):
            content, stop = [{"type": "text", "text": turn}], "end_turn"
        else:
            names = enumerate(turn)
            content = [{"type": "tool_use", "id": f"c{n}", "name": name, "input": value} for n, (name, value) in names]
            stop = "tool_use"
        message = {"id": "msg", "type": "message", "role": "assistant", "model": asked["model"], "content": content}
        usage = {"input_tokens": 900, "output_tokens": 100}
        body = json.dumps(message | {"stop_reason": stop, "stop_sequence": None, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
