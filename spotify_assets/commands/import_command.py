"""`spotify-assets import`: raw Spotify JSON of other systems, brought in as snapshots."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from spotify_assets.failures import PermanentError
from spotify_assets.settings import load_settings
from spotify_assets.spotify.adoption import Adopted, adopt, joined
from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.payloads import Payload, read_payloads
from spotify_assets.spotify.playlists import parse_playlist
from spotify_assets.storage.object_store import ObjectStore, open_lake

_BATCH = 64
_WRITERS = 8
_SUFFIXES = (".json", ".json.gz")


@dataclass
class ImportResult:
    """What became of the files: snapshots adopted (written or known), and refusals with their reasons."""

    adopted: list[Adopted] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE...")
@click.option("--playlist-id", metavar="P", help="Playlist of files that don't say it: an id, URI or link.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="D", help="Snapshot date, instead of the file name's."
)
@click.option("--force", is_flag=True, help="Replace a different snapshot of the same playlist and date.")
def command(files: tuple[Path, ...], playlist_id: str | None, day: dt.datetime | None, force: bool) -> None:
    """Bring existing raw Spotify JSON (any shape) in as snapshots.

    FILE is a .json or .json.gz file, or a folder of them: whole playlists, lists of playlists, or single API pages, of
    any year. Playlist and date are taken from the JSON and the file's name. Importing a file again changes nothing.
    """
    known = parse_playlist(playlist_id) if playlist_id else None
    if playlist_id and known is None:
        raise click.BadParameter(f"{playlist_id!r} is no playlist id, URI or link.", param_hint="--playlist-id")
    settings = load_settings()
    console = Console(highlight=False, stderr=True)
    store = open_lake(settings)
    paths = list(_expanded(files))
    today = dt.datetime.now(dt.UTC).date()
    result = ImportResult()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Importing", total=len(paths))
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            import_batch(store, batch, result, playlist_id=known, day=day and day.date(), today=today, force=force)
            progress.advance(task, len(batch))
    _report(console, result, settings.partitions_start, len(paths))
    if result.refused:
        raise click.exceptions.Exit(1)


def import_batch(
    store: ObjectStore,
    paths: Sequence[Path],
    result: ImportResult,
    *,
    playlist_id: str | None,
    day: dt.date | None,
    today: dt.date,
    force: bool,
) -> None:
    """Take a batch of files in, adding what became of each to `result`; pages of one playlist are put together."""
    payloads: list[Payload] = []
    for path in paths:
        try:
            payloads.extend(read_payloads(path.read_bytes(), str(path), playlist_id=playlist_id, day=day))
        except PayloadError as error:
            result.refused.append(str(error))
        except OSError as error:
            result.refused.append(f"{path} can't be read: {error.strerror or error}.")
    groups: dict[tuple[str, dt.date], list[Payload]] = defaultdict(list)
    for payload in joined(payloads):
        groups[payload.playlist_id, payload.day].append(payload)

    def take(group: Sequence[Payload]) -> list[Adopted | str]:
        outcomes: list[Adopted | str] = []
        for payload in group:
            try:
                outcomes.append(adopt(store, payload, source="import", today=today, force=force))
            except PermanentError as error:
                outcomes.append(str(error))
        return outcomes

    with ThreadPoolExecutor(_WRITERS) as pool:
        for outcomes in pool.map(take, groups.values()):
            for outcome in outcomes:
                if isinstance(outcome, Adopted):
                    result.adopted.append(outcome)
                else:
                    result.refused.append(outcome)


def _expanded(files: Sequence[Path]) -> Iterator[Path]:
    """The files themselves, and those in folders, in a fixed order."""
    for path in files:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.name.endswith(_SUFFIXES) and found.is_file())
        else:
            yield path


def _report(console: Console, result: ImportResult, partitions_start: dt.date, files: int) -> None:
    new = [each for each in result.adopted if each.written]
    for reason in result.refused:
        console.print(f"[red]refused[/red]  {escape(reason)}", soft_wrap=True)
    for each in result.adopted:
        if each.note:
            console.print(f"[yellow]partial[/yellow]  {each.playlist_id} on {each.day} {each.note}", soft_wrap=True)
    console.print(
        f"{files} files: {len(new)} snapshots imported ({sum(each.entries for each in new)} entries), "
        f"{len(result.adopted) - len(new)} unchanged, {len(result.refused)} refused.",
        soft_wrap=True,
    )
    days = sorted({each.day for each in new})
    if days and days[0] < partitions_start:
        console.print(
            f"Snapshots before {partitions_start} have no partition: set PARTITIONS_START={days[0]} before building.",
            soft_wrap=True,
        )
    elif days:
        console.print(f"Next: spotify-assets build --from {days[0]} --to {days[-1]}", soft_wrap=True)
