"""What `SPOTIFY_PLAYLISTS` may hold: ids, URIs, links, or `mine`. Pure parsing; nothing is looked up here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from spotify_assets.failures import PermanentError

MINE = "mine"

_ID = re.compile(r"[0-9A-Za-z]{22}")
_URI = re.compile(r"spotify:(?:user:[^:]*:)?playlist:(?P<id>[0-9A-Za-z]{22})")
_PATH = re.compile(r"/(?:intl-[\w-]+/|embed/|user/[^/]+/)*playlist/(?P<id>[0-9A-Za-z]{22})/?")
_HOSTS = ("open.spotify.com", "play.spotify.com")


@dataclass(frozen=True)
class PlaylistSelection:
    """`ids` without repetition, in the order given; `mine` adds every playlist of the account."""

    ids: tuple[str, ...]
    mine: bool = False


def parse_playlists(entries: Iterable[str]) -> PlaylistSelection:
    """The playlists the entries name. Raises PermanentError that lists every entry that names none."""
    ids: dict[str, None] = {}
    bad = []
    mine = False
    for entry in entries:
        if entry.strip().lower() == MINE:
            mine = True
            continue
        playlist_id = parse_playlist(entry)
        if playlist_id is None:
            bad.append(entry)
        else:
            ids[playlist_id] = None
    if bad:
        named = ", ".join(repr(entry[:100]) for entry in bad)
        raise PermanentError(
            f"SPOTIFY_PLAYLISTS names {named}, which {'is' if len(bad) == 1 else 'are'} no playlist",
            remedy="use a 22-character id, spotify:playlist:<id>, https://open.spotify.com/playlist/<id>, or 'mine'",
        )
    return PlaylistSelection(tuple(ids), mine)


def parse_playlist(entry: str) -> str | None:
    """The playlist id in an id, a URI (also `spotify:user:…:playlist:…`) or a link; None when it is none of these."""
    entry = entry.strip()
    if _ID.fullmatch(entry):
        return entry
    uri = _URI.fullmatch(entry)
    if uri:
        return uri["id"]
    address = entry if "://" in entry else f"https://{entry}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    path = _PATH.fullmatch(parts.path)
    return path["id"] if path and parts.scheme in ("http", "https") and parts.hostname in _HOSTS else None
