"""A Spotify on 127.0.0.1 for the tests: real sockets, Spotify's envelopes, and any fault on demand."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCESS_TOKEN = "access-token-4f1c"
SCOPES = "playlist-read-private playlist-read-collaborative"


@dataclass(frozen=True)
class Answer:
    """What the server sends instead of the truth. `cut` closes the connection: before any byte, or in mid-body.

    `drip` (seconds) is between two bytes of the body, or with `drip_head` of the head.
    """

    status: int = 200
    body: bytes | str | object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: str = ""
    drip: float = 0.0
    drip_head: bool = False

    @property
    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Playlist:
    """A playlist the server knows; tests change it while it is read."""

    playlist_id: str
    entries: list[Any]
    snapshot_id: str = "v1"
    owner_id: str = "listener"
    wrapper: str = "items"
    total: Any = "true"
    shift: int = 0

    def metadata(self, base: str) -> dict[str, Any]:
        return {
            "collaborative": False,
            "description": "",
            "external_urls": {},
            "href": f"{base}/playlists/{self.playlist_id}",
            "id": self.playlist_id,
            "images": [],
            "name": f"List {self.playlist_id[:4]}",
            "owner": {"id": self.owner_id, "display_name": self.owner_id.title(), "type": "user"},
            "public": True,
            "snapshot_id": self.snapshot_id,
            "type": "playlist",
            "uri": f"spotify:playlist:{self.playlist_id}",
        }

    def page(self, base: str, offset: int, limit: int) -> dict[str, Any]:
        total = len(self.entries) if self.total == "true" else self.total
        start = max(0, offset - self.shift)
        address = f"{base}/playlists/{self.playlist_id}/items?limit={limit}&offset="
        return {
            "href": f"{address}{offset}",
            "items": self.entries[start : start + limit],
            "limit": limit,
            "next": f"{address}{offset + limit}" if offset + limit < len(self.entries) else None,
            "offset": start,
            "previous": None,
            "total": total,
        }


def entry(number: int) -> dict[str, Any]:
    """A small but whole playlist entry in the new shape."""
    known = f"{number:022d}"
    track = {"id": known, "type": "track", "name": f"Song {number}", "uri": f"spotify:track:{known}", "track": True}
    about = {"duration_ms": 1000, "artists": [], "album": {"id": known, "name": "A"}}
    added = {"added_at": "2026-03-01T10:00:00Z", "added_by": {"id": "listener"}, "is_local": False}
    return {**added, "item": {**track, **about}}


def playlist_id(number: int) -> str:
    return f"Playlist{number:014d}"


class SpotifyServer:
    """State shared by the server's threads: playlists, faults to send, and what was asked."""

    def __init__(self) -> None:
        self.playlists: dict[str, Playlist] = {}
        self.mine: list[str | None] = []
        self.faults: dict[str, deque[Answer]] = {}
        self.forever: dict[str, Answer] = {}
        self.changes: list[tuple[str, Callable[[dict[str, Any], dict[str, list[str]]], dict[str, Any]]]] = []
        self.tokens: deque[Answer] = deque()
        self.token_always: Answer | None = None
        self.on_request: Callable[[str, dict[str, list[str]]], None] = lambda path, query: None
        self.requests: list[str] = []
        self.token_requests: list[str] = []
        self.authorizations: list[str] = []
        self.connections = 0
        self.delay = 0.0
        self.in_flight = 0
        self.most_in_flight = 0
        self.url = ""
        self._lock = threading.Lock()

    @property
    def api(self) -> str:
        return f"{self.url}/v1"

    @property
    def token_url(self) -> str:
        return f"{self.url}/api/token"

    def add(self, count: int, entries: int = 3, **options: Any) -> list[str]:
        """Add `count` playlists of `entries` entries each; their ids."""
        start = len(self.playlists)
        ids = [playlist_id(start + number) for number in range(count)]
        for known in ids:
            self.playlists[known] = Playlist(known, [entry(number) for number in range(entries)], **options)
        return ids

    def fail(self, ending: str, *answers: Answer) -> None:
        """Send these answers, in this order, to the next requests whose path ends so."""
        self.faults.setdefault(ending, deque()).extend(answers)

    def answer(self, path: str, query: dict[str, list[str]]) -> Answer:
        for ending, queue in self.faults.items():
            if path.endswith(ending) and queue:
                with self._lock:
                    return queue.popleft()
        for ending, always in self.forever.items():
            if path.endswith(ending):
                return always
        answer = self._truth(path.removeprefix("/v1/").strip("/").split("/"), query)
        for ending, change in self.changes:
            if path.endswith(ending) and isinstance(answer.body, dict) and answer.status == 200:
                with self._lock:
                    answer = Answer(body=change(dict(answer.body), query))
        return answer

    def _truth(self, parts: list[str], query: dict[str, list[str]]) -> Answer:
        limit, offset = int(query.get("limit", ["20"])[0]), int(query.get("offset", ["0"])[0])
        if parts == ["me"]:
            return Answer(body={"id": "listener", "display_name": "Listener"})
        if parts == ["me", "playlists"]:
            simple = [known and self.playlists[known].metadata(self.api) for known in self.mine]
            following = f"{self.api}/me/playlists?offset={offset + limit}" if offset + limit < len(simple) else None
            return Answer(body={"items": simple[offset : offset + limit], "next": following, "total": len(simple)})
        if parts[0] != "playlists" or parts[1] not in self.playlists:
            return error(404, "Resource not found")
        playlist = self.playlists[parts[1]]
        if parts[2:] == ["items"]:
            return Answer(body=playlist.page(self.api, offset, limit)) if limit <= 50 else error(400, "Invalid limit")
        if "fields" in query:
            return Answer(body={name: playlist.metadata(self.api)[name] for name in query["fields"][0].split(",")})
        return Answer(body={**playlist.metadata(self.api), playlist.wrapper: playlist.page(self.api, 0, 100)})

    def token(self, body: str) -> Answer:
        self.token_requests.append(body)
        if self.tokens:
            return self.tokens.popleft()
        return self.token_always or Answer(
            body={"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "scope": SCOPES}
        )

    def items_requests(self) -> list[str]:
        return [request for request in self.requests if "/items" in request]


def error(status: int, message: str, reason: str | None = None, **headers: str) -> Answer:
    """Spotify's error envelope; headers with underscores for dashes."""
    body = {"status": status, "message": message} | ({"reason": reason} if reason else {})
    return Answer(status, {"error": body}, {name.replace("_", "-"): value for name, value in headers.items()})


@contextmanager
def spotify_server() -> Iterator[SpotifyServer]:
    """A running server on a free port of 127.0.0.1."""
    state = SpotifyServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            with state._lock:
                state.connections += 1

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = parse_qs(url.query)
            with state._lock:
                state.requests.append(self.path)
                state.authorizations.append(self.headers.get("Authorization", ""))
                state.in_flight += 1
                state.most_in_flight = max(state.most_in_flight, state.in_flight)
            try:
                state.on_request(url.path, query)
                time.sleep(state.delay)
                answer = state.answer(url.path, query)
            finally:
                with state._lock:
                    state.in_flight -= 1
            self.reply(answer)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            with state._lock:
                answer = state.token(body)
            self.reply(answer)

        def reply(self, answer: Answer) -> None:
            time.sleep(answer.delay)
            if answer.cut == "before":
                self.close_connection = True
                return
            data = answer.data
            if answer.drip:
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode()
                self.drip(head if answer.drip_head else data, b"" if answer.drip_head else head, answer.drip)
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(data) + (100 if answer.cut else 0)))
            self.end_headers()
            if answer.status not in (204, 304):
                self.wfile.write(data)
            if answer.cut:
                self.close_connection = True

        def drip(self, data: bytes, before: bytes, seconds: float) -> None:
            """Send `before` at once, then `data` a byte at a time, until nobody listens any more."""
            self.close_connection = True
            self.wfile.write(before)
            self.wfile.flush()
            for byte in data:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(seconds)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up is what the test wanted."""

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
