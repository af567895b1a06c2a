"""An invented playlist history, as the warehouse would hold it, and a way to fill one with it.

The marts are worked out here in plain Python from the snapshots, so that the dashboard can be tested without the lake
or the real marts.
"""

from __future__ import annotations

import datetime as dt
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Table, Type
from spotify_assets.dashboard.data import READS, DashboardData, put_together, read_dashboard_rows
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.schema import APPLIED, LOADS, create_table, is_view, prepare
from spotify_assets.warehouse.sql import FILE_FORMAT, literal, render

FIRST_DAY = dt.date(2026, 11, 8)

_ADJECTIVES = (
    "Paper",
    "Velvet",
    "Northern",
    "Silent",
    "Copper",
    "Hollow",
    "Electric",
    "Distant",
    "Marble",
    "Golden",
    "Slow",
    "Crooked",
    "Amber",
    "Salt",
    "Winter",
)
_NOUNS = (
    "Harbour",
    "Lanterns",
    "Orchard",
    "Signals",
    "Mirrors",
    "Rivers",
    "Satellites",
    "Gardens",
    "Engines",
    "Postcards",
    "Horses",
    "Islands",
)
_VERBS = (
    "Leaving",
    "Counting",
    "Holding",
    "Chasing",
    "Missing",
    "Drawing",
    "Waiting for",
    "Calling",
    "Burning",
    "Losing",
)


@dataclass(frozen=True)
class Song:
    song_id: str
    name: str
    artists: tuple[str, ...]
    year: int | None
    isrc: str | None = None


@dataclass
class World:
    """Songs by id, artists' names by id, playlists' names by id, and the entries of each snapshot in order."""

    songs: dict[str, Song] = field(default_factory=dict)
    artists: dict[str, str] = field(default_factory=dict)
    playlists: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, dict[dt.date, list[str | None]]] = field(default_factory=dict)
    partial: dict[tuple[str, dt.date], int] = field(default_factory=dict)
    """Spotify's total of the snapshots that were not read whole."""
    popularity: dict[dt.date, dict[str, int]] = field(default_factory=dict)
    """Of songs by date; where none is said, some of the latest date."""

    def song(self, name: str, *artists: str, year: int | None = 2024, isrc: str | None = None) -> str:
        """A new song's id; artists are made as needed, by name."""
        for artist in artists:
            self.artists[_artist_id(artist)] = artist
        song_id = f"song{len(self.songs):05d}"
        self.songs[song_id] = Song(song_id, name, tuple(map(_artist_id, artists)), year, isrc)
        return song_id

    def playlist(self, playlist_id: str, name: str, days: Mapping[dt.date, Sequence[str | None]]) -> None:
        """A playlist and its snapshots; None among the entries is one without a song."""
        self.playlists[playlist_id] = name
        self.snapshots[playlist_id] = {date: list(days[date]) for date in sorted(days)}


def _artist_id(name: str) -> str:
    return "artist" + name.encode().hex()[:40]


def day(number: int) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=number)


def invented_world(days: int = 14, charts: int = 3, seed: int = 7, *, archive: int = 2_300, length: int = 100) -> World:
    """Charts that change every day, an archive, a quiet list, a list that began today and an empty one."""
    dice = random.Random(seed)
    world = World()
    artists = list(dict.fromkeys(f"{dice.choice(_ADJECTIVES)} {dice.choice(_NOUNS)}" for _ in range(120)))
    pool = [_invented_song(world, dice, artists) for _ in range(900 + days * 4)]
    titles = ("Global Pulse 100", "Nordic Rotation", "Late Shift Radio")
    for number in range(charts):
        name = titles[number] if number < len(titles) else f"Chart {number:03d}"
        world.playlist(f"chart{number:03d}", name, _chart(dice, pool[number * 30 % 400 :], days, length))
    if archive:
        old = [world.song(f"Archive side {n}", artists[n % 40], year=1958 + n % 66) for n in range(archive)]
        world.playlist("archive", "Every Song We Ever Played", {day(n): [*old[days - n :]] for n in range(days)})
    world.playlist("quiet", "Sunday, slowly", {day(n): list(pool[:24]) for n in range(days) if n not in (4, 5)})
    world.playlist("today", "Began Today", {day(days - 1): list(pool[200:230])})
    world.playlist("empty", "Nothing Here Yet", {day(n): [] for n in range(days)})
    return world


def _invented_song(world: World, dice: random.Random, artists: list[str]) -> str:
    lead = artists[min(int(dice.paretovariate(0.55)) - 1, len(artists) - 1)]
    guests = [dice.choice(artists)] if dice.random() < 0.2 else []
    name = f"{dice.choice(_ADJECTIVES)} {dice.choice(_NOUNS)}"
    if dice.random() < 0.4:
        name = f"{dice.choice(_VERBS)} {name}"
    year = None if dice.random() < 0.04 else 2026 - int(abs(dice.gauss(0, 1 if dice.random() < 0.6 else 18)))
    return world.song(name, lead, *(guest for guest in guests if guest != lead), year=year)


def _chart(dice: random.Random, pool: list[str], days: int, length: int) -> dict[dt.date, list[str]]:
    """A chart where songs drift by a few places a day, some leap, and the weakest are replaced."""
    waiting = iter(pool)
    score = {next(waiting): float(place) for place in range(length)}
    drift = {song: dice.gauss(0, 0.9) for song in score}
    history: dict[dt.date, list[str]] = {}
    for number in range(days):
        history[day(number)] = sorted(score, key=lambda song: score[song])
        for song in score:
            score[song] += drift[song] * (0.3 + score[song] / length) + dice.gauss(0, 0.7 + score[song] / length * 1.6)
        for song in sorted(score, key=lambda one: -score[one])[: dice.randrange(0, max(2, length // 14))]:
            fresh = next(waiting, None)
            if fresh is None:
                break
            del score[song]
            score[fresh] = dice.triangular(5, length, length)
            drift[fresh] = dice.gauss(-0.6, 1.6)
    return history


def warehouse_rows(world: World) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table the dashboard reads, by `schema.table`, in the contract's column order."""
    rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    for playlist_id, history in world.snapshots.items():
        for date, entries in history.items():
            rows["lake.playlists"].append(
                _row(
                    LAKE_TABLES["playlists"],
                    snapshot_date=date,
                    playlist_id=playlist_id,
                    name=world.playlists[playlist_id],
                    item_count=max(len(entries), world.partial.get((playlist_id, date), 0)),
                    entry_count=len(entries),
                    is_complete=(playlist_id, date) not in world.partial,
                )
            )
            for position, song_id in enumerate(entries):
                rows["lake.playlist_items"].append(
                    _row(
                        LAKE_TABLES["playlist_items"],
                        snapshot_date=date,
                        playlist_id=playlist_id,
                        position=position,
                        item_type="track" if song_id else "episode",
                        song_id=song_id,
                    )
                )
        if history:
            rows["spotify.playlists"].append(
                _row(
                    DIMENSIONS["playlists"],
                    playlist_id=playlist_id,
                    name=world.playlists[playlist_id],
                    owner_name="The Desk",
                    first_seen_on=min(history),
                    last_seen_on=max(history),
                )
            )
        rows["analytics.playlist_changes"] += _changes(world, playlist_id, history)
        rows["analytics.song_runs"] += _runs(world, playlist_id, history)
    for song in world.songs.values():
        key = {"song_id": song.song_id, "last_seen_on": _last_seen(world, song.song_id)}
        rows["spotify.songs"].append(
            _row(DIMENSIONS["songs"], **key, name=song.name, album_id=song.song_id, isrc=song.isrc)
        )
        released = dt.date(song.year, 1, 1) if song.year else None
        rows["spotify.albums"].append(_row(DIMENSIONS["albums"], album_id=song.song_id, release_date=released))
        for position, artist_id in enumerate(song.artists):
            rows["spotify.song_artists"].append(
                _row(DIMENSIONS["song_artists"], **key, artist_id=artist_id, position=position)
            )
    for artist_id, name in world.artists.items():
        seen = [_last_seen(world, song.song_id) for song in world.songs.values() if artist_id in song.artists]
        last_seen_on = max(seen, default=FIRST_DAY)
        rows["spotify.artists"].append(
            _row(DIMENSIONS["artists"], artist_id=artist_id, name=name, last_seen_on=last_seen_on)
        )
    for date in _by_day(world):
        rows["spotify.applied_loads"] += [
            _row(APPLIED, table_name=name, snapshot_date=date, run_id="r")
            for name in ("songs", "albums", "artists", "song_artists")
        ]
        rows["lake.loads"] += [
            _row(LOADS, table_name=name, snapshot_date=date, run_id="r") for name in ("playlists", "playlist_items")
        ]
    rows["analytics.song_popularity"] = _popularity(world)
    return rows


def _last_seen(world: World, song_id: str) -> dt.date:
    days = (day for history in world.snapshots.values() for day, entries in history.items() if song_id in entries)
    return max(days, default=FIRST_DAY)


_EMPTY: dict[Type, object] = {
    Type.STRING: "",
    Type.INTEGER: 0,
    Type.FLOAT: 0.0,
    Type.BOOLEAN: False,
    Type.DATE: FIRST_DAY,
    Type.TIMESTAMP: dt.datetime(2026, 11, 8),  # noqa: DTZ001 - the contract's timestamps carry no zone
}


def _row(table: Table, **values: object) -> tuple[object, ...]:
    """A row of the table: the values given, else null where allowed, else an empty value."""
    return tuple(
        values[column.name] if column.name in values else None if column.nullable else _EMPTY[column.type]
        for column in table.columns
    )


def _names(world: World, song_id: str) -> dict[str, object]:
    song = world.songs[song_id]
    return {"song_name": song.name, "artist_name": world.artists[song.artists[0]] if song.artists else None}


def _places(entries: list[str | None]) -> dict[tuple[str, int], int]:
    """(song, occurrence) to position."""
    seen: Counter[str] = Counter()
    places = {}
    for position, song_id in enumerate(entries):
        if song_id is not None:
            seen[song_id] += 1
            places[song_id, seen[song_id]] = position
    return places


def _changes(world: World, playlist_id: str, history: dict[dt.date, list[str | None]]) -> list[tuple[object, ...]]:
    rows = []
    dates = list(history)
    for previous, date in pairwise(dates):
        before, now = _places(history[previous]), _places(history[date])
        for key in sorted(before.keys() | now.keys()):
            old, new = before.get(key), now.get(key)
            if old != new:
                change = "entered" if old is None else "left" if new is None else "moved"
                rows.append(
                    _row(
                        MARTS["playlist_changes"],
                        snapshot_date=date,
                        playlist_id=playlist_id,
                        song_id=key[0],
                        occurrence=key[1],
                        change=change,
                        previous_date=previous,
                        from_position=old,
                        to_position=new,
                        **_names(world, key[0]),
                    )
                )
    return rows


def _runs(world: World, playlist_id: str, history: dict[dt.date, list[str | None]]) -> list[tuple[object, ...]]:
    dates = list(history)
    present: dict[str, list[int]] = defaultdict(list)
    best: dict[str, int] = {}
    for number, date in enumerate(dates):
        for (song_id, _), position in _places(history[date]).items():
            if not present[song_id] or present[song_id][-1] != number:
                present[song_id].append(number)
            best[song_id] = min(best.get(song_id, position), position)
    rows = []
    for song_id, days in present.items():
        breaks = sum(1 for a, b in pairwise(days) if b != a + 1)
        runs = Counter(number - index for index, number in enumerate(days))
        rows.append(
            _row(
                MARTS["song_runs"],
                playlist_id=playlist_id,
                song_id=song_id,
                first_on=dates[days[0]],
                last_on=dates[days[-1]],
                days_present=len(days),
                longest_run=max(runs.values()),
                best_position=best[song_id],
                re_entries=breaks,
                is_present=days[-1] == len(dates) - 1,
                **_names(world, song_id),
            )
        )
    return rows


def _by_day(world: World) -> dict[dt.date, dict[str, list[str]]]:
    days: dict[dt.date, dict[str, list[str]]] = defaultdict(dict)
    for playlist_id, history in world.snapshots.items():
        for date, entries in history.items():
            days[date][playlist_id] = [song_id for song_id in entries if song_id]
    return dict(sorted(days.items()))


def _popularity(world: World) -> list[tuple[object, ...]]:
    dates = list(_by_day(world))
    latest = {song_id: 50 + number % 9 for number, song_id in enumerate(list(world.songs)[:40])}
    shown = world.popularity or ({dates[-1]: latest} if len(dates) > 1 else {})
    return [
        _row(
            MARTS["song_popularity"],
            snapshot_date=date,
            song_id=song_id,
            popularity=popularity,
            previous_popularity=54,
            change=popularity - 54,
            **_names(world, song_id),
        )
        for date, songs in shown.items()
        for song_id, popularity in songs.items()
    ]


TABLES = {f"{layer}.{table.name}": (layer, table) for layer, table in READS}


def fill_warehouse(folder: Path, rows: Mapping[str, list[tuple[object, ...]]]) -> EmbeddedWarehouse:
    """An embedded warehouse in `folder` with every table the dashboard reads, filled with the rows."""
    shutil.copytree(_empty().name, folder / "warehouse")
    warehouse = EmbeddedWarehouse(folder=str(folder / "warehouse"), database="SPOTIFY_ASSETS")
    store = ObjectStore.open((folder / "rows").as_uri())
    keys = {f"{name}.parquet": name for name, content in rows.items() if content}
    for key, name in keys.items():
        _write_parquet(TABLES[name][1], rows[name], folder / "rows" / key)
    if keys:
        with warehouse.session() as session, session.stage(store, list(keys)) as stage:
            for key, name in keys.items():
                layer, table = TABLES[name]
                target = f"FACTS.shown_{table.name}" if is_view(layer, table.name) else name
                session.execute(
                    render("lake_copy", target=target.upper(), stage=stage, files=literal(key), format=FILE_FORMAT)
                )
    return warehouse


def read_data(warehouse: EmbeddedWarehouse, store: ObjectStore | None = None, *, by_pack: bool = True) -> DashboardData:
    """The page's data, as the asset reads it."""
    return put_together(warehouse.run(lambda session: read_dashboard_rows(session, store, by_pack=by_pack)))


@cache
def _empty() -> tempfile.TemporaryDirectory[str]:
    """A warehouse with every table the dashboard reads, without rows; made once by a process."""
    folder = tempfile.TemporaryDirectory(prefix="empty_warehouse_")
    with EmbeddedWarehouse(folder=folder.name, database="SPOTIFY_ASSETS").session() as session:
        prepare(session, [pair for pair in TABLES.values() if not is_view(pair[0], pair[1].name)])
        for layer in ("FACTS", "ANALYTICS"):
            session.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        for layer, table in TABLES.values():
            if is_view(layer, table.name):  # what the view shows is worked out here, names included
                stored = Table(f"shown_{table.name}", table.description, table.key, table.columns)
                session.execute(create_table("facts", stored))
                session.execute(f"CREATE VIEW {layer}.{table.name} AS SELECT * FROM FACTS.{stored.name}")
    return folder


_ARROW = {
    Type.STRING: pa.string(),
    Type.INTEGER: pa.int64(),
    Type.FLOAT: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(),
    Type.TIMESTAMP: pa.timestamp("us"),
}


def _write_parquet(table: Table, rows: list[tuple[object, ...]], path: Path) -> None:
    schema = pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path)
