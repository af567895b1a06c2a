"""The raw layer: `raw/playlist_snapshots`, one write-once object per snapshot date and playlist.

How a snapshot is taken belongs in `spotify_assets.spotify`; here is only what Dagster has to know about it.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from glue_scripts.fingerprint import fingerprint
from spotify_assets.assets.metadata import OWNERS
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.insights import SPOTIFY_CALLS, SPOTIFY_ENTRIES
from spotify_assets.lake.layout import raw_day_prefix
from spotify_assets.markdown import escaped
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.spotify import SpotifyResource
from spotify_assets.retries import retried, speak_to_dagster

if TYPE_CHECKING:
    from spotify_assets.spotify.report import ExtractionReport, PlaylistOutcome

READABLE_CHECK = "playlists_readable"
LISTED_CHECK = "playlists_listed"
_SHOWN = 50
_FORMAT = ("spotify/extract.py", "spotify/reading.py", "spotify/snapshot.py")
"""What decides what a raw object holds."""

_DESCRIPTION = """
Every tracked playlist exactly as Spotify sent it: one gzip JSON-lines object per snapshot date × playlist, one line per
API page. Nothing is ever overwritten; the newest object of a date and playlist is the current one.

**Source:** the [Spotify Web API](https://developer.spotify.com/documentation/web-api/reference/get-playlists-items), or
the built-in sandbox. Spotify serves only the present: a date other than today can't be extracted, backfills start at
the lake. A playlist whose version id is unchanged is carried forward without reading its pages (at most 7 days).

**A playlist that can't be read** is asked again in the same run and through the day by the sensor
`unfinished_extraction`, until it is stored, refused twice hours apart, or the UTC day ends. The check
`playlists_readable` names it, with the day it last could be read; the others are kept. After a passing failure a retry
reads only what is missing. A run that stores nothing fails.

**A snapshot that is not whole** (pages that overlap, fewer entries than Spotify counts) is stored, marked as such, and
read again later in the day.
"""


RAW_LINE = dg.TableSchema(
    columns=[
        dg.TableColumn(name, kind, description=about, constraints=dg.TableColumnConstraints(nullable=nullable))
        for name, kind, nullable, about in (
            ("snapshot_date", "string", False, "The day the snapshot is of, YYYY-MM-DD (UTC)."),
            ("extracted_at", "string", False, "When the playlist was read, ISO 8601 in UTC."),
            ("run_id", "string", False, "The run that wrote the object."),
            ("source", "string", False, "Who answered: api, sandbox, import, landing or carried."),
            ("playlist", "json", False, "The playlist as Spotify describes it, its snapshot_id included."),
            ("offset", "int", False, "The place of the page's first entry in the playlist, from 0."),
            ("total", "int", False, "How many entries Spotify counts."),
            ("page", "json", False, "One page of entries, verbatim."),
            ("complete", "boolean", True, "Whether whoever wrote it knows the snapshot to be whole; absent: count."),
            ("dated_by", "string", True, "Who says of which day it is; absent: Spotify, by answering that day."),
        )
    ]
)
"""What one line of a raw object holds, as Dagster shows columns."""


class ExtractionConfig(dg.Config):
    """Options of one run."""

    refresh: bool = Field(default=False, description="Read playlists anew that have a snapshot of the date already")


def raw_assets(partitions: dg.DailyPartitionsDefinition, names: Names = PLAIN) -> list[dg.AssetsDefinition]:
    """The assets of the raw layer."""

    @dg.asset(
        key=names.snapshots,
        group_name=names.called("raw"),
        code_version=fingerprint("spotify_assets", _FORMAT),
        kinds={"api", "json", "s3"},
        owners=OWNERS,
        description=_DESCRIPTION,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=names.called("spotify_api"),
        metadata={
            "dagster/uri": raw_day_prefix(dt.date(2026, 1, 1)).replace("2026-01-01", "<date>"),
            "dagster/column_schema": RAW_LINE,
        },
        check_specs=[
            dg.AssetCheckSpec(
                READABLE_CHECK,
                asset=names.snapshots,
                description="Every tracked playlist could be read, and whole; names those that can't, with cause, "
                "remedy and the day they last could.",
            ),
            dg.AssetCheckSpec(
                LISTED_CHECK,
                asset=names.snapshots,
                description="The account's list of playlists (SPOTIFY_PLAYLISTS=mine) holds as many as Spotify counts "
                "and lacks none of the days before; names those that it lost. They are read all the same for a while.",
            ),
        ],
    )
    @names.bound
    @retried
    def playlist_snapshots(
        context: dg.AssetExecutionContext, config: ExtractionConfig, spotify: SpotifyResource, lake: LakeResource
    ) -> dg.MaterializeResult:
        days = run_dates(context)
        _require_answers_for(days, spotify, lake)
        reports = []
        for day in days:
            report = spotify.extract(
                lake.store, day, run_id=context.run_id, refresh=config.refresh, on_progress=context.log.info
            )
            metadata = report_metadata(report)
            context.log.info(summary(report))
            with speak_to_dagster(context, metadata):
                report.raise_if_unfinished()
            context.add_asset_metadata(
                {**metadata, "dagster/uri": lake.store.url(raw_day_prefix(day))},
                asset_key=names.snapshots,
                partition_key=day.isoformat(),
            )
            reports.append(report)
        return dg.MaterializeResult(check_results=[readable(reports, names), listed(reports, names)])

    return [playlist_snapshots]


def _require_answers_for(days: Sequence[dt.date], spotify: SpotifyResource, lake: LakeResource) -> None:
    from spotify_assets.spotify.extract import require_today

    if not spotify.is_sandbox:
        require_today(lake.store, days, spotify.today())


def summary(report: "ExtractionReport") -> str:
    """One line about a day's extraction, for the log."""
    counts = ", ".join(f"{len(report.having(status))} {status}" for status in _STATUSES if report.having(status))
    budget = f", {report.spent} of {report.limit} calls spent in 24 h" if report.limit else ""
    return f"{report.day}: {counts or 'no playlists'}; {sum(report.stats.calls.values())} calls{budget}"


_STATUSES = ("read", "carried", "kept", "unreadable", "failed", "not reached")


def report_metadata(report: "ExtractionReport") -> dict[str, dg.MetadataValue]:
    """What the UI shows and plots of a day's extraction. Seconds of wall time, bytes of response bodies."""
    stats = report.stats
    numbers: dict[str, int | float] = {
        "dagster/partition_row_count": sum(outcome.entries for outcome in report.outcomes),
        "playlists": len(report.having("read", "carried", "kept")),
        "carried": len(report.having("carried")),
        "kept": len(report.having("kept")),
        "unreadable": len(report.having("unreadable")),
        "incomplete": sum(not outcome.complete for outcome in report.outcomes),
        "failed": len(report.having("failed", "not reached")),
        "entries": sum(outcome.entries for outcome in report.outcomes),
        "bytes_stored": sum(outcome.bytes for outcome in report.outcomes),
        "bytes_received": stats.bytes,
        "calls": sum(stats.calls.values()),
        SPOTIFY_CALLS: sum(stats.calls.values()),
        SPOTIFY_ENTRIES: sum(outcome.entries for outcome in report.outcomes),
        "retries": stats.retries,
        "waits": stats.waits,
        "seconds_waited": round(stats.waited, 3),
        "seconds": round(report.seconds, 3),
        "token_refreshes": report.token_refreshes,
        "most_calls_in_flight": report.most_in_flight,
        **{f"calls: {endpoint}": count for endpoint, count in sorted(stats.calls.items())},
    }
    if report.limit is not None and report.spent is not None:
        numbers |= {"budget_spent": report.spent, "budget_left": max(0, report.limit - report.spent)}
    metadata: dict[str, dg.MetadataValue] = {
        name: dg.MetadataValue.float(value) if isinstance(value, float) else dg.MetadataValue.int(value)
        for name, value in numbers.items()
    }
    return metadata | {"by_playlist": dg.MetadataValue.md(_table(report.outcomes))}


def _table(outcomes: Sequence["PlaylistOutcome"]) -> str:
    rows = [
        f"| {escaped(one.playlist_id)} | {escaped(one.name)} | {one.status} | {one.entries} | {escaped(one.detail)} |"
        for one in outcomes[:_SHOWN]
    ]
    more = [f"| … {len(outcomes) - _SHOWN} more | | | | |"] if len(outcomes) > _SHOWN else []
    return "\n".join(["| playlist | name | what | entries | |", "| --- | --- | --- | ---: | --- |", *rows, *more])


def readable(reports: Sequence["ExtractionReport"], names: Names = PLAIN) -> dg.AssetCheckResult:
    """The check that names playlists which can't be read, or not whole; it warns and never blocks."""
    lines: dict[str, str] = {}  # of a range, the last day's words
    unreadable = incomplete = 0
    for report in reports:
        for outcome in report.outcomes:
            if outcome.status == "unreadable" or not outcome.complete:
                lines[outcome.playlist_id] = _said_of(outcome, report)
            unreadable += outcome.status == "unreadable"
            incomplete += not outcome.complete
    tracked = {outcome.playlist_id for report in reports for outcome in report.outcomes}
    return verdict(
        [Broken("every tracked playlist can be read, and whole", len(lines), [*lines.values()], "playlists")]
        if lines
        else [],
        fine=f"All {len(tracked)} tracked playlists could be read.",
        remedy="each says what would help, and whether it is asked again today; what was read is kept. A playlist that "
        "stays refused is taken out of SPOTIFY_PLAYLISTS, or the account is made its collaborator.",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"unreadable": unreadable, "incomplete": incomplete, "tracked": len(tracked)},
        shown=_SHOWN,
        asset=names.snapshots,
        name=READABLE_CHECK,
    )


def _said_of(outcome: "PlaylistOutcome", report: "ExtractionReport") -> str:
    """What is wrong with a playlist, since when, and whether it is asked again today."""
    known = report.tracked.get(outcome.playlist_id)
    name = f" ({outcome.name})" if outcome.name else ""
    said = outcome.detail
    if outcome.status != "unreadable":
        return f"Playlist {outcome.playlist_id}{name} is stored, and not whole: {said}."
    if known is None or known.refused_since is None or not report.remembers:
        return said
    last = f"last read on {known.read_on}" if known.read_on else "never read so far"
    since = f"refused since {known.refused_since:%Y-%m-%d %H:%M} UTC"
    more = "it is asked again today" if known.standing == "open" else f"asked {known.tries} times today, no more"
    return f"{said} It was {last}, {since}; {more}."


def listed(reports: Sequence["ExtractionReport"], names: Names = PLAIN) -> dg.AssetCheckResult:
    """The check that names what the account's list lost since the days before; it warns and never blocks."""
    lines = []
    for report in reports:
        listing = report.listing
        if listing.lacks:
            came = len(listing.playlists) + listing.holes
            lines.append(f"Spotify counts {listing.total} playlists of the account and listed {came}.")
        lines += [
            f"Playlist {playlist_id} ({one.name or 'no name'}) was on the account's list until "
            f"{one.listed_on} and is not any more"
            for playlist_id, one in listing.missing.items()
        ]
    return verdict(
        [Broken("the account's list holds what it held", len(lines), lines, "differences")] if lines else [],
        fine="The list of playlists lost nothing.",
        remedy="nothing, if they were removed on purpose; else name them in SPOTIFY_PLAYLISTS. They are still read for "
        "some days.",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "listed": sum(len(report.listing.playlists) for report in reports),
            "lost": sum(len(report.listing.missing) for report in reports),
        },
        shown=_SHOWN,
        asset=names.snapshots,
        name=LISTED_CHECK,
    )
