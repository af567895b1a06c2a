"""The transformation, written once: SELECTs in the SQL that DuckDB and Spark share.

`raw_reader` reads raw objects as `parsed` (PARSED_COLUMNS) and judges them with `judged_select()`. Over `judged`
(JUDGED) an engine creates `snapshots` and the relations of `relations()` in order, and writes the result of every
SELECT of `table_selects()` as that table's Parquet. Everything that decides what a row holds is here; how lists are
exploded differs between the engines and is a `Dialect`'s. Standard library only.

Leaves of an entry arrive as text, so that what Spotify may send wrongly (a word for a number) is judged here, the same
on every engine, and not by a JSON reader. Spotify's facts come from its Web API reference; the oddities (partial dates,
epoch `added_at`, withdrawn tracks with empty names) from recorded payloads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glue_scripts.contract import LAKE_TABLES, Table

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

PARSED_COLUMNS = (
    "snapshot_date",  # DATE, of the raw object
    "source_key",  # the raw object's key
    "playlist_id",  # of the raw object
    "page_offset",  # BIGINT, 0-based position of the page's first entry
    "entry_index",  # BIGINT, 0-based in the page
    "kinds",  # STRUCT of the JSON kinds below: 'object', 'array', 'boolean', 'null' (or absent), 'other'
    "entry",  # STRUCT of ENTRY, NULL in every leaf that is absent or of another structure
)
"""`parsed`: one row per element of every page's `items`."""

KIND_PATHS = {
    "entry": ("",),
    "item": ("item",),
    "track": ("track",),
    "artists": ("item.artists", "track.artists"),
    "album": ("item.album", "track.album"),
    "album_artists": ("item.album.artists", "track.album.artists"),
}
"""The fields of `parsed.kinds`: the paths in the entry whose JSON kind they hold. Where there are two, the first
counts when `item` is an object, else the second."""

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
}
"""`judged`: `parsed` read through its wrapper, with what the entry is and why it can't be read as one, or NULL."""

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
"""`snapshots` from `judged` (with what `raw_reader.CARRIED` names) and `bad_lines` (BAD_LINE_COLUMNS).

The playlist of a raw object is that of its first page, which need not begin at position 0: an adopted object may hold
a part of a playlist. A snapshot is complete when all of its lines and entries could be read, its entries stand at
positions 0, 1, … without a hole, and they are as many as Spotify's total, or the raw lines say so (`"complete"`: who
wrote them knew better than `total`).
"""

BAD_LINE_COLUMNS = ("snapshot_date", "source_key", "line", "entry_index", "playlist_id", "reason")
"""`bad_lines`: one row per line of a raw object that is no page; `line` is 1-based, `entry_index` NULL."""


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
        "quarantined": _QUARANTINED,
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
select snapshot_date, source_key, line, entry_index, playlist_id, reason from quarantined
union all select snapshot_date, source_key, line, entry_index, playlist_id, reason from bad_lines
order by snapshot_date, source_key, line, entry_index
"""
"""The entries that can't be read as entries and the lines that are no pages, one row each."""

COUNTS_SELECT = """
select snapshot_date, count(*) as entries, count(reason) as quarantined
from judged where entry_index is not null group by snapshot_date
"""
"""How many entries the raw objects of each date hold, and how many of them are quarantined."""


def _typed(dialect: Dialect, table: Table, body: str, run_id: str) -> str:
    """`body` with the contract's columns in order, each cast to the contract's type."""
    columns = ", ".join(
        f"cast('{run_id}' as string) as run_id"
        if column.name == "run_id"
        else f"cast({column.name} as {getattr(column.type, dialect.name)}) as {column.name}"
        for column in table.columns
    )
    return f"select {columns} from ({body})"


# --- what can be read -----------------------------------------------------------------------------------------------

_WHOLE_NUMBERS = ("duration_ms", "popularity", "disc_number", "track_number", "album.total_tracks")
_BOOLEANS = ("explicit", "is_local")


def _not_whole(value: str) -> str:
    # Compared with the whole text, because Java's `$` also matches before a final line break.
    return f"({value} = '' or regexp_extract({value}, '^-?[0-9]{{1,18}}', 0) <> {value})"


def judged_select(carried: tuple[str, ...] = ()) -> str:
    """`judged` over `parsed`: every element of every page, what it is, and why it can't be read as an entry, or NULL.

    `carried` are more columns of `parsed` that `judged` keeps. Rows without an `entry_index` are no entries, and only
    carry those. The entry is read through the first wrapper that is an object. No wrapper at all (or null, or the
    boolean `track: true` that tracks themselves carry) is an entry that Spotify has removed.
    """
    reasons = [
        ("kinds.entry not in ('object', 'null')", "the entry is not an object"),
        (
            "wrapper is null and (kinds.item not in ('null', 'boolean') or kinds.track not in ('null', 'boolean'))",
            "neither item nor track is an object",
        ),
        ("kinds.artists not in ('array', 'null')", "artists is not a list"),
        ("kinds.album not in ('object', 'null')", "album is not an object"),
        ("kinds.album_artists not in ('array', 'null')", "album.artists is not a list"),
        *((_not_whole(f"item.{name}"), f"{name} is not a whole number") for name in _WHOLE_NUMBERS),
        *((f"item.{name} not in ('true', 'false')", f"{name} is not true or false") for name in _BOOLEANS),
        ("entry.is_local not in ('true', 'false')", "is_local is not true or false"),
    ]
    cases = "\n".join(f"        when {condition} then '{reason}'" for condition, reason in reasons)
    kept = "".join(f" {name}," for name in carried)
    return f"""
select *,
    case item_type when 'local' then item_uri when 'track' then nullif(item.id, '') end as song_id,
    case when item_type in ('local', 'track') then nullif(item.album.id, '') end as album_id
from (
    select snapshot_date, source_key, playlist_id, page_offset, entry_index, page_offset + entry_index as position,
        item, entry.added_at as added_at, entry.added_by.id as added_by, nullif(item.uri, '') as item_uri,{kept}
        case
            when wrapper is null then 'missing'
            when entry.is_local = 'true' or item.is_local = 'true' or item.uri like 'spotify:local:%' then 'local'
            else coalesce(nullif(item.type, ''), nullif(split_part(item.uri, ':', 2), ''), 'unknown')
        end as item_type,
        case
{cases}
        end as reason
    from (
        select *, case wrapper when 'item' then entry.item when 'track' then entry.track end as item
        from (
            select *,
                case when kinds.item = 'object' then 'item' when kinds.track = 'object' then 'track' end as wrapper
            from parsed
        )
    )
)
"""


_QUARANTINED = """
select judged.snapshot_date, judged.source_key, lines.line, judged.entry_index, judged.playlist_id, judged.reason
from judged join (
    select source_key, page_offset, row_number() over (partition by source_key order by page_offset) as line
    from (select distinct source_key, page_offset from judged where page_offset is not null)
) as lines on judged.source_key = lines.source_key and judged.page_offset = lines.page_offset
where judged.reason is not null
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
    album_id, coalesce(item.duration_ms, '0') as duration_ms, coalesce(item.explicit, 'false') as is_explicit,
    item.popularity as popularity, nullif(item.external_ids.isrc, '') as isrc,
    coalesce(item.disc_number, '0') as disc_number, coalesce(item.track_number, '0') as track_number,
    song_id like 'spotify:local:%' as is_local, nullif(item.external_urls.spotify, '') as url,
    item.artists as credited, {dialect.first_credit.format("item.artists")}.id as artist_id
    """,
    )


def _album_rows(dialect: Dialect) -> str:
    """Partial release dates become the first day of their period; `0000` and impossible dates become NULL."""
    released = "item.album.release_date"

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
    nullif({released}, '') as release_date_text, item.album.total_tracks as total_tracks,
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
_FLAG = "case {0} when 'true' then true when 'false' then false end"


def _playlists(dialect: Dialect) -> str:
    return f"""
select snapshot_date, playlist_id, coalesce(playlist.name, '') as name,
    coalesce(playlist.description, '') as description, coalesce(playlist.owner.id, '') as owner_id,
    coalesce(playlist.owner.display_name, '') as owner_name, {_FLAG.format("playlist.public")} as is_public,
    coalesce({_FLAG.format("playlist.collaborative")}, false) as is_collaborative,
    case when {_not_whole("playlist.followers.total")} then null else playlist.followers.total end as follower_count,
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
