"""Serving the dashboard's page to this machine's browsers, read from the lake for every request.

Dagster's webserver serves no file of ours, and a browser does not follow a link from its pages to a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from spotify_assets.assets.dashboard import DASHBOARD_REPORT, PAGE
from spotify_assets.failures import PermanentError

if TYPE_CHECKING:
    from spotify_assets.storage.object_store import ObjectStore

HOST = "127.0.0.1"
_OWN_NAMES = (HOST, "localhost")
_NOTHING_YET = b"There is no dashboard yet: run `spotify-assets build`, or materialize the asset `dashboard`.\n"


def require_free(port: int, instead: str) -> None:
    """Raise PermanentError when something listens on `port` of this machine; `instead` says how to choose another."""
    try:
        ThreadingHTTPServer((HOST, port), BaseHTTPRequestHandler).server_close()
    except OSError as error:
        raise PermanentError(
            f"Port {port} of {HOST} can't be had: {error.strerror}", remedy=f"stop what runs there, or {instead}"
        ) from None


def port_of(address: str | None) -> int | None:
    """The port of `address` where that is this machine's to serve; None where somebody else serves it."""
    parts = urlsplit(address or "")
    return parts.port if parts.scheme == "http" and parts.hostname in _OWN_NAMES else None


@contextmanager
def served(store: ObjectStore, port: int) -> Iterator[int]:
    """The page of the lake `store` at `http://127.0.0.1:<port>/dashboard.html` meanwhile; the port (0 takes any)."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _OWN_NAMES:
                self._answer(HTTPStatus.FORBIDDEN, b"This is for the browsers of this machine.\n")
            elif urlsplit(self.path).path not in ("/", f"/{PAGE}"):
                self._answer(HTTPStatus.NOT_FOUND, b"Nothing here; the page is at /dashboard.html.\n")
            elif (page := store.get_or_none(DASHBOARD_REPORT)) is None:
                self._answer(HTTPStatus.NOT_FOUND, _NOTHING_YET)
            else:
                self._answer(HTTPStatus.OK, page, "text/html; charset=utf-8")

        def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody needs to know of requests."""

    require_free(port, f"set DASHBOARD_URL to http://{HOST}:<another port>")
    server = ThreadingHTTPServer((HOST, port), Page)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
