"""The transformation, written once: SELECTs in the SQL that DuckDB and Spark share.

`raw_reader` reads raw objects and `judging` says what each of their entries is. Over `judged` (JUDGED) and `bad_lines`
an engine creates the relations of `relations()` in order, and writes the result of every SELECT of `table_selects()` as
that table's Parquet. Everything that decides what a row holds is here; how lists are exploded differs between the
engines and is a `Dialect`'s. Standard library only.

Leaves of an entry arrive as text, so that what Spotify may send wrongly (a word for a number) is judged by `leaves`,
the same on every engine, and not by a JSON reader. Spotify's facts come from its Web API reference; the oddities
(partial dates, epoch `added_at`, withdrawn tracks with empty names) from recorded payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue_scripts.contract import LAKE_TABLES, Table
from glue_scripts.leaves import flag, is_no_flag, is_no_number, whole_number

Shape = str | list["Shape"] | dict[str, "Shape"]
"""A structure: "text", "bigint" or "date" for a leaf, [shape] for a list, {name: shape} for an object."""

_CREDIT: Shape = {"id": "text", "name": "text", "external_urls": {"spotify": "text"}}
_IMAGES: Shape = [{"url": "text"}]
_ITEM: Shape = {
    "id": "text",
    "uri": "text",
    "type": "text",
    "name": "text",
    "is_local": "text",
    "explicit": "text",
    "duration_ms": "text",
    "popularity": "text",
    "disc_number": "text",
    "track_number": "text",
    "episode": "text",
    "external_ids": {"isrc": "text"},
    "external_urls": {"spotify": "text"},
    "artists": [_CREDIT],
    "album": {
        "id": "text",
        "name": "text",
        "album_type": "text",
        "release_date": "text",
        "release_date_precision": "text",
        "total_tracks": "text",
        "external_urls": {"spotify": "text"},
        "images": _IMAGES,
        "artists": [_CREDIT],
    },
}
ENTRY: Shape = {
    "added_at": "text",
    "added_by": {"id": "text"},
    "is_local": "text",
    "item": _ITEM,
    "track": _ITEM,
}
"""What is read of a playlist entry. New apps get it under `item`, old ones under `track`, some under both."""

PLAYLIST: Shape = {
    "name": "text",
    "description": "text",
    "owner": {"id": "text", "display_name": "text"},
    "public": "text",
    "collaborative": "text",
    "followers": {"total": "text"},
    "snapshot_id": "text",
    "external_urls": {"spotify": "text"},
    "images": _IMAGES,
}
"""What is read of the playlist object that every raw line carries."""

JUDGED: Mapping[str, Shape] = {
    "snapshot_date": "date",
    "source_key": "text",
    "playlist_id": "text",
    "page_offset": "bigint",
    "entry_index": "bigint",
    "position": "bigint",
    "item": _ITEM,
    "added_at": "text",
    "added_by": "text",
    "item_uri": "text",
    "item_type": "text",
    "song_id": "text",
    "album_id": "text",
    "reason": "text",
    "leaves": [{"path": "text", "text": "text"}],
}
"""`judged`: each element of each page read through its wrapper (`judging`), what it is and why it can't be read as an
entry, or NULL; `leaves` of it can't be read, NULL when all can: their paths, and the first characters of their text."""

SNAPSHOT_COLUMNS = ("snapshot_date", "source_key", "playlist_id", "extracted_at", "total", "playlist")
"""`snapshots`: one row per raw object; `extracted_at` is text, `total` BIGINT, `playlist` a STRUCT of PLAYLIST. With
`entry_count` (BIGINT) and `is_complete`."""

SNAPSHOTS = f"""
select {", ".join(f"first_page.{name}" for name in SNAPSHOT_COLUMNS)}, entry_count,
    damaged.source_key is null and unreadable = 0 and entry_count = positions
        and case said_complete when 1 then true when 0 then false else entry_count = first_page.total end as is_complete
from (
    select *, row_number() over (partition by source_key order by page_offset) as choice
    from judged where coalesce(entry_index, 0) = 0 and page_offset is not null
) as first_page
join (
    select source_key, count(case when reason is null then entry_index end) as entry_count,
        count(reason) as unreadable, coalesce(max(position), -1) + 1 as positions,
        min(case complete when 'true' then 1 when 'false' then 0 end) as said_complete
    from judged where page_offset is not null group by source_key
) as content on content.source_key = first_page.source_key
left join (select distinct source_key from bad_lines) as damaged on damaged.source_key = first_page.source_key
where choice = 1
"""
"""`snapshots` from `judged` (with what `raw_reader.CARRIED` names) and `bad_lines`: one row per line of a
raw object that is no page, with snapshot_date, source_key, line (1-based), entry_index (NULL), playlist_id, reason.

The playlist of a raw object is that of its first page, which need not begin at position 0: an adopted object may hold
a part of a playlist. A snapshot is complete when all of its lines and entries could be read, its entries stand at
positions 0, 1, … without a hole, and they are as many as Spotify's total, or the raw lines say so (`"complete"`: who
wrote them knew better than `total`).
"""


@dataclass(frozen=True)
class Dialect:
    """The few words in which the two engines differ.

    `timestamp` is the type without a zone; `first` takes the first element of the list `{0}` (NULL when there is
    none), `first_credit` the first of a list of credits that has an id; `explode` turns the list `{column}` of every
    row of `{relation}` into rows with all its columns, `{index}` (0-based) and `{element}`.
    """

    name: str
    timestamp: str
    first: str
    first_credit: str
    explode: str


DUCKDB = Dialect(
    name="duckdb",
    timestamp="timestamp",
    first="({0})[1]",
    first_credit="list_filter({0}, lambda credit: credit.id <> '')[1]",
    explode="(select *, unnest(range(len({column}))) as {index}, unnest({column}) as {element} from {relation})",
)
SPARK = Dialect(
    name="spark",
    timestamp="timestamp_ntz",
    first="get({0}, 0)",
    first_credit="get(filter({0}, credit -> credit.id <> ''), 0)",
    explode="(select * from {relation} lateral view posexplode({column}) exploded as {index}, {element})",
)


def relations(dialect: Dialect) -> dict[str, str]:
    """The intermediate relations by name, in the order in which they are to be created; all may be views."""
    return {
        "snapshots": SNAPSHOTS,
        "playlist_leaves": PLAYLIST_LEAVES,
        "lines": _LINES,
        "leaves": _leaves(dialect),
        "entries": _ENTRIES,
        "song_rows": _song_rows(dialect),
        "album_rows": _album_rows(dialect),
    }


def table_selects(dialect: Dialect, run_id: str) -> dict[str, str]:
    """The SELECT of each lake table, its columns in the contract's order and types. `run_id` is a plain identifier."""
    bodies = {
        "playlists": _playlists(dialect),
        "playlist_items": _playlist_items(dialect),
        "songs": "select * from song_rows",
        "albums": "select * from album_rows",
        "artists": _artists(dialect),
        "song_artists": _bridge(dialect, "song_rows", "song_id"),
        "album_artists": _bridge(dialect, "album_rows", "album_id"),
    }
    return {name: _typed(dialect, table, bodies[name], run_id) for name, table in LAKE_TABLES.items()}


QUARANTINE_SELECT = """
select snapshot_date, source_key, line, entry_index, playlist_id, reason, path, text from (
    select judged.snapshot_date, judged.source_key, line, entry_index, judged.playlist_id, reason,
        cast(null as string) as path, cast(null as string) as text
    from judged join lines on judged.source_key = lines.source_key and judged.page_offset = lines.page_offset
    where reason is not null
    union all
    select snapshot_date, source_key, line, entry_index, playlist_id, reason, cast(null as string), cast(null as string)
    from bad_lines
    union all
    select snapshot_date, source_key, line, entry_index, playlist_id, 'the leaf can not be read', path, text from leaves
)
order by snapshot_date, source_key, line, entry_index, path
"""
"""What can't be read, one row each: lines that are no pages (without `entry_index`), entries that are none (without
`path`), and leaves, with their path in the entry (or in the playlist, without `entry_index`) and their text's start."""

COUNTS_SELECT = """
select snapshot_date, sum(entries) as entries, sum(quarantined) as quarantined, sum(leaves) as leaves from (
    select snapshot_date, count(entry_index) as entries, count(reason) as quarantined,
        coalesce(sum(case when reason is null then size_of_leaves end), 0) as leaves
    from (select *, coalesce(len(leaves), 0) as size_of_leaves from judged) group by snapshot_date
    union all select snapshot_date, count(*), count(*), 0 from bad_lines group by snapshot_date
    union all select snapshot_date, 0, 0, count(*) from playlist_leaves group by snapshot_date
) group by snapshot_date
"""
"""Of each date: how many entries its raw objects hold, how many of them can't be read (a line that is no page counts
as one of both), and how many leaves. For DuckDB, which reads raw objects on every engine."""


def _typed(dialect: Dialect, table: Table, body: str, run_id: str) -> str:
    """`body` with the contract's columns in order, each cast to the contract's type."""
    columns = ", ".join(
        f"cast('{run_id}' as string) as run_id"
        if column.name == "run_id"
        else f"cast({column.name} as {getattr(column.type, dialect.name)}) as {column.name}"
        for column in table.columns
    )
    return f"select {columns} from ({body})"


# --- what can't be read ---------------------------------------------------------------------------------------------

_LINES = """
select pages.source_key, page_offset, page + count(pages_before) as line
from (
    select source_key, page_offset, row_number() over (partition by source_key order by page_offset) as page
    from (select distinct source_key, page_offset from judged where page_offset is not null)
) as pages
left join (
    select source_key, line - row_number() over (partition by source_key order by line) as pages_before from bad_lines
) as damaged on damaged.source_key = pages.source_key and pages_before < page
group by pages.source_key, page_offset, page
"""
"""`lines`: the 1-based line of each page in its raw object: its number among the pages, and the lines before it that
are none."""

_PLAYLIST_FLAGS = ("public", "collaborative")

PLAYLIST_LEAVES = " union all ".join(
    f"select snapshot_date, source_key, playlist_id, 'playlist.{name}' as path, substr(playlist.{name}, 1, 80) as text "
    f"from snapshots where {test(f'playlist.{name}')}"
    for name, test in (("followers.total", is_no_number), *((name, is_no_flag) for name in _PLAYLIST_FLAGS))
)
"""`playlist_leaves`: the leaves of the playlists in `snapshots` that can't be read."""


def _leaves(dialect: Dialect) -> str:
    """`leaves`: every leaf of an entry or a playlist that can't be read."""
    exploded = dialect.explode.format(
        relation="(select snapshot_date, source_key, playlist_id, page_offset, entry_index, leaves from judged "
        "where reason is null and leaves is not null)",
        column="leaves",
        index="leaf_index",
        element="leaf",
    )
    return f"""
select snapshot_date, unread.source_key, line, entry_index, playlist_id, leaf.path as path, leaf.text as text
from {exploded} as unread join lines
    on unread.source_key = lines.source_key and unread.page_offset = lines.page_offset
union all
select snapshot_date, playlist_leaves.source_key, line, cast(null as bigint), playlist_id, path, text
from playlist_leaves
join (select source_key, min(line) as line from lines group by source_key) as first_line
    on first_line.source_key = playlist_leaves.source_key
"""


# --- entries, songs, albums and credits -----------------------------------------------------------------------------

_ENTRIES = "select * from judged where reason is null and entry_index is not null"


def _winners(key: str, name: str, columns: str) -> str:
    """`columns` of the entry whose attributes count for each `key` on a date: one with a non-empty name before one
    with an empty name, then the one at the smallest (playlist_id, position)."""
    return f"""
select * from (
    select snapshot_date, {key}, {columns},
        row_number() over (
            partition by {key}, snapshot_date
            order by case when {name} <> '' then 0 else 1 end, playlist_id, position
        ) as choice
    from entries where {key} is not null
) where choice = 1
"""


def _song_rows(dialect: Dialect) -> str:
    return _winners(
        "song_id",
        "item.name",
        f"""
    coalesce(nullif(item.uri, ''), concat('spotify:track:', song_id)) as uri, coalesce(item.name, '') as name,
    album_id, {whole_number("coalesce(item.duration_ms, '0')")} as duration_ms,
    {flag("coalesce(item.explicit, 'false')")} as is_explicit,
    {whole_number("item.popularity")} as popularity, nullif(item.external_ids.isrc, '') as isrc,
    {whole_number("coalesce(item.disc_number, '0')")} as disc_number,
    {whole_number("coalesce(item.track_number, '0')")} as track_number,
    song_id like 'spotify:local:%' as is_local, nullif(item.external_urls.spotify, '') as url,
    item.artists as credited, {dialect.first_credit.format("item.artists")}.id as artist_id
    """,
    )


def _album_rows(dialect: Dialect) -> str:
    """Partial release dates become the first day of their period; `0000` and impossible dates become NULL."""
    released = "trim(item.album.release_date)"

    def like(pattern: str) -> str:
        return f"regexp_extract({released}, '^{pattern}', 0) = {released}"

    return _winners(
        "album_id",
        "item.album.name",
        f"""
    coalesce(item.album.name, '') as name, nullif(item.album.album_type, '') as album_type,
    case when {released} not like '0000%' then
        case
            when {like("[0-9]{4}-[0-9]{2}-[0-9]{2}")} then try_cast({released} as date)
            when {like("[0-9]{4}-[0-9]{2}")} then try_cast(concat({released}, '-01') as date)
            when {like("[0-9]{4}")} then try_cast(concat({released}, '-01-01') as date)
        end
    end as release_date,
    nullif(item.album.release_date_precision, '') as release_date_precision,
    nullif(item.album.release_date, '') as release_date_text, {whole_number("item.album.total_tracks")} as total_tracks,
    nullif(item.album.external_urls.spotify, '') as url,
    nullif({dialect.first.format("item.album.images")}.url, '') as image_url, item.album.artists as credited
    """,
    )


def _bridge(dialect: Dialect, rows: str, key: str) -> str:
    """The credits of the entry whose attributes count; an artist credited twice counts at the first place."""
    credits = dialect.explode.format(
        relation=f"(select snapshot_date, {key}, credited from {rows})",
        column="credited",
        index="credit_position",
        element="credit",
    )
    return f"""
select snapshot_date, {key}, credit.id as artist_id, min(credit_position) as position
from {credits} as exploded where credit.id <> '' group by snapshot_date, {key}, credit.id
"""


def _moment(dialect: Dialect, text: str) -> str:
    """ISO 8601 text in UTC as a timestamp; NULL when it is none. What else an engine could cast is not asked."""
    return (
        f"case when regexp_extract({text}, '{_MOMENT}', 0) = {text} then "
        f"try_cast(replace(substr(replace({text}, 'Z', ''), 1, 26), 'T', ' ') as {dialect.timestamp}) end"
    )


_MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?Z?"


def _playlists(dialect: Dialect) -> str:
    return f"""
select snapshot_date, playlist_id, coalesce(playlist.name, '') as name,
    coalesce(playlist.description, '') as description, coalesce(playlist.owner.id, '') as owner_id,
    coalesce(playlist.owner.display_name, '') as owner_name, {flag("playlist.public")} as is_public,
    coalesce({flag("playlist.collaborative")}, false) as is_collaborative,
    {whole_number("playlist.followers.total")} as follower_count,
    coalesce(playlist.snapshot_id, '') as spotify_snapshot_id, total as item_count,
    entry_count, is_complete,
    nullif(playlist.external_urls.spotify, '') as url,
    nullif({dialect.first.format("playlist.images")}.url, '') as image_url,
    {_moment(dialect, "extracted_at")} as extracted_at
from snapshots
"""


def _playlist_items(dialect: Dialect) -> str:
    return f"""
select snapshot_date, playlist_id, position, item_type, item_uri, song_id,
    case when item_type <> 'missing' then coalesce(item.name, '') end as name,
    case when added_at not like '1970-01-01%' then {_moment(dialect, "added_at")} end as added_at,
    nullif(added_by, '') as added_by
from entries
"""


def _artists(dialect: Dialect) -> str:
    """Everybody with an id who is credited in any entry, as on the credit that comes first."""
    credits = " union all ".join(
        f"select snapshot_date, playlist_id, position, {number} as credited_on, credit_position, "
        "credit.id as artist_id, coalesce(credit.name, '') as name, nullif(credit.external_urls.spotify, '') as url "
        f"from {exploded} as exploded where credit.id <> ''"
        for number, exploded in enumerate(
            dialect.explode.format(
                relation=f"(select snapshot_date, playlist_id, position, {artists} as credited from entries "
                f"where {key} is not null)",
                column="credited",
                index="credit_position",
                element="credit",
            )
            for key, artists in (("song_id", "item.artists"), ("album_id", "item.album.artists"))
        )
    )
    return f"""
select snapshot_date, artist_id, name, url from (
    select *, row_number() over (
        partition by artist_id, snapshot_date
        order by case when name <> '' then 0 else 1 end, playlist_id, position, credited_on, credit_position
    ) as choice
    from ({credits})
) where choice = 1
"""
