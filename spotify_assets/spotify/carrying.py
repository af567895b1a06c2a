"""Which earlier snapshot still holds: a playlist under the same version id is carried to the day instead of read again.

Who carries it, and when, belongs in `extract`; what a carried snapshot looks like in `snapshot`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection

from spotify_assets.lake.layout import RawKey
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.snapshot import JsonObject, SourceName
from spotify_assets.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

FULL_READ_DAYS = 7
"""Attributes such as popularity change under an unchanged version id, so nothing is carried longer than this."""

OWNER_NOT_CARRIED = "spotify"
"""Spotify's own playlists change under the same version id (397 of 6,042 days in a real archive)."""

_CARRYABLE: frozenset[SourceName] = frozenset(("api", "sandbox", "carried"))


def earlier(store: ObjectStore, day: dt.date, playlist_ids: Collection[str]) -> dict[str, RawKey]:
    """The newest snapshot of each playlist on the days before `day` that could still be carried; one listing a day."""
    missing = set(playlist_ids)
    newest: dict[str, RawKey] = {}
    for back in range(1, FULL_READ_DAYS):
        if not missing:
            break
        of_day = raw.newest_of_day(store, day - dt.timedelta(days=back))
        newest.update((playlist_id, of_day[playlist_id]) for playlist_id in missing & of_day.keys())
        missing -= of_day.keys()
    return newest


def unchanged(store: ObjectStore, key: RawKey, seen: JsonObject, day: dt.date) -> raw.StoredHead | None:
    """The earlier snapshot at `key`, if by `seen` (the playlist as Spotify shows it on `day`, or its short form in a
    list) it is that of `day` too; None where it has to be read."""
    owner = seen.get("owner")
    owner_id = owner.get("id") if isinstance(owner, dict) else None
    version = seen.get("snapshot_id")
    if not version or not owner_id or owner_id == OWNER_NOT_CARRIED:
        return None
    data = store.get_or_none(str(key))
    if data is None:
        return None
    try:
        known = raw.head_of(str(key), data)
    except raw.SnapshotError as error:
        log.warning("%s", error)  # what can't be carried is read
        return None
    too_old = (day - known.extracted_at.date()).days >= FULL_READ_DAYS
    if known.version != version or known.source not in _CARRYABLE or too_old or known.complete is False:
        return None
    return known
