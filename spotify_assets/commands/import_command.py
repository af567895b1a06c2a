"""`spotify-assets import`: what people kept of Spotify, brought in as snapshots."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from spotify_assets.commands import terminal
from spotify_assets.lake import state
from spotify_assets.settings import Settings, load_settings
from spotify_assets.spotify.archives.git_history import read_history
from spotify_assets.spotify.importing import ImportReport, Rules, import_files, import_versions
from spotify_assets.spotify.playlists import parse_playlist
from spotify_assets.storage.object_store import ObjectStore

_EXAMPLES = 3
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("import")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.option("--playlist-id", metavar="P", help="Playlist of files that don't say it: an id, URI or link.")
@click.option("--date", "day", type=_DAY, metavar="D", help="Snapshot date, instead of the file's own.")
@click.option("--force", is_flag=True, help="Replace a different snapshot of the same playlist and date.")
@click.option(
    "--git",
    "repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="REPO",
    help="Every version in the history of a git repository, each as of its commit's UTC day.",
)
@click.option(
    "--path", "paths", multiple=True, metavar="PATH", help="Only this file or folder of REPO; may be repeated."
)
@click.option("--since", type=_DAY, metavar="D", help="Only versions from this day on.")
@click.option("--fill", is_flag=True, help="REPO's scrape ran every day: days without a commit were seen unchanged.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
def command(
    files: tuple[Path, ...],
    playlist_id: str | None,
    day: dt.datetime | None,
    force: bool,
    repository: Path | None,
    paths: tuple[str, ...],
    since: dt.datetime | None,
    fill: bool,
    as_json: bool,
) -> None:
    """Bring what you kept of Spotify in as snapshots.

    FILE is a file or a folder of files: Spotify's JSON of any shape and year, plain or gzip (playlists, lists of them,
    API pages), JSON lines, backups of spotify-backup, CSV of Exportify, raw snapshots of this platform, and zip or tar
    archives of these. Playlist and date are taken from the content, the file's name and its folders. With --git, the
    files are all versions of a repository's files, also of the public playlist archive. Importing again changes
    nothing.
    """
    known = parse_playlist(playlist_id) if playlist_id else None
    if playlist_id and known is None:
        raise click.BadParameter(f"{playlist_id!r} is no playlist id, URI or link.", param_hint="--playlist-id")
    if not files and repository is None:
        raise click.UsageError("Say what to import: FILE…, or --git REPO.")
    if repository is None and (paths or since or fill):
        raise click.UsageError("--path, --since and --fill are about the history that --git reads.")
    settings = load_settings()
    rules = Rules(dt.datetime.now(dt.UTC).date(), known, day and day.date(), force)
    report = ImportReport()
    open_store = partial(ObjectStore.open, settings.lake, endpoint_url=settings.aws_endpoint_url)
    store = open_store()
    with Progress(console=Console(highlight=False, markup=False, stderr=True), transient=True) as progress:
        task = progress.add_task("Importing", total=None)
        if files:
            report.add(import_files(store, files, rules, lambda done: progress.update(task, completed=done)))
        if repository is not None:
            history = read_history(repository, paths, since and since.date(), fill=fill)
            if history.is_shallow:
                report.remarks.append(
                    f"{repository} is a shallow clone: 'git fetch --unshallow' brings older versions."
                )
            progress.update(task, total=len(history.versions))
            report.add(
                import_versions(
                    store,
                    open_store,
                    repository,
                    history.versions,
                    rules,
                    lambda done: progress.update(task, completed=done),
                )
            )
        if report.new:
            from spotify_assets.local.imports import record_import

            record_import(settings, report)
    if as_json:
        terminal.write(json.dumps(_record(report), indent=1) + "\n")
    _print(report, settings, store)
    if report.refused:
        raise click.exceptions.Exit(1)


def _record(report: ImportReport) -> dict[str, object]:
    """The whole report, JSON-ready."""
    return {
        "files": report.files,
        "snapshots": [
            {
                "playlist_id": each.playlist_id,
                "date": each.day.isoformat(),
                "key": each.key,
                "is_new": each.written,
                "entries": each.entries,
                "total": each.total,
                "note": each.note,
            }
            for each in report.adopted
        ],
        "refused": [{"name": each.name, "reason": each.reason} for each in report.refused],
        "not_looked_at": dict(report.ignored),
        "remarks": report.remarks,
    }


def _print(report: ImportReport, settings: Settings, store: ObjectStore) -> None:
    """The report for people, on standard error: names of files are shown exactly, and do nothing to a terminal."""
    say, say_marked = partial(terminal.say, err=True), partial(terminal.say_marked, err=True)
    groups: dict[str, list[int]] = {}
    for number, each in enumerate(report.refused):
        groups.setdefault(each.group, []).append(number)
    for numbers in groups.values():
        alike = [report.refused[number] for number in numbers]
        if len(alike) == 1:
            say_marked("refused  ", "red", alike[0].reason)
            continue
        say_marked("refused  ", "red", f"{len(alike)} alike: {alike[0].reason}")
        also = ", ".join(each.name for each in alike[1:_EXAMPLES])
        more = f", and {len(alike) - _EXAMPLES} more" if len(alike) > _EXAMPLES else ""
        say(f"         also {also}{more}")
    partial_ones = [each for each in report.adopted if each.note]
    for each in partial_ones[: _EXAMPLES if len(partial_ones) > 2 * _EXAMPLES else None]:
        say_marked("partial  ", "yellow", f"{each.playlist_id} on {each.day} {each.note}")
    if len(partial_ones) > 2 * _EXAMPLES:
        say_marked("partial  ", "yellow", f"and {len(partial_ones) - _EXAMPLES} more; --json lists all")
    if report.ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(report.ignored.items()))
        say(f"Not looked at: {kinds}.")
    for remark in report.remarks:
        say(remark)
    new = report.new
    say(
        f"{report.files} files: {len(new)} snapshots imported ({sum(each.entries for each in new)} entries), "
        f"{len(report.adopted) - len(new)} unchanged, {len(report.refused)} refused."
    )
    days = sorted({each.day for each in new})
    if days:
        _say_what_next(say, days[0], days[-1], settings, store)


def _say_what_next(
    say: Callable[[str], None], first: dt.date, last: dt.date, settings: Settings, store: ObjectStore
) -> None:
    start = settings.partitions_start
    if first < start and settings.lake_url is not None:
        earliest = min([first, *state.raw_days(store)[:1]])
        say(f"Snapshots before {start} have no partition: set PARTITIONS_START={earliest} before building.")
    else:
        say(f"Next: spotify-assets build --from {first} --to {last}")
