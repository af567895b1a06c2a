"""One day's snapshots: which playlists are read, carried forward or kept, in parallel, each failing alone.

Free of Dagster. How one playlist is read belongs in `reading`, how one call is made in `client`, how a snapshot is
stored in `snapshot`.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Literal

from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.lake.layout import RawKey
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.client import CallStats, ResourceError, SpotifyClient
from spotify_assets.spotify.errors import AccountError, PlaylistUnreadableError, PlaylistUnsettledError, in_utc
from spotify_assets.spotify.playlists import PlaylistSelection, parse_playlist
from spotify_assets.spotify.reading import metadata, read_playlist
from spotify_assets.spotify.snapshot import JsonObject, Snapshot, SourceName
from spotify_assets.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

FULL_READ_DAYS = 7
"""Attributes such as popularity change under an unchanged version id, so nothing is carried longer than this."""

OWNER_NOT_CARRIED = "spotify"
"""Spotify's own playlists change under the same version id (397 of 6,042 days in a real archive)."""

_CARRYABLE: frozenset[SourceName] = frozenset(("api", "sandbox", "carried"))
_PROGRESS_SECONDS = 5.0
_MOST_LIST_PAGES = 200

Status = Literal["read", "carried", "kept", "unreadable", "failed", "not reached"]


@dataclass(frozen=True)
class PlaylistOutcome:
    """What became of one playlist.

    `kept`: its snapshot of the day existed already. `unreadable`: a permanent failure of this playlist alone.
    `failed`: a transient one. `not reached`: extraction stopped before. `detail` says why, in words.
    """

    playlist_id: str
    status: Status
    name: str = ""
    key: str | None = None
    entries: int = 0
    bytes: int = 0
    reads: int = 0
    detail: str = ""


@dataclass(frozen=True)
class ExtractionReport:
    """One day's extraction. `seconds` of wall time; `spent` and `limit` of the rolling 24-hour budget, None without.

    `holes` counts the null elements of the account's playlist list. `stopped_by` ended extraction for everyone.
    """

    day: dt.date
    outcomes: tuple[PlaylistOutcome, ...]
    stats: CallStats
    seconds: float
    holes: int = 0
    token_refreshes: int = 0
    most_in_flight: int = 0
    spent: int | None = None
    limit: int | None = None
    stopped_by: PlatformError | None = None

    def having(self, *statuses: Status) -> list[PlaylistOutcome]:
        """The outcomes with one of the statuses."""
        return [outcome for outcome in self.outcomes if outcome.status in statuses]

    def raise_if_unfinished(self) -> None:
        """Raise what stopped extraction, or TransientError naming the playlists a retry still has to read."""
        if self.stopped_by:
            raise self.stopped_by
        failed = self.having("failed", "not reached")
        if failed:
            named = ", ".join(outcome.playlist_id for outcome in failed[:5]) + (" …" if len(failed) > 5 else "")
            raise TransientError(
                f"{len(failed)} of {len(self.outcomes)} playlists of {self.day} are still missing ({named}): a retry "
                f"reads only those. First cause: {failed[0].detail}"
            )


@dataclass
class _Job:
    """What all playlists of one extraction share."""

    client: SpotifyClient
    store: ObjectStore
    day: dt.date
    run_id: str
    source: SourceName
    extracted_at: dt.datetime | None
    refresh: bool
    pages: Executor
    stored: Mapping[str, RawKey]
    earlier: Mapping[str, RawKey]
    listed: Mapping[str, JsonObject] = field(default_factory=dict)


def extract(
    client: SpotifyClient,
    store: ObjectStore,
    day: dt.date,
    selection: PlaylistSelection,
    *,
    run_id: str,
    source: SourceName = "api",
    extracted_at: dt.datetime | None = None,
    refresh: bool = False,
    on_progress: Callable[[str], None] = log.info,
) -> ExtractionReport:
    """Take the snapshots of `day` that are missing, and report on every playlist.

    A playlist with a snapshot of the day is kept as it is unless `refresh`. Each snapshot is stored as soon as its
    playlist is read, so that a retry reads only what is missing. `extracted_at` (UTC) replaces the clock where the
    source is not of this world (the sandbox). Raises nothing of Spotify's: see `ExtractionReport.raise_if_unfinished`.
    """
    started = client.clock.monotonic()
    listed: dict[str, JsonObject] = {}
    holes = 0
    outcomes: list[PlaylistOutcome] = []
    try:
        if selection.mine:
            listed, holes = my_playlists(client)
    except PlatformError as error:
        client.stop(_as_account_error(error))
    ids = tuple(dict.fromkeys((*selection.ids, *listed)))
    stored = raw.newest_of_day(store, day)
    wanted = [playlist_id for playlist_id in ids if refresh or playlist_id not in stored]
    earlier = {} if client.stopped.is_set() else _earlier(store, day, wanted)
    pools = ThreadPoolExecutor(client.concurrency), ThreadPoolExecutor(client.concurrency)
    job = _Job(client, store, day, run_id, source, extracted_at, refresh, pools[1], stored, earlier, listed)
    try:
        outcomes = _run(job, ids, pools[0], on_progress)
    finally:
        for pool in pools:  # calls in flight end by their own timeout; nobody waits for them after a stop
            pool.shutdown(wait=not client.stopped.is_set(), cancel_futures=True)
        client.ledger.settle()
    limit = client.ledger.limit
    return ExtractionReport(
        day,
        tuple(outcomes),
        client.stats,
        client.clock.monotonic() - started,
        holes,
        client.tokens.refreshes,
        client.gate.most_in_flight,
        sum(client.ledger.state().calls.values()) if limit else None,
        limit,
        client.stopped_by,
    )


def my_playlists(client: SpotifyClient) -> tuple[dict[str, JsonObject], int]:
    """The account's playlists by id, and how many null elements the list had; one call per fifty."""
    found: dict[str, JsonObject] = {}
    holes = seen = 0
    for _ in range(_MOST_LIST_PAGES):
        page = client.my_playlists(seen)
        items = page["items"]
        if not isinstance(items, list):
            break
        for item in items:
            playlist_id = item.get("id") if isinstance(item, dict) else None
            if isinstance(item, dict) and isinstance(playlist_id, str) and parse_playlist(playlist_id) == playlist_id:
                found[playlist_id] = item
            else:
                holes += 1
        seen += len(items)
        if not items or not page.get("next"):
            break
    return found, holes


def _as_account_error(error: PlatformError) -> PlatformError:
    if isinstance(error, ResourceError):
        return AccountError(
            f"Spotify does not list the account's playlists ({error.verdict.said}): SPOTIFY_PLAYLISTS='mine' needs "
            "the consent of a user; run `spotify-assets login`, or name the playlists."
        )
    return error


def _run(job: _Job, ids: Sequence[str], pool: Executor, on_progress: Callable[[str], None]) -> list[PlaylistOutcome]:
    """The outcome of every playlist, in the order of `ids`; says every few seconds how far it has come."""
    futures: dict[Future[PlaylistOutcome], str] = {
        pool.submit(_one, job, playlist_id): playlist_id for playlist_id in ids
    }
    pending = set(futures)
    said_at = job.client.clock.monotonic()
    while pending and not job.client.stopped.is_set():
        _, pending = wait(pending, timeout=_PROGRESS_SECONDS, return_when=FIRST_COMPLETED)
        if pending and job.client.clock.monotonic() - said_at >= _PROGRESS_SECONDS:
            said_at = job.client.clock.monotonic()
            stats = job.client.stats
            on_progress(
                f"{job.day}: {len(ids) - len(pending)} of {len(ids)} playlists, {sum(stats.calls.values())} calls, "
                f"{stats.retries} retries, {stats.waited:.0f} s waited"
            )
    finished = {futures[future]: future.result() for future in futures if future.done() and not future.cancelled()}
    cause = str(job.client.stopped_by or "")
    return [
        finished.get(playlist_id) or PlaylistOutcome(playlist_id, "not reached", detail=cause) for playlist_id in ids
    ]


def _one(job: _Job, playlist_id: str) -> PlaylistOutcome:
    """Take one playlist's snapshot; its own failures become its outcome."""
    listed = job.listed.get(playlist_id)
    name = _name(listed)
    kept = job.stored.get(playlist_id)
    if kept and not job.refresh:
        return PlaylistOutcome(playlist_id, "kept", name, str(kept))
    try:
        earlier = job.earlier.get(playlist_id)
        if listed and earlier:
            carried = _carry(job, playlist_id, earlier, listed, None)
            if carried:
                return carried
        before = metadata(job.client, playlist_id)
        name = _name(before) or name
        if earlier:
            carried = _carry(job, playlist_id, earlier, before, raw.without_paging(before))
            if carried:
                return carried
        return _read(job, playlist_id, before)
    except (PlaylistUnreadableError, PlaylistUnsettledError) as error:
        return PlaylistOutcome(playlist_id, "unreadable", name, detail=str(error))
    except PlatformError as error:
        status: Status = "not reached" if job.client.stopped.is_set() else "failed"
        return PlaylistOutcome(playlist_id, status, name, detail=str(error))


def _read(job: _Job, playlist_id: str, before: JsonObject) -> PlaylistOutcome:
    whole = read_playlist(job.client, job.pages, playlist_id, before)
    now = job.extracted_at or job.client.clock.now()
    snapshot = Snapshot(
        job.day, playlist_id, now, job.run_id, job.source, raw.without_paging(whole.playlist), whole.total, whole.pages
    )
    key, size = raw.write(job.store, snapshot, raw.after(now, job.stored.get(playlist_id)))
    return PlaylistOutcome(playlist_id, "read", _name(whole.playlist), key, snapshot.entries, size, whole.reads)


def _carry(
    job: _Job, playlist_id: str, earlier: RawKey, seen: JsonObject, today: JsonObject | None
) -> PlaylistOutcome | None:
    """Carry the earlier snapshot to this day if `seen` (today's object, or its short form in a list) allows it.

    `today` replaces the stored metadata; None keeps it, as the short form lacks fields.
    """
    owner = seen.get("owner")
    owner_id = owner.get("id") if isinstance(owner, dict) else None
    version = seen.get("snapshot_id")
    if not version or not owner_id or owner_id == OWNER_NOT_CARRIED:
        return None
    data = job.store.get_or_none(str(earlier))
    if data is None:
        return None
    known = raw.head_of(str(earlier), data)
    too_old = (job.day - known.extracted_at.date()).days >= FULL_READ_DAYS
    if known.version != version or known.source not in _CARRYABLE or too_old:
        return None
    stamp = raw.after(job.extracted_at or job.client.clock.now(), job.stored.get(playlist_id))
    key = RawKey(job.day, playlist_id, stamp, job.run_id)
    stored, size = raw.write_bytes(job.store, key, raw.carried(known, job.day, job.run_id, today))
    return PlaylistOutcome(
        playlist_id,
        "carried",
        _name(today or known.playlist),
        stored,
        known.total,
        size,
        detail=f"unchanged since it was read at {in_utc(known.extracted_at)}",
    )


def _earlier(store: ObjectStore, day: dt.date, playlist_ids: Iterable[str]) -> dict[str, RawKey]:
    """The newest snapshot of each playlist on the days before `day` that could still be carried; one listing a day."""
    missing = set(playlist_ids)
    found: dict[str, RawKey] = {}
    for back in range(1, FULL_READ_DAYS):
        if not missing:
            break
        of_day = raw.newest_of_day(store, day - dt.timedelta(days=back))
        found.update((playlist_id, of_day[playlist_id]) for playlist_id in missing & of_day.keys())
        missing -= of_day.keys()
    return found


def stored_for(store: ObjectStore, day: dt.date) -> list[str]:
    """The keys of the snapshots that exist of `day`, sorted."""
    return sorted(str(key) for key in raw.newest_of_day(store, day).values())


def require_today(store: ObjectStore, days: Sequence[dt.date], today: dt.date) -> None:
    """Raise PermanentError unless `days` is today alone (UTC): Spotify serves only the present."""
    others = [day for day in days if day != today]
    if not others:
        return
    first = others[0]
    have = stored_for(store, first)
    known = (
        f"its stored snapshots are {', '.join(have[:3])}{' …' if len(have) > 3 else ''}"
        if have
        else "nothing is stored for it"
    )
    raise PermanentError(
        f"Spotify can't be asked for {first}{f' and {len(others) - 1} more dates' if len(others) > 1 else ''}: it "
        f"serves only today ({today}, UTC), and {known}. To rebuild tables from what is stored run "
        f"`spotify-assets build --from {min(others)} --to {max(others)}`; to add a snapshot made elsewhere use "
        "`spotify-assets import`."
    )


def _name(playlist: JsonObject | None) -> str:
    value = (playlist or {}).get("name")
    return value if isinstance(value, str) else ""
