"""Taking other systems' payloads in as raw snapshots: what is new, what is known, what contradicts.

Used by the import command and by the landing sensor. Reading a file belongs in `payloads`; the raw format in
`snapshot`. Taking the same thing in twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from spotify_assets.lake.layout import RawKey, parse_raw_key, raw_playlist_prefix
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.payloads import Payload
from spotify_assets.spotify.snapshot import Json, Page, Snapshot
from spotify_assets.storage.object_store import ObjectStore

FIRST_DAY = dt.date(2008, 10, 7)
"""Spotify's launch: no playlist is older."""

PAGES_TAKEN_WITHIN = dt.timedelta(hours=1)
"""Pages of one playlist further apart than this are of two readings and are not put together."""

_FOREIGN = frozenset(("import", "landing"))


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What became of the payloads of one playlist and day. `note` is a remark worth showing, in words."""

    playlist_id: str
    day: dt.date
    key: str
    written: bool
    entries: int
    total: int
    note: str = ""


def joined(payloads: Iterable[Payload]) -> list[Payload]:
    """Payloads of the same playlist, day and time as one, where they are pages that don't contradict each other.

    Those that bring the playlist's metadata come first; the result is ordered by date, then time.
    """
    ordered = sorted(payloads, key=lambda each: (each.playlist_id, each.day, each.taken_at, each.is_bare, each.name))
    result: list[Payload] = []
    for payload in ordered:
        last = result[-1] if result else None
        same = last and (last.playlist_id, last.day, last.taken_at) == (
            payload.playlist_id,
            payload.day,
            payload.taken_at,
        )
        if last and same and _agree(last, payload) and (last.is_bare or payload.is_bare):
            result[-1] = _merged(last, payload)
        else:
            result.append(payload)
    return sorted(result, key=lambda each: (each.day, each.taken_at, each.playlist_id))


def adopt(
    store: ObjectStore,
    payload: Payload,
    *,
    source: Literal["import", "landing"],
    today: dt.date,
    force: bool = False,
    keep_older: bool = False,
) -> Adopted:
    """Store the payload as a raw snapshot unless it is known already.

    A payload that is of its day only by its upload never becomes current where there is one that is known to be of that
    day. A payload that contradicts a snapshot of the same or a later time is refused (PayloadError); with `force` it
    becomes the current one, with `keep_older` it is stored behind it. Pages are added to an incomplete adopted
    snapshot.
    """
    if not FIRST_DAY <= payload.day <= today:
        raise PayloadError(
            f"{payload.name} is dated {payload.day}: a snapshot's date lies between {FIRST_DAY} and today ({today})."
        )
    current = _current(store, payload)
    stored = _stored(store, current, force=force)
    stamp = payload.taken_at
    if stored and current:
        if _covers(stored, payload):
            return _adopted(stored, str(current), written=False)
        payload, stamp = _resolved(payload, stored, current, force=force, keep_older=keep_older)
    elif current:
        stamp = raw.after(stamp, current)
    snapshot = _snapshot(payload, source)
    key = str(RawKey(snapshot.day, snapshot.playlist_id, stamp, snapshot.run_id))
    return _adopted(snapshot, key, written=store.create(key, raw.to_bytes(snapshot)))


def _stored(store: ObjectStore, current: RawKey | None, *, force: bool) -> Snapshot | None:
    """The current snapshot; None when there is none, or when it is damaged and to be replaced (`force`)."""
    if current is None:
        return None
    try:
        return raw.read(store, current)
    except raw.SnapshotError:
        if force:
            return None
        raise


def _adopted(snapshot: Snapshot, key: str, *, written: bool) -> Adopted:
    note = "" if snapshot.entries == snapshot.total else f"holds {snapshot.entries} of {snapshot.total} entries"
    if snapshot.complete is False and not note:
        note = f"holds {snapshot.entries} entries, and says that there are more"
    return Adopted(
        playlist_id=snapshot.playlist_id,
        day=snapshot.day,
        key=key,
        written=written,
        entries=snapshot.entries,
        total=snapshot.total,
        note=note,
    )


def _resolved(
    payload: Payload, stored: Snapshot, current: RawKey, *, force: bool, keep_older: bool
) -> tuple[Payload, dt.datetime]:
    """What to write beside a different snapshot, and the time to stamp it with."""
    known = _as_payload(stored, payload.name)
    if _is_of_upload(payload) and not _is_of_upload(stored):
        # When it was put there says nothing about its day: it stands behind what somebody knows to be of that day.
        return payload, min(payload.taken_at, current.extracted_at - dt.timedelta(microseconds=1))
    if _is_of_upload(stored) and not _is_of_upload(payload):
        return payload, raw.after(payload.taken_at, current)
    if stored.source in _FOREIGN and _agree(known, payload):
        return _merged(payload, known), raw.after(payload.taken_at, current)
    if payload.taken_at > current.extracted_at or keep_older:
        return payload, payload.taken_at
    if force:
        return payload, raw.after(payload.taken_at, current)
    raise PayloadError(
        f"{payload.name} differs from the snapshot stored of playlist {payload.playlist_id} on {payload.day} "
        f"({current}), which is not older: use --force to replace it."
    )


def _merged(one: Payload, other: Payload) -> Payload:
    """`one` with the entries it lacks from `other`, and its metadata where `one` has none."""
    pages = (*one.pages, *_missing(one.entries, other.pages))
    last = max((one, other), key=lambda each: max((page.offset for page in each.pages), default=0))
    return replace(
        one,
        playlist=other.playlist if one.is_bare else one.playlist,
        total=max(one.total, other.total),
        pages=tuple(sorted(pages, key=lambda page: page.offset)),
        complete=last.complete,
    )


def _is_of_upload(what: Payload | Snapshot) -> bool:
    return what.dated_by == "upload"


def _current(store: ObjectStore, payload: Payload) -> RawKey | None:
    stored = store.list(raw_playlist_prefix(payload.day, payload.playlist_id))
    return raw.newest(parse_raw_key(each.key) for each in stored).get(payload.playlist_id)


def _as_payload(stored: Snapshot, name: str) -> Payload:
    return Payload(
        name=name,
        playlist_id=stored.playlist_id,
        day=stored.day,
        taken_at=stored.extracted_at,
        playlist=stored.playlist,
        total=stored.total,
        pages=stored.pages,
        complete=stored.complete,
        dated_by=stored.dated_by,
        notes=stored.notes,
    )


def _covers(stored: Snapshot, payload: Payload) -> bool:
    """Whether everything in the payload stands in the stored snapshot already."""
    known = _as_payload(stored, payload.name)
    if not payload.is_bare and payload.playlist != known.playlist:
        return False
    entries = known.entries
    return payload.total == known.total and all(
        position in entries and entries[position] == entry for position, entry in payload.entries.items()
    )


def _agree(one: Payload, other: Payload) -> bool:
    """Whether the two can be parts of one playlist: the same totals, no position with two different entries."""
    if (
        one.total != other.total
        or abs(one.taken_at - other.taken_at) > PAGES_TAKEN_WITHIN
        or not (one.is_bare or other.is_bare or one.playlist == other.playlist)
    ):
        return False
    entries = other.entries
    return all(entries.get(position, entry) == entry for position, entry in one.entries.items())


def _missing(entries: dict[int, Json], pages: Sequence[Page]) -> list[Page]:
    """The parts of `pages` at positions that `entries` lacks, as pages."""
    missing = []
    for page in pages:
        items = page.items
        lacking = [index for index in range(len(items)) if page.offset + index not in entries]
        if len(lacking) == len(items):
            missing.extend([page] if items else [])
            continue
        # Consecutive indexes minus their rank are equal: each group is one gap.
        for _, group in groupby(enumerate(lacking), key=lambda pair: pair[1] - pair[0]):
            run = [index for _, index in group]
            offset = page.offset + run[0]
            missing.append(Page(offset, {**page.body, "offset": offset, "items": items[run[0] : run[-1] + 1]}))
    return missing


def _snapshot(payload: Payload, source: Literal["import", "landing"]) -> Snapshot:
    content = json.dumps(
        [
            payload.playlist_id,
            payload.day.isoformat(),
            payload.playlist,
            [[page.offset, page.body] for page in payload.pages],
        ]
    )
    run_id = f"{raw.UPLOAD if _is_of_upload(payload) else source}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return Snapshot(
        day=payload.day,
        playlist_id=payload.playlist_id,
        extracted_at=payload.taken_at,
        run_id=run_id,
        source=source,
        playlist=payload.playlist,
        total=payload.total,
        pages=payload.pages,
        complete=payload.complete,
        dated_by=payload.dated_by,
        notes=payload.notes,
    )
