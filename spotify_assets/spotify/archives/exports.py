"""Tables that people export: CSV of Exportify, and the text of spotify-backup, as entries in Spotify's shape.

Exportify (watsonbox/exportify and its forks) writes a header with "Track URI", "Artist URI(s)", "Album URI" and
"Added At"; older versions say "Spotify URI" or "Spotify ID". spotify-backup (caseychu) writes a playlist's name on a
line of its own, then its tracks as name, artists, album, uri and release date between tabs, then an empty line. Neither
says the playlist's id.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping

from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.snapshot import Json, JsonObject

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "uri": ("track uri", "spotify uri", "uri", "spotify id", "spotify track id"),
    "name": ("track name", "name"),
    "artist_uris": ("artist uri(s)", "artist uris", "artist uri"),
    "artists": ("artist name(s)", "artist names", "artist name"),
    "album_uri": ("album uri",),
    "album": ("album name",),
    "album_artist_uris": ("album artist uri(s)", "album artist uris"),
    "album_artists": ("album artist name(s)", "album artist names"),
    "released": ("album release date", "release date"),
    "image": ("album image url",),
    "disc": ("disc number",),
    "number": ("track number",),
    "duration": ("track duration (ms)", "duration (ms)", "track duration"),
    "explicit": ("explicit",),
    "popularity": ("popularity",),
    "isrc": ("isrc",),
    "added_by": ("added by",),
    "added_at": ("added at",),
}
_URI = re.compile(r"spotify:(?:track|episode|local|artist|album):\S+")
_BARE_ID = re.compile(r"[A-Za-z0-9]{22}")
_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_PRECISION = {4: "year", 7: "month", 10: "day"}
_LONGEST_FIELD = 1_000_000


def is_csv(text: str) -> bool:
    """Whether the text begins with the header of such a CSV."""
    header = text.lstrip("\ufeff").split("\n", 1)[0].lower()
    return "," in header and any(f"{name}" in header for name in ("track uri", "spotify uri", "spotify id"))


def is_backup_text(text: str) -> bool:
    """Whether the text has lines of spotify-backup."""
    return any(len(parts := line.split("\t")) >= 4 and _URI.fullmatch(parts[3]) for line in text.splitlines()[:50])


def csv_entries(text: str, name: str) -> list[Json]:
    """The entries of an Exportify CSV, in its order. Raises PayloadError for a row that is none."""
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        header, *rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True))
    except (csv.Error, ValueError) as error:
        raise PayloadError(f"{name} is not a usable CSV: {error}.") from None
    titles = [title.strip().lower() for title in header]
    places = {
        field: next((titles.index(title) for title in known if title in titles), None)
        for field, known in _COLUMNS.items()
    }
    entries: list[Json] = []
    for number, row in enumerate(rows, 2):
        if not any(row):
            continue
        if len(row) != len(header):
            raise PayloadError(
                f"{name} is cut short or damaged: line {number} has {len(row)} of {len(header)} columns."
            )
        entries.append(_entry({field: row[at].strip() for field, at in places.items() if at is not None}))
    return entries


def backup_playlists(text: str) -> Iterator[tuple[str, list[Json]]]:
    """(name, entries) of each playlist of spotify-backup's text."""
    title: str | None = None
    entries: list[Json] = []
    for line in [*text.lstrip("\ufeff").splitlines(), ""]:
        parts = line.split("\t")
        if len(parts) >= 4:
            track, artists, album, uri, *released = parts
            entries.append(
                _entry({"name": track, "artists": artists, "album": album, "uri": uri, "released": "".join(released)})
            )
        elif line.strip():
            if title is not None:
                yield title, entries
            title, entries = line.strip(), []
    if title is not None or entries:
        yield title or "", entries


def _entry(row: Mapping[str, str]) -> JsonObject:
    uri = row.get("uri", "")
    uri = f"spotify:track:{uri}" if _BARE_ID.fullmatch(uri) else uri
    kind = uri.split(":")[1] if uri.count(":") >= 2 else None
    is_local = kind == "local"
    added_at = row.get("added_at", "")
    released = row.get("released", "")
    images: list[Json] = [{"url": row["image"]}] if row.get("image") else []
    album: JsonObject = {
        **_identity(row.get("album_uri", "")),
        "name": row.get("album") or None,
        "release_date": released or None,
        "release_date_precision": _PRECISION.get(len(released)),
        "artists": _credits(row.get("album_artist_uris", ""), row.get("album_artists", "")),
        "images": images,
    }
    return {
        "added_at": added_at if _SECONDS.fullmatch(added_at) else None,
        "added_by": {"id": row["added_by"].removeprefix("spotify:user:")} if row.get("added_by") else None,
        "is_local": is_local,
        "track": {
            "uri": uri or None,
            "id": None if is_local or kind is None else uri.split(":")[2],
            "type": "episode" if kind == "episode" else "track",
            "name": row.get("name") or None,
            "is_local": is_local,
            "duration_ms": _number(row.get("duration")),
            "popularity": _number(row.get("popularity")),
            "disc_number": _number(row.get("disc")),
            "track_number": _number(row.get("number")),
            "explicit": {"true": True, "false": False}.get(row.get("explicit", "").lower()),
            "external_ids": {"isrc": row["isrc"]} if row.get("isrc") else {},
            "artists": _credits(row.get("artist_uris", ""), row.get("artists", "")),
            "album": album,
        },
    }


def _identity(uri: str) -> JsonObject:
    uri = uri.strip()
    if not _URI.fullmatch(uri):
        return {"id": None, "uri": None}
    return {"id": uri.split(":")[2], "uri": uri}


def _credits(uris: str, names: str) -> list[Json]:
    """The credited artists. Names may hold commas: they are told apart only where they are as many as the uris."""
    given = [uri for part in uris.split(",") if (uri := part.strip())]
    if not given:
        return [{"id": None, "uri": None, "name": names}] if names else []
    split = next((parts for mark in (", ", ",", ";") if len(parts := names.split(mark)) == len(given)), None)
    known = [names] if len(given) == 1 else split or [""] * len(given)
    return [{**_identity(uri), "name": name.strip()} for uri, name in zip(given, known, strict=True)]


def _number(text: str | None) -> Json:
    """The number as JSON; text that is none stays, so that it is listed as what it is."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() else text
