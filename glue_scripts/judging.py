"""What an entry of a page is: `judged` over what `raw_reader` parsed, in DuckDB's SQL, which reads raw on every engine.

An entry that is no object, or without an object in a wrapper, can't be read as an entry. Everything below is a leaf:
one that can't be read is listed with the entry, which stays. Standard library only.

`parsed` has one row per element of every page's `items`: `snapshot_date`, `source_key` and `playlist_id` of the raw
object; `page_offset`, the position of the page's first entry, and `entry_index` in the page (both 0-based BIGINT);
`whole`, the wrapper ('item' or 'track') of an entry that is a whole track, as nearly every one is, and of the others
NULL; their `kinds`, a STRUCT of the JSON kinds below ('object', 'array', 'boolean', 'null' or absent, 'other'), NULL of
a whole one; `element`, the entry as it came (JSON); `entry`, a STRUCT of `tables.ENTRY`, NULL in every leaf that is
absent or of another structure.
"""

from __future__ import annotations

from glue_scripts.leaves import FLAGS, NUMBERS, is_no_flag, is_no_number

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

TEXT_LENGTH = 80
"""How much of a leaf's text is kept, characters."""

_LISTS = {"artists": "artists", "album_artists": "album.artists"}


def _leaf(path: str, is_bad: str, text: str) -> str:
    return f"case when {is_bad} then {{'path': '{path}', 'text': substr({text}, 1, {TEXT_LENGTH})}} end"


def _structure_text(path: str) -> str:
    return f"case wrapper when 'item' then element ->> '$.item.{path}' else element ->> '$.track.{path}' end"


def _all_leaves_read() -> str:
    """Whether one look tells that every number and flag can be read, as of nearly every entry."""
    numbers = ", ".join(f"coalesce(item.{name}, '0')" for name in NUMBERS)
    flags = ", ".join(f"coalesce({name}, 'true')" for name in (*(f"item.{name}" for name in FLAGS), "entry.is_local"))
    pattern = f"([0-9]{{1,18}}[|]){{{len(NUMBERS)}}}((true|false)[|]){{{len(FLAGS)}}}(true|false)"
    return f"whole is not null and regexp_full_match(concat_ws('|', {numbers}, {flags}), '{pattern}')"


def _unread_leaves() -> str:
    """The list `leaves` of `tables.JUDGED`; NULL where there is none."""
    leaves = [
        *((f"kinds.{kind} not in ('array', 'null')", path, _structure_text(path)) for kind, path in _LISTS.items()),
        ("kinds.album not in ('object', 'null')", "album", _structure_text("album")),
        *((is_no_number(f"item.{name}"), name, f"item.{name}") for name in NUMBERS),
        *((is_no_flag(f"item.{name}"), name, f"item.{name}") for name in FLAGS),
        (is_no_flag("entry.is_local"), "entry.is_local", "entry.is_local"),
    ]
    is_any = " or ".join(is_bad for is_bad, _, _ in leaves)
    listed = ", ".join(_leaf(path, is_bad, text) for is_bad, path, text in leaves)
    some = f"list_filter([{listed}], lambda leaf: leaf is not null)"
    return f"case when {_all_leaves_read()} then null when {is_any} then {some} end"


def judged_select(carried: tuple[str, ...] = ()) -> str:
    """`judged` over `parsed`: every element of every page, what it is, and why it can't be read as an entry, or NULL.

    `carried` are more columns of `parsed` that `judged` keeps. Rows without an `entry_index` are no entries, and only
    carry those. The entry is read through the first wrapper that is an object. No wrapper at all (or null, or the
    boolean `track: true` that tracks themselves carry) is an entry that Spotify has removed.

    Spotify dresses episodes as tracks (`type` "track" with an episode's uri, or its flag `episode`), its `fields=`
    leaves type and uri out, and its oldest local files have the uri `spotify:track:null`, which names no song.
    """
    kept = "".join(f" {name}," for name in carried)
    return f"""
select *,
    case
        when item_type = 'local' and item_uri like 'spotify:local:%' then item_uri
        when item_type = 'track' then nullif(item.id, '')
    end as song_id,
    case when item_type in ('local', 'track') then nullif(item.album.id, '') end as album_id
from (
    select snapshot_date, source_key, playlist_id, page_offset, entry_index, page_offset + entry_index as position,
        item, entry.added_at as added_at, entry.added_by.id as added_by, nullif(item.uri, '') as item_uri,{kept}
        case
            when wrapper is null then 'missing'
            when entry.is_local = 'true' or item.is_local = 'true' or item.uri like 'spotify:local:%' then 'local'
            when coalesce(nullif(item.type, ''), 'track') = 'track'
                and (item.uri like 'spotify:episode:%' or item.episode = 'true') then 'episode'
            else coalesce(
                nullif(item.type, ''), nullif(split_part(item.uri, ':', 2), ''),
                case when item.id <> '' or item.artists is not null or item.album is not null then 'track' end,
                'unknown'
            )
        end as item_type,
        case
            when kinds.entry not in ('object', 'null') then 'the entry is not an object'
            when wrapper is null
                and (kinds.item not in ('null', 'boolean') or kinds.track not in ('null', 'boolean'))
            then 'neither item nor track is an object'
        end as reason,
        {_unread_leaves()} as leaves
    from (
        select *, case wrapper when 'item' then entry.item when 'track' then entry.track end as item
        from (
            select *, coalesce(
                whole, case when kinds.item = 'object' then 'item' when kinds.track = 'object' then 'track' end
            ) as wrapper
            from parsed
        )
    )
)
"""
