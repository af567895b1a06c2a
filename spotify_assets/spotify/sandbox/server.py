"""The sandbox: a fictional Spotify that answers, without a socket, under the real client.

`Sandbox.answer` maps a request to a response, envelopes field by field as the Web API sends them; `SandboxAdapter`
mounts it on a `requests` session; `Fault` lets a test make it slow, refuse, or break. What exists and when belongs in
`playlists`, how an entry looks in `wire`.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from spotify_assets.spotify.sandbox import playlists
from spotify_assets.spotify.sandbox.playlists import Playlist
from spotify_assets.spotify.sandbox.wire import WEB, serialised, user

if TYPE_CHECKING:
    from spotify_assets.spotify.snapshot import Json, JsonObject

DEFAULT_SEED = 7
PAGE_LIMIT = 50
EMBEDDED_LIMIT = 100
API = "https://api.spotify.com/v1"
_JSON_HEADERS = {"content-type": "application/json; charset=utf-8", "cache-control": "private, max-age=0"}


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: dict(_JSON_HEADERS))


@dataclass(frozen=True)
class Fault:
    """What a test makes of a request: `delay` (seconds), then `error` raised, or `answer` instead of the true one."""

    delay: float = 0.0
    error: Exception | None = None
    answer: Answer | None = None


def error_answer(
    status: int, message: str, *, reason: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Spotify's error envelope."""
    error = {"status": status, "message": message} | ({"reason": reason} if reason else {})
    return Answer(status, json.dumps({"error": error}).encode(), {**_JSON_HEADERS, **(headers or {})})


class Sandbox:
    """A fictional Spotify on one day, the same for the same (seed, day). `api` is the address its links carry."""

    def __init__(self, day: dt.date, *, seed: int = DEFAULT_SEED, api: str = API) -> None:
        self.day = day
        self.seed = seed
        self.api = api.rstrip("/")
        self.playlists = {playlist.playlist_id: playlist for playlist in playlists.playlists(seed)}

    def answer(self, method: str, path: str, query: Mapping[str, Sequence[str]]) -> Answer:
        """The response to a request; `path` is below the API's root, such as `/me/playlists`."""
        if method != "GET":
            return error_answer(405, "Method not allowed")
        match path.strip("/").split("/"):
            case ["me"]:
                return _ok(
                    {
                        "display_name": "Sandbox Listener",
                        "id": "sandbox",
                        "type": "user",
                        "uri": "spotify:user:sandbox",
                        "account_id": "sandbox-account",
                        "external_urls": {"spotify": f"{WEB}/user/sandbox"},
                        "href": f"{self.api}/users/sandbox",
                        "images": [],
                    }
                )
            case ["me", "playlists"]:
                return self._my_playlists(query)
            case ["playlists", playlist_id]:
                return self._playlist(playlist_id, query)
            case ["playlists", playlist_id, "items" | "tracks" as collection]:
                return self._items(playlist_id, collection, query)
            case _:
                return error_answer(404, "Service not found")

    def _my_playlists(self, query: Mapping[str, Sequence[str]]) -> Answer:
        limit, offset = _paging(query)
        if limit is None:
            return error_answer(400, "Invalid limit")
        mine: list[Json] = [
            self._simplified(playlist) for playlist in self.playlists.values() if playlist.answers == 200
        ]
        mine.insert(2, None)  # Spotify leaves holes where it hides a playlist from the app
        page: JsonObject = _page_head(f"{self.api}/me/playlists", "", limit, offset, len(mine))
        page["items"] = mine[offset : offset + limit]
        return _ok(page)

    def _playlist(self, playlist_id: str, query: Mapping[str, Sequence[str]]) -> Answer:
        playlist = self.playlists.get(playlist_id)
        if playlist is None or playlist.answers == 404:
            return error_answer(404, "Resource not found")
        head = self._metadata(playlist)
        fields = query.get("fields", [""])[0]
        if fields:
            return _ok({name: head[name] for name in fields.split(",") if name in head})
        if playlist.answers != 200:
            return _ok(head)  # metadata only: no contents for who is neither owner nor collaborator
        names = {"old": ["tracks"], "new": ["items"], "mixed": ["tracks", "items"]}[playlist.shape]
        chunks = serialised(playlist, self.seed, self.day, self.api)
        parts = [json.dumps(head, ensure_ascii=False).encode()[:-1]]
        for name in names:
            collection = "items" if name == "items" else "tracks"
            address = f"{self.api}/playlists/{playlist_id}/{collection}"
            paging = _page_head(address, "&additional_types=track,episode", EMBEDDED_LIMIT, 0, len(chunks))
            parts.append(b', "' + name.encode() + b'": ' + _with_items(paging, chunks[:EMBEDDED_LIMIT]))
        return Answer(200, b"".join(parts) + b"}")

    def _items(self, playlist_id: str, collection: str, query: Mapping[str, Sequence[str]]) -> Answer:
        playlist = self.playlists.get(playlist_id)
        if playlist is None or playlist.answers == 404:
            return error_answer(404, "Resource not found")
        if playlist.answers == 403 or (collection == "tracks" and playlist.shape == "new"):
            return error_answer(403, "Forbidden")
        limit, offset = _paging(query)
        if limit is None:
            return error_answer(400, "Invalid limit")
        chunks = serialised(playlist, self.seed, self.day, self.api)
        types = "".join(f"&additional_types={value}" for value in query.get("additional_types", []))
        address = f"{self.api}/playlists/{playlist_id}/{collection}"
        return Answer(
            200, _with_items(_page_head(address, types, limit, offset, len(chunks)), chunks[offset : offset + limit])
        )

    def _metadata(self, playlist: Playlist) -> JsonObject:
        playlist_id = playlist.playlist_id
        content = playlists.snapshot_id(playlist, self.seed, self.day)
        image = f"https://image-cdn.example/playlist/{playlist_id}"
        metadata: JsonObject = {
            "collaborative": False,
            "description": playlist.description,
            "external_urls": {"spotify": f"{WEB}/playlist/{playlist_id}"},
            "href": f"{self.api}/playlists/{playlist_id}",
            "id": playlist_id,
            "images": [{"height": None, "url": image, "width": None}] if playlist.answers == 200 else [],
            "name": playlist.name,
            "owner": user(self.api, playlist.owner_id) | {"display_name": playlist.owner_name},
            "primary_color": None,
            "public": True,
            "snapshot_id": base64.b64encode(bytes.fromhex(content)).decode(),
            "type": "playlist",
            "uri": f"spotify:playlist:{playlist_id}",
        }
        if playlist.shape != "new":
            growth = (self.day - dt.date(2026, 1, 1)).days * playlist.followers // 900
            metadata["followers"] = {"href": None, "total": max(0, playlist.followers + growth)}
        return metadata

    def _simplified(self, playlist: Playlist) -> JsonObject | None:
        simple = self._metadata(playlist)
        simple.pop("followers", None)
        total = len(playlists.entries_of(playlist, self.seed, self.day))
        for name in {"old": ["tracks"], "new": ["items"], "mixed": ["tracks", "items"]}[playlist.shape]:
            simple[name] = {"href": f"{self.api}/playlists/{playlist.playlist_id}/{name}", "total": total}
        return simple


class SandboxAdapter(BaseAdapter):
    """Answers a `requests` session from a sandbox. `fault` sees every request first and may change what happens."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        fault: Callable[[PreparedRequest], Fault | None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._fault = fault
        self._sleep = sleep

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        """The sandbox's response to `request`, as `requests` wants it."""
        fault = self._fault(request) if self._fault else None
        if fault:
            self._sleep(fault.delay)
            if fault.error:
                raise fault.error
        url = urlsplit(request.url or "")
        path = url.path.removeprefix(urlsplit(self._sandbox.api).path)
        answer = (fault and fault.answer) or self._sandbox.answer(request.method or "GET", path, parse_qs(url.query))
        response = Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.raw = BytesIO(answer.body)
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is held open."""


def _ok(body: JsonObject) -> Answer:
    return Answer(200, json.dumps(body, ensure_ascii=False).encode())


def _paging(query: Mapping[str, Sequence[str]]) -> tuple[int | None, int]:
    """(limit, offset) asked for; a limit of None is one Spotify refuses. Documented: 1 to 50, 20 when not given."""
    try:
        limit, offset = int(query.get("limit", ["20"])[0]), int(query.get("offset", ["0"])[0])
    except ValueError:
        return None, 0
    return (limit if 1 <= limit <= PAGE_LIMIT else None), max(0, offset)


def _page_head(address: str, query: str, limit: int, offset: int, total: int) -> JsonObject:
    def link(start: int) -> str:
        return f"{address}?offset={start}&limit={limit}{query}"

    return {
        "href": link(offset),
        "limit": limit,
        "next": link(offset + limit) if offset + limit < total else None,
        "offset": offset,
        "previous": link(max(0, offset - limit)) if offset else None,
        "total": total,
    }


def _with_items(head: JsonObject, chunks: Sequence[bytes]) -> bytes:
    return json.dumps(head).encode()[:-1] + b', "items": [' + b",".join(chunks) + b"]}"
