"""The chat that ALERT_WEBHOOK_URL names, on 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Chat:
    """What was posted, as text."""

    url: str = ""
    messages: list[str] = field(default_factory=list)

    def of(self, title: str) -> list[str]:
        """The messages whose first line holds `title`."""
        return [text for text in self.messages if title in text.splitlines()[0]]


@contextmanager
def chat() -> Iterator[Chat]:
    """A chat that takes every message."""
    found = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.messages.append(json.loads(body)["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
