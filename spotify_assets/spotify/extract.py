"""One day's snapshots: which playlists are read, carried forward or kept, in parallel, each failing alone.

Free of Dagster. How one playlist is read belongs in `reading`, how one call is made in `client`, what each may spend in
`allowance`, what need not be read again in `carrying`, what is remembered of it in `tracking`, how a snapshot is stored
in `snapshot`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.lake.layout import RawKey, answer_key
from spotify_assets.redaction import printable
from spotify_assets.spotify import carrying, tracking
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.allowance import Allowances
from spotify_assets.spotify.client import SpotifyClient
from spotify_assets.spotify.errors import (
    PlaylistUnreadableError,
    SpotifyUnavailableError,
    in_utc,
)
from spotify_assets.spotify.listing import Listing, patient_list
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.reading import PlaylistCalls, identity, read_playlist
from spotify_assets.spotify.report import ExtractionReport, PlaylistOutcome, Status
from spotify_assets.spotify.snapshot import JsonObject, Snapshot, SourceName
from spotify_assets.spotify.tracking import Playlists, Tracked, Tracking
from spotify_assets.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

PATIENCE = (10.0, 60.0)
"""Seconds, after everything else was read, before a playlist that was refused is asked again in the same run."""

_PROGRESS_SECONDS = 5.0


@dataclass(kw_only=True)
class _Extraction:
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
    listing: Listing
    known: Playlists
    allowances: Allowances

    def of(self, playlist_id: str) -> Tracked:
        """How the playlist stood when the run began."""
        return self.known.of(playlist_id, self.day)


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

    A playlist with a snapshot of the day is kept as it is unless `refresh`, or unless it is known not to be whole. Each
    snapshot is stored as soon as its playlist is read, so that a retry reads only what is missing. Playlists not read
    for longest come first, those refused today last. `extracted_at` (UTC) replaces the clock where the source is not of
    this world (the sandbox): there nothing is remembered, and a refusal is final. Raises nothing of Spotify's: see
    `ExtractionReport.raise_if_unfinished`.
    """
    started = client.clock.monotonic()
    shared = Tracking(store if extracted_at is None else None)
    before = shared.read()
    listing = _listing(client, selection, before, day)
    ids = tuple(dict.fromkeys((*selection.ids, *listing.playlists, *listing.missing)))
    if not ids and client.stopped.is_set():
        ids = tuple(before.on(day))
    known = shared.begin(day, client.clock.now(), ids, listing.playlists)
    of_day = raw.newest_of_day(store, day)
    stored = {playlist_id: key for playlist_id, key in of_day.items() if not raw.is_of_upload(key)}
    wanted = [playlist_id for playlist_id in ids if refresh or playlist_id not in stored]
    with _pools(client) as (playlists, pages):
        job = _Extraction(
            client=client,
            store=store,
            day=day,
            run_id=run_id,
            source=source,
            extracted_at=extracted_at,
            refresh=refresh,
            pages=pages,
            stored=stored,
            earlier={} if client.stopped.is_set() else carrying.earlier(store, day, wanted),
            listing=listing,
            known=known,
            allowances=_allowances(client, known, ids, day),
        )
        outcomes = _run(job, ids, playlists, on_progress, patience=() if extracted_at else PATIENCE)
    now = client.clock.now()
    after = shared.update(day, lambda latest: {one.playlist_id: _recorded(latest, one, day, now) for one in outcomes})
    return _report(job, outcomes, after, ended_at=now, seconds=client.clock.monotonic() - started)


def _listing(client: SpotifyClient, selection: PlaylistSelection, known: Playlists, day: dt.date) -> Listing:
    """The account's list, where it is asked for, with what it had on the days before and lacks now. What prevents it
    stops the client."""
    if not selection.mine:
        return Listing()
    before = known.listed_before(day)
    try:
        listing = patient_list(client, known=bool(before))
    except PlatformError as error:
        client.stop(error)
        return Listing()
    missing = {playlist_id: one for playlist_id, one in before.items() if playlist_id not in listing.playlists}
    return replace(listing, missing=missing)


@contextmanager
def _pools(client: SpotifyClient) -> Iterator[tuple[Executor, Executor]]:
    """Threads for playlists and for their pages. Calls in flight end by their own timeout; nobody waits for them after
    a stop."""
    pools = ThreadPoolExecutor(client.concurrency), ThreadPoolExecutor(client.concurrency)
    try:
        yield pools
    finally:
        for pool in pools:
            pool.shutdown(wait=not client.stopped.is_set(), cancel_futures=True)
        client.ledger.settle()


def _report(
    job: _Extraction,
    outcomes: Sequence[PlaylistOutcome],
    after: Playlists,
    *,
    ended_at: dt.datetime,
    seconds: float,
) -> ExtractionReport:
    client, limit = job.client, job.client.ledger.limit
    ids = [one.playlist_id for one in outcomes]
    return ExtractionReport(
        day=job.day,
        outcomes=tuple(outcomes),
        stats=client.stats,
        seconds=seconds,
        listing=job.listing,
        tracked={playlist_id: after.tracked[playlist_id] for playlist_id in ids if playlist_id in after.tracked},
        remembers=job.extracted_at is None,
        ended_at=ended_at,
        token_refreshes=client.tokens.refreshes,
        most_in_flight=client.gate.most_in_flight,
        spent=sum(client.ledger.state().calls.values()) if limit else None,
        limit=limit,
        stopped_by=client.stopped_by,
    )


def _allowances(client: SpotifyClient, known: Playlists, ids: Sequence[str], day: dt.date) -> Allowances:
    limit = client.ledger.limit
    left = None if limit is None else limit - sum(client.ledger.state().calls.values())
    return Allowances(left, limit, {playlist_id: known.of(playlist_id, day).size for playlist_id in ids})


def _recorded(latest: Playlists, outcome: PlaylistOutcome, day: dt.date, now: dt.datetime) -> Tracked:
    """How a playlist stands after this outcome."""
    one = latest.of(outcome.playlist_id, day)
    if outcome.status in ("read", "carried", "kept"):
        if one.standing == "stored" and outcome.status == "kept":
            return one
        entries = outcome.entries if outcome.status in ("read", "carried") else None
        return tracking.stored(one, entries=entries, name=outcome.name, now=now, complete=outcome.complete)
    if outcome.status == "unreadable":
        if one.standing == "refused" and not outcome.refused:
            return one  # it was not asked again
        return tracking.refused(one, said=outcome.detail, where=outcome.where, name=outcome.name, now=now)
    return tracking.failed(one, said=outcome.detail, now=now, asked=outcome.status == "failed")


def _run(
    job: _Extraction,
    ids: Sequence[str],
    pool: Executor,
    on_progress: Callable[[str], None],
    *,
    patience: Sequence[float],
) -> list[PlaylistOutcome]:
    """The outcome of every playlist, in the order of `ids`. What Spotify refused is asked again when all else is done.

    A playlist refused for days is asked once; one refused earlier today is asked once in this run.
    """
    known = {playlist_id: _known(job, playlist_id) for playlist_id in ids}
    outcomes = {playlist_id: one for playlist_id, one in known.items() if one}
    outcomes |= _round(job, _in_turn(job, (one for one in ids if one not in outcomes)), pool, on_progress)
    for pause in patience:
        again = [
            one.playlist_id
            for one in outcomes.values()
            if one.refused and not job.of(one.playlist_id).is_long_refused and not job.of(one.playlist_id).tries
        ]
        if not again or job.client.stopped.is_set():
            break
        job.client.clock.sleep(pause, job.client.stopped)
        for playlist_id in again:
            job.allowances.again(playlist_id)
        outcomes |= _round(job, again, pool, on_progress)
    return [outcomes[playlist_id] for playlist_id in ids]


def _in_turn(job: _Extraction, ids: Iterable[str]) -> list[str]:
    """Those refused or failed today last; else those not read for longest first."""

    def place(playlist_id: str) -> tuple[int, dt.date]:
        one = job.of(playlist_id)
        return one.tries + one.refused_days, one.read_on or dt.date.min

    return sorted(ids, key=place)


def _round(
    job: _Extraction, ids: Sequence[str], pool: Executor, on_progress: Callable[[str], None]
) -> dict[str, PlaylistOutcome]:
    """Each playlist asked once; says every few seconds how far it has come."""
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
    return {
        playlist_id: finished.get(playlist_id)
        or PlaylistOutcome(playlist_id=playlist_id, status="not reached", detail=cause)
        for playlist_id in ids
    }


def _known(job: _Extraction, playlist_id: str) -> PlaylistOutcome | None:
    """The outcome of a playlist that needs no call, and that no trouble of the others can take away; else None."""
    if job.refresh:
        return None
    known = job.of(playlist_id)
    name = _name(job.listing.playlists.get(playlist_id)) or known.name
    kept = job.stored.get(playlist_id)
    is_incomplete = known.standing == "open" and known.first_verdict is not None
    if kept and not is_incomplete:
        return PlaylistOutcome(playlist_id=playlist_id, status="kept", name=name, key=str(kept))
    if known.standing == "refused":
        detail = f"{known.said} (asked {known.tries} times today)"
        return PlaylistOutcome(playlist_id=playlist_id, status="unreadable", name=name, detail=detail)
    return None


def _one(job: _Extraction, playlist_id: str) -> PlaylistOutcome:
    """Take one playlist's snapshot; its own failures become its outcome."""
    listed = job.listing.playlists.get(playlist_id)
    known = job.of(playlist_id)
    name = _name(listed) or known.name
    kept = job.stored.get(playlist_id)
    calls = PlaylistCalls(job.client, playlist_id, job.allowances.of(playlist_id))
    try:
        _require_the_day(job)
        earlier = job.earlier.get(playlist_id)
        if listed and earlier:
            carried = _carry(job, playlist_id, earlier, listed, None)
            if carried:
                return carried
        first_page = calls.page(0) if known.is_long_refused and known.where == "items" else None
        before = calls.metadata()
        name = _name(before) or name
        if earlier:
            carried = _carry(job, playlist_id, earlier, before, raw.without_paging(before))
            if carried:
                return carried
        return _read(job, calls, before, first_page)
    except PlaylistUnreadableError as error:
        return PlaylistOutcome(
            playlist_id=playlist_id,
            status="kept" if kept else "unreadable",
            key=str(kept) if kept else None,
            complete=not kept,
            name=name,
            detail=str(error),
            refused=error.refused,
            where=error.where,
        )
    except PlatformError as error:
        if isinstance(error, SpotifyUnavailableError) and error.body:
            _quarantine(job, playlist_id, error)
        status: Status = "not reached" if job.client.stopped.is_set() else "failed"
        return PlaylistOutcome(playlist_id=playlist_id, status=status, name=name, detail=str(error))
    finally:
        job.allowances.done(playlist_id)


def _require_the_day(job: _Extraction) -> None:
    """Raise TransientError when the day ended meanwhile: what Spotify says now is of another one."""
    if job.extracted_at is None and job.client.clock.now().date() != job.day:
        raise TransientError(f"{job.day} (UTC) ended before the playlist was read")


def _quarantine(job: _Extraction, playlist_id: str, error: SpotifyUnavailableError) -> None:
    """Keep the start of an answer that could not be used."""
    record = {"at": raw.format_time(job.client.clock.now()), "cause": str(error), "body": error.body}
    try:
        job.store.put(answer_key(job.day, playlist_id, job.run_id), json.dumps(record, indent=1).encode())
    except PlatformError as failure:  # what is only for diagnosis takes no other playlist with it
        log.warning("The start of an answer could not be kept: %s", failure)


def _read(job: _Extraction, calls: PlaylistCalls, before: JsonObject, first_page: raw.Page | None) -> PlaylistOutcome:
    playlist_id = calls.playlist_id
    known = job.of(playlist_id)
    read = read_playlist(calls, job.pages, before, first_page=first_page, known=known.size)
    now = job.extracted_at or job.client.clock.now()
    snapshot = Snapshot(
        day=job.day,
        playlist_id=playlist_id,
        extracted_at=now,
        run_id=job.run_id,
        source=job.source,
        playlist=raw.without_paging(read.playlist),
        total=read.total,
        pages=read.pages,
        complete=read.complete,
        dated_by="spotify",
    )
    outcome = PlaylistOutcome(
        playlist_id=playlist_id,
        status="read",
        name=_name(read.playlist),
        entries=snapshot.entries,
        reads=read.reads,
        detail=read.mismatch,
        complete=read.complete is not False,
    )
    kept = job.stored.get(playlist_id)
    if kept and not outcome.complete and not job.refresh and _same_entries(job.store, kept, snapshot):
        return replace(outcome, status="kept", key=str(kept), entries=0)
    key, size = raw.write(job.store, snapshot, raw.after(now, kept))
    return replace(outcome, key=key, bytes=size)


def _same_entries(store: ObjectStore, key: RawKey, snapshot: Snapshot) -> bool:
    """Whether the stored snapshot has the same entries, so that storing it again would say nothing new."""

    def entries(one: Snapshot) -> list[object]:
        return [identity(item) for page in one.pages for item in page.items]

    try:
        return entries(raw.read(store, key)) == entries(snapshot)
    except (FileNotFoundError, raw.SnapshotError):
        return False


def _carry(
    job: _Extraction, playlist_id: str, earlier: RawKey, seen: JsonObject, today: JsonObject | None
) -> PlaylistOutcome | None:
    """Carry the earlier snapshot to this day if `seen` (today's object, or its short form in a list) allows it.

    `today` replaces the stored metadata; None keeps it, as the short form lacks fields.
    """
    known = carrying.unchanged(job.store, earlier, seen, job.day)
    if known is None:
        return None
    stamp = raw.after(job.extracted_at or job.client.clock.now(), job.stored.get(playlist_id))
    key = RawKey(job.day, playlist_id, stamp, job.run_id)
    stored, size = raw.write_bytes(job.store, key, raw.carried(known, job.day, job.run_id, today))
    return PlaylistOutcome(
        playlist_id=playlist_id,
        status="carried",
        name=_name(today or known.playlist),
        key=stored,
        entries=known.total,
        bytes=size,
        detail=f"unchanged since it was read at {in_utc(known.extracted_at)}",
    )


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
        f"serves only today ({today}, UTC), and {known}",
        remedy=f"to rebuild tables from what is stored run `spotify-assets build --from {min(others)} --to "
        f"{max(others)}`; to add a snapshot made elsewhere use `spotify-assets import`",
    )


def _name(playlist: JsonObject | None) -> str:
    value = (playlist or {}).get("name")
    return printable(value)[:200] if isinstance(value, str) else ""
