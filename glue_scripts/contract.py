"""The table contract: every table and column of the platform, as data.

Spark and Parquet schemas, Snowflake DDL, the Glue Data Catalog, Dagster column schemas and the checks are
generated from this module. It belongs here when it says what a table *is*; how a row is computed belongs in
`tables.py` (lake) or `spotify_assets/sql` (warehouse). Standard library only: the module is shipped to Glue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Type(Enum):
    """A column type, with its name in each system that stores the tables.

    Timestamps are UTC without a zone everywhere: Parquet's `isAdjustedToUTC=false` is what DuckDB, Spark's
    TIMESTAMP_NTZ and Snowflake's TIMESTAMP_NTZ read and write alike.
    """

    STRING = ("VARCHAR", "STRING", "VARCHAR", "string")
    INTEGER = ("BIGINT", "BIGINT", "NUMBER(38,0)", "bigint")
    FLOAT = ("DOUBLE", "DOUBLE", "FLOAT", "double")
    BOOLEAN = ("BOOLEAN", "BOOLEAN", "BOOLEAN", "boolean")
    DATE = ("DATE", "DATE", "DATE", "date")
    TIMESTAMP = ("TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_NTZ(6)", "timestamp")

    def __init__(self, duckdb: str, spark: str, snowflake: str, glue: str) -> None:
        self.duckdb = duckdb
        self.spark = spark
        self.snowflake = snowflake
        self.glue = glue


@dataclass(frozen=True)
class Column:
    """One column. `nullable=False` is enforced by a blocking check, not by the storage.

    `former` is for a column that came later: SQL over the row's other columns, for rows stored before it was there.
    """

    name: str
    type: Type
    description: str
    nullable: bool = False
    former: str | None = None


@dataclass(frozen=True)
class Reference:
    """`columns` of this table must exist as the key `target_columns` of `table` (on the same snapshot date).

    A NULL in `columns` refers to nothing and is allowed.
    """

    columns: tuple[str, ...]
    table: str
    target_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table: its key, its columns in storage order, and what its columns refer to."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _text(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.STRING, description, nullable)


def _integer(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.INTEGER, description, nullable)


def _flag(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.BOOLEAN, description, nullable)


def _date(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, Type.DATE, description, nullable)


SNAPSHOT_DATE = _date("snapshot_date", "UTC day of the snapshot the row was read from")
RUN_ID = _text("run_id", "Run that built the row; the date's commit record names the current one")

PLAYLIST_ID = _text("playlist_id", "Spotify id of the playlist")
SONG_ID = _text("song_id", "Spotify id of the track; the `spotify:local:…` uri for a local file")
ALBUM_ID = _text("album_id", "Spotify id of the album")
ARTIST_ID = _text("artist_id", "Spotify id of the artist")

_URL = _text("url", "Link to open.spotify.com", nullable=True)
_IMAGE_URL = _text("image_url", "First (largest) image; playlist image links expire within a day", nullable=True)


def _lake_table(
    name: str, description: str, key: tuple[Column, ...], *columns: Column, references: tuple[Reference, ...] = ()
) -> Table:
    """A table of the lake: its key and columns, framed by `snapshot_date` and `run_id`."""
    return Table(
        name=name,
        description=description,
        key=("snapshot_date", *(column.name for column in key)),
        columns=(SNAPSHOT_DATE, *key, *columns, RUN_ID),
        references=references,
    )


LAKE_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _lake_table(
            "playlists",
            "One row per snapshot date and playlist: what Spotify said about the playlist that day.",
            (PLAYLIST_ID,),
            _text("name", "Playlist name; may be empty"),
            _text("description", "Playlist description as Spotify sends it (HTML entities included)"),
            _text("owner_id", "User id of the owner; empty where the source did not say"),
            _text("owner_name", "Display name of the owner; empty where the source did not say"),
            _flag(
                "is_public",
                "Whether the playlist is on the owner's profile; null when Spotify does not say",
                nullable=True,
            ),
            _flag("is_collaborative", "Whether others may edit the playlist"),
            _integer("follower_count", "Followers; Spotify stopped sending it to new apps in 2026", nullable=True),
            _text("spotify_snapshot_id", "Spotify's version id of the playlist; empty for imports without one"),
            _integer("item_count", "Entries Spotify reported, removed and unreadable ones included"),
            Column(
                "entry_count", Type.INTEGER, "Entries in this snapshot: its rows of playlist_items", False, "item_count"
            ),
            Column(
                "is_complete",
                Type.BOOLEAN,
                "Whether the snapshot holds the whole playlist; absence in an incomplete one is no evidence",
                False,
                "TRUE",
            ),
            _URL,
            _IMAGE_URL,
            Column("extracted_at", Type.TIMESTAMP, "When the snapshot was read, UTC"),
        ),
        _lake_table(
            "playlist_items",
            "One row per snapshot date, playlist and position: the entries exactly as they stood.",
            (PLAYLIST_ID, _integer("position", "0-based position in the playlist")),
            _text("item_type", "`track`, `local`, `episode`, `missing` (removed by Spotify), or what Spotify sent"),
            _text("item_uri", "Spotify uri of the entry; null when missing", nullable=True),
            _text("song_id", "The song of a track or local entry", nullable=True),
            _text("name", "Title as shown in the playlist; null when missing", nullable=True),
            Column("added_at", Type.TIMESTAMP, "When it was added, UTC; null when Spotify does not know", True),
            _text("added_by", "User id of who added it; null when Spotify does not say", nullable=True),
            references=(
                Reference(("playlist_id",), "playlists", ("playlist_id",)),
                Reference(("song_id",), "songs", ("song_id",)),
            ),
        ),
        _lake_table(
            "songs",
            "One row per snapshot date and song found in any tracked playlist.",
            (SONG_ID,),
            _text("uri", "Spotify uri of the track or local file"),
            _text("name", "Title; empty when Spotify has withdrawn it"),
            _text("album_id", "The album it was listed on", nullable=True),
            _text("artist_id", "First credited artist that has an id", nullable=True),
            _integer("duration_ms", "Length in milliseconds; 0 when unknown, null when unreadable", nullable=True),
            _flag("is_explicit", "Marked explicit by Spotify; null when unreadable", nullable=True),
            _integer("popularity", "0 to 100; null where Spotify no longer sends it (0 is a value)", nullable=True),
            _text("isrc", "International Standard Recording Code; not unique per song", nullable=True),
            _integer("disc_number", "Disc on the album, from 1; 0 when unknown, null when unreadable", nullable=True),
            _integer("track_number", "Track on the disc, from 1; 0 when unknown, null when unreadable", nullable=True),
            _flag("is_local", "A local file of the playlist's owner"),
            _URL,
            references=(
                Reference(("album_id",), "albums", ("album_id",)),
                Reference(("artist_id",), "artists", ("artist_id",)),
            ),
        ),
        _lake_table(
            "albums",
            "One row per snapshot date and album of any song found.",
            (ALBUM_ID,),
            _text("name", "Album name; empty when Spotify has withdrawn it"),
            _text("album_type", "`album`, `single` or `compilation`", nullable=True),
            _date("release_date", "First day of the released period; null when unknown or impossible", nullable=True),
            _text("release_date_precision", "`day`, `month` or `year`", nullable=True),
            _text("release_date_text", "The release date exactly as Spotify sent it", nullable=True),
            _integer("total_tracks", "Tracks on the album", nullable=True),
            _URL,
            _IMAGE_URL,
        ),
        _lake_table(
            "artists",
            "One row per snapshot date and artist credited on a song or an album.",
            (ARTIST_ID,),
            _text("name", "Artist name; empty when Spotify has withdrawn it"),
            _URL,
        ),
        _lake_table(
            "song_artists",
            "One row per snapshot date and artist credit on a song.",
            (SONG_ID, ARTIST_ID),
            _integer("position", "0-based position among the song's credits"),
            references=(
                Reference(("song_id",), "songs", ("song_id",)),
                Reference(("artist_id",), "artists", ("artist_id",)),
            ),
        ),
        _lake_table(
            "album_artists",
            "One row per snapshot date and artist credit on an album.",
            (ALBUM_ID, ARTIST_ID),
            _integer("position", "0-based position among the album's credits"),
            references=(
                Reference(("album_id",), "albums", ("album_id",)),
                Reference(("artist_id",), "artists", ("artist_id",)),
            ),
        ),
    )
}
"""The seven tables of the lake, in build order; every reference points at another of them."""

_ONE_ROW_PER = {
    "songs": "song ever seen in a tracked playlist",
    "albums": "album of a song ever seen in a tracked playlist",
    "artists": "artist ever credited on a song or an album of a tracked playlist",
    "playlists": "playlist ever tracked",
    "song_artists": "artist credit on a song ever seen in a tracked playlist",
    "album_artists": "artist credit on an album ever seen in a tracked playlist",
}
DIMENSION_NAMES = ("songs", "albums", "artists", "playlists", "song_artists", "album_artists")


def _dimension(name: str) -> Table:
    """The warehouse table with one row per key: the latest attributes and the days it was first and last seen."""
    what = _ONE_ROW_PER[name]
    lake = LAKE_TABLES[name]
    key = tuple(column for column in lake.key if column != "snapshot_date")
    kept = tuple(column for column in lake.columns if column.name not in ("snapshot_date", "run_id"))
    return Table(
        name=name,
        description=f"One row per {what}: as it was on the latest snapshot date that has "
        "it, with its first and its last date.",
        key=key,
        columns=(
            *kept,
            _date("first_seen_on", "Earliest snapshot date it appeared on"),
            _date("last_seen_on", "Latest snapshot date it appeared on; the attributes are of that day"),
        ),
        references=lake.references,
    )


DIMENSIONS: dict[str, Table] = {name: _dimension(name) for name in DIMENSION_NAMES}
"""Schema SPOTIFY."""

_SONG_NAME = _text("song_name", "Latest known title")
_ARTIST_NAME = _text("artist_name", "Latest known name of the first credited artist", nullable=True)

MARTS: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "playlist_changes",
            "One row per song that entered, left or moved in a playlist since that playlist's previous whole snapshot. "
            "The first one of a playlist has no rows; days without a snapshot are not changes, and a snapshot that is "
            "known to be incomplete is not compared (playlist_health names it).",
            ("snapshot_date", "playlist_id", "song_id", "occurrence"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                SONG_ID,
                _integer("occurrence", "1 for the song's first place in the playlist, 2 for its second, …"),
                _text("change", "`entered`, `left` or `moved`"),
                _date("previous_date", "Date of the playlist's previous whole snapshot"),
                _integer("from_position", "0-based position before; null when it entered", nullable=True),
                _integer("to_position", "0-based position now; null when it left", nullable=True),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
        Table(
            "song_stays",
            "One row per unbroken stay of a song in a playlist, from its first whole snapshot to its last. A day "
            "without a whole snapshot of the playlist is neither presence nor absence.",
            ("playlist_id", "song_id", "first_on"),
            (
                PLAYLIST_ID,
                SONG_ID,
                _date("first_on", "Snapshot date on which the stay begins"),
                _date("last_on", "Last whole snapshot's date of the stay so far"),
                _integer("days_present", "Whole snapshots of the playlist in the stay"),
                _integer("best_position", "Smallest 0-based position in the stay"),
                _flag("is_open", "Whether it reaches to the playlist's latest whole snapshot"),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
        Table(
            "song_runs",
            "One row per playlist and song that ever stood in it: how long it stayed and how often it came back, "
            "summed over its stays.",
            ("playlist_id", "song_id"),
            (
                PLAYLIST_ID,
                SONG_ID,
                _date("first_on", "First snapshot date in the playlist"),
                _date("last_on", "Last snapshot date in the playlist"),
                _integer("days_present", "Snapshot dates it was in the playlist"),
                _integer("longest_run", "Most consecutive snapshots of the playlist it was in"),
                _integer("best_position", "Smallest 0-based position it ever had"),
                _integer("re_entries", "Times it came back after a snapshot without it"),
                _flag("is_present", "In the playlist's latest snapshot"),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
        Table(
            "artist_share",
            "One row per snapshot date and artist: how much of all tracked playlists is theirs that day.",
            ("snapshot_date", "artist_id"),
            (
                SNAPSHOT_DATE,
                ARTIST_ID,
                _text("artist_name", "Latest known name"),
                _integer("slots", "Playlist entries whose song credits the artist"),
                _integer("songs", "Distinct songs crediting the artist"),
                _integer("playlists", "Distinct playlists with such an entry"),
                Column("slot_share", Type.FLOAT, "slots divided by all song entries of the day, 0 to 1"),
            ),
        ),
        Table(
            "release_profile",
            "One row per snapshot date, playlist and release year of its songs (null: unknown).",
            ("snapshot_date", "playlist_id", "release_year"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                _integer("release_year", "Year the song's album was released; null when unknown", nullable=True),
                _integer("slots", "Entries of the playlist with that release year"),
                Column("slot_share", Type.FLOAT, "slots divided by the playlist's song entries that day, 0 to 1"),
                Column(
                    "median_age_years",
                    Type.FLOAT,
                    "Median age in years of all the playlist's songs with a release date, the same on each of its "
                    "rows of the day; null when none has one",
                    True,
                ),
            ),
        ),
        Table(
            "playlist_overlap",
            "One row per snapshot date and pair of playlists that share a song; playlist_id < other_playlist_id.",
            ("snapshot_date", "playlist_id", "other_playlist_id"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                _text("other_playlist_id", "Spotify id of the other playlist"),
                _integer("songs_in_common", "Distinct songs in both"),
                _integer("songs", "Distinct songs in playlist_id"),
                _integer("other_songs", "Distinct songs in other_playlist_id"),
                Column("jaccard", Type.FLOAT, "songs_in_common divided by the distinct songs of either, 0 to 1"),
            ),
        ),
        Table(
            "song_popularity",
            "One row per snapshot date and song of which Spotify sent a popularity (new apps get none since 2026), and "
            "what changed since the date before that has one.",
            ("snapshot_date", "song_id"),
            (
                SNAPSHOT_DATE,
                SONG_ID,
                _integer("popularity", "0 to 100"),
                _integer("previous_popularity", "On the previous date that has one; null on the first", nullable=True),
                _integer("change", "popularity minus previous_popularity; null on the first", nullable=True),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
        Table(
            "playlist_week",
            "One row per week (from Monday), playlist and song that is new, returned, gone, climbed or fell between "
            "the playlist's last whole snapshot before the week and its last one in it; and the ten songs that have "
            "been there longest, changed or not. A playlist's first week has the latter only.",
            ("week_start", "playlist_id", "song_id"),
            (
                _date("week_start", "Monday of the week, UTC"),
                PLAYLIST_ID,
                SONG_ID,
                _text("change", "`new`, `returned`, `gone`, `climbed`, `fell` or `stayed`"),
                _date("snapshot_date", "The playlist's last whole snapshot of the week"),
                _date("previous_date", "The one it is compared with; null in the first week", nullable=True),
                _integer("from_position", "0-based position before; null when it was not there", nullable=True),
                _integer("to_position", "0-based position now; null when it is gone", nullable=True),
                _integer("places", "Places climbed (above 0) or fallen (below 0); null if not in both", nullable=True),
                _date("in_since", "First day of its present stay; when gone, of the one that ended"),
                _integer("longest_place", "1 to 10 for the songs that have been there longest", nullable=True),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
        Table(
            "artist_momentum",
            "One row per week (from Monday) and artist with a song in any tracked playlist in it or the week before: "
            "how its part of all entries grew or shrank.",
            ("week_start", "artist_id"),
            (
                _date("week_start", "Monday of the week, UTC"),
                ARTIST_ID,
                Column("slot_share", Type.FLOAT, "Mean part of the song entries on the week's snapshot dates, 0 to 1"),
                Column("previous_share", Type.FLOAT, "The same of the calendar week before; null without dates", True),
                Column("momentum", Type.FLOAT, "slot_share minus previous_share; null without the latter", True),
                _integer("best_playlists", "Most playlists on a day of the week; 0 when gone"),
                _text("artist_name", "Latest known name"),
                _flag("is_debut", "Whether the artist was first seen in this week, in any playlist"),
            ),
        ),
        Table(
            "playlist_health",
            "One row per playlist snapshot: what its entries are, and whether it is whole. Marts that compare "
            "snapshots leave out those that are not.",
            ("snapshot_date", "playlist_id"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                _flag("is_complete", "Whether the snapshot holds the whole playlist; if not, it is not compared"),
                _integer("item_count", "Entries Spotify reported"),
                _integer("entry_count", "Entries in the snapshot"),
                _integer("tracks", "Entries that are tracks"),
                _integer("local_files", "Entries that are local files of the owner"),
                _integer("episodes", "Entries that are podcast episodes"),
                _integer("missing", "Entries that Spotify has removed"),
                _integer("withdrawn", "Tracks whose title is empty: Spotify has withdrawn them"),
                _integer("repeated", "Entries beyond the first of their song"),
            ),
        ),
        Table(
            "playlist_freshness",
            "One row per playlist snapshot with songs: how recently its entries were added and released. A part is of "
            "the entries whose date is known, and null when none is.",
            ("snapshot_date", "playlist_id"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                _integer("entries", "Song entries"),
                _integer("added_known", "Those with a date of addition"),
                Column("added_30_share", Type.FLOAT, "Part of them added within 30 days, 0 to 1", True),
                Column("added_90_share", Type.FLOAT, "Part of them added within 90 days, 0 to 1", True),
                Column("added_365_share", Type.FLOAT, "Part of them added within 365 days, 0 to 1", True),
                _integer("released_known", "Song entries with a release date"),
                Column("released_30_share", Type.FLOAT, "Part of them released within 30 days, 0 to 1", True),
                Column("released_90_share", Type.FLOAT, "Part of them released within 90 days, 0 to 1", True),
                Column("released_365_share", Type.FLOAT, "Part of them released within 365 days, 0 to 1", True),
            ),
        ),
        Table(
            "song_duplicates",
            "One row per playlist snapshot and recording that stands in it more than once: the same song, or different "
            "songs with one ISRC (a near-duplicate; an ISRC is not unique per recording).",
            ("snapshot_date", "playlist_id", "kind", "duplicate_of"),
            (
                SNAPSHOT_DATE,
                PLAYLIST_ID,
                _text("kind", "`song` or `isrc`"),
                _text("duplicate_of", "The song's id, or the ISRC"),
                SONG_ID,
                _integer("entries", "Entries of the recording"),
                _integer("songs", "Different songs among them"),
                _integer("first_position", "Smallest 0-based position"),
                _integer("last_position", "Largest 0-based position"),
                _SONG_NAME,
                _ARTIST_NAME,
            ),
        ),
    )
}
"""Schema ANALYTICS."""


def all_tables() -> Iterator[tuple[str, Table]]:
    """Every table with the layer it belongs to: `lake`, `spotify` (dimensions) or `analytics` (marts)."""
    for layer, tables in (("lake", LAKE_TABLES), ("spotify", DIMENSIONS), ("analytics", MARTS)):
        for table in tables.values():
            yield layer, table
