"""Raw Spotify JSON of any shape, and what hostile files come to."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.spotify.decoding import MAX_DEPTH, PayloadError, decode
from spotify_assets.spotify.payloads import Payload, read_payloads

ID = "4uUIK0akoRvnyhbK377brv"
OTHER = "0kSB9RlVBj4kOKbmsHOagH"
DAY = dt.date(2026, 3, 1)
HREF = f"https://api.spotify.com/v1/playlists/{ID}/tracks?offset=0&limit=100"


def entry(number: int, wrapper: str = "track") -> dict[str, Any]:
    return {"added_at": "2026-01-01T00:00:00Z", wrapper: {"id": f"{number:022d}", "track": True, "type": "track"}}


def playlist(**collections: Any) -> dict[str, Any]:
    return {"id": ID, "type": "playlist", "name": "A list", "snapshot_id": "v1", "owner": {"id": "me"}, **collections}


def paging(items: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "href": HREF,
        "limit": 100,
        "next": None,
        "offset": 0,
        "previous": None,
        "total": len(items),
        "items": items,
        **more,
    }


def read(value: Any, name: str = "file.json", **options: Any) -> list[Payload]:
    return read_payloads(json.dumps(value).encode(), name, **{"day": DAY, **options})


ENTRIES = [entry(number) for number in range(3)]

SHAPES = {
    "paging object under tracks": playlist(tracks=paging(ENTRIES)),
    "paging object under items": playlist(items=paging(ENTRIES)),
    "both paging objects": playlist(tracks=paging(ENTRIES), items=paging(ENTRIES)),
    "short form under items, pages under tracks": playlist(items={"href": HREF, "total": 3}, tracks=paging(ENTRIES)),
    "plain list under tracks": playlist(tracks=ENTRIES),
    "plain list under items": playlist(items=ENTRIES),
    "a list of one playlist": [playlist(tracks=paging(ENTRIES))],
    "a list with holes": [None, playlist(tracks=paging(ENTRIES)), None],
    "a page": paging(ENTRIES),
    "a list of a page": [paging(ENTRIES)],
    "a page without href but with a next": paging(ENTRIES, href=None, next=HREF),
    "paging without a total": playlist(tracks={"items": ENTRIES}),
    "id in the uri only": {"uri": f"spotify:playlist:{ID}", "tracks": paging(ENTRIES, href=None)},
    "id in the old uri": {"uri": f"spotify:user:me:playlist:{ID}", "tracks": paging(ENTRIES, href=None)},
    "id in the href only": {"href": f"https://api.spotify.com/v1/users/me/playlists/{ID}", "tracks": ENTRIES},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_playlist_and_entries(shape: str) -> None:
    [payload] = read(SHAPES[shape])

    assert (payload.playlist_id, payload.day, payload.total) == (ID, DAY, 3)
    assert list(payload.entries.values()) == ENTRIES


def test_entries_alone_are_of_the_playlist_in_the_name() -> None:
    [payload] = read(ENTRIES, f"export_{ID}.json")

    assert (payload.playlist_id, payload.is_bare) == (ID, True)


def test_the_id_given_counts_where_nothing_else_says() -> None:
    assert read(ENTRIES, playlist_id=ID)[0].playlist_id == ID


def test_long_lists_become_pages_of_fifty_in_order() -> None:
    items = [entry(number) for number in range(120)]

    [payload] = read(playlist(tracks=items))

    assert [(page.offset, len(page.items)) for page in payload.pages] == [(0, 50), (50, 50), (100, 20)]
    assert list(payload.entries.values()) == items


def test_no_line_is_larger_than_about_a_megabyte() -> None:
    items = [{**entry(number), "padding": "x" * 300_000} for number in range(10)]

    [payload] = read(playlist(tracks=items))

    assert max(len(json.dumps(page.body)) for page in payload.pages) < 1_100_000
    assert list(payload.entries.values()) == items


def test_a_page_that_fits_is_kept_verbatim() -> None:
    page = paging([entry(number, "item") for number in range(50)], offset=100, total=400, extra={"kept": True})

    [payload] = read(page)

    assert (payload.pages[0].body, payload.pages[0].offset, payload.total) == (page, 100, 400)


def test_an_empty_playlist_has_one_empty_page() -> None:
    [payload] = read(playlist(tracks=paging([])))

    assert [page.items for page in payload.pages] == [[]]


def test_null_and_keyless_entries_are_entries() -> None:
    [payload] = read(playlist(tracks=paging([None, {"added_at": None}, entry(1)])))

    assert payload.total == 3


def test_lambda_landing_files_give_one_payload_a_playlist() -> None:
    payloads = read([playlist(tracks=paging(ENTRIES)), playlist(id=OTHER, tracks=paging([], href=None))])

    assert [payload.playlist_id for payload in payloads] == [ID, OTHER]


@pytest.mark.parametrize(
    ("name", "day", "taken_at"),
    [
        ("2026-03-01.json.gz", "2026-03-01", "2026-03-01T00:00:00"),
        ("some/2020-01-01/spotify_raw_2024-05-15 06:07:08.123456.json", "2024-05-15", "2024-05-15T06:07:08.123456"),
        ("spotify_raw_2024-05-15_06-07-08.json", "2024-05-15", "2024-05-15T06:07:08"),
        ("raw_20240515T060708.json", "2024-05-15", "2024-05-15T06:07:08"),
        ("raw_20240515.json", "2024-05-15", "2024-05-15T00:00:00"),
        ("top50-global.2024-04-22.json.gz", "2024-04-22", "2024-04-22T00:00:00"),
    ],
)
def test_the_date_and_time_in_the_file_name(name: str, day: str, taken_at: str) -> None:
    [payload] = read(playlist(tracks=ENTRIES), name, day=None)

    assert payload.day == dt.date.fromisoformat(day)
    assert payload.taken_at == dt.datetime.fromisoformat(taken_at).replace(tzinfo=dt.UTC)


def test_the_date_last_modified_counts_where_the_name_says_nothing() -> None:
    modified = dt.datetime(2026, 2, 3, 23, 30, tzinfo=dt.timezone(-dt.timedelta(hours=2)))

    [payload] = read(playlist(tracks=ENTRIES), day=None, last_modified=modified)

    assert (payload.day, payload.taken_at) == (dt.date(2026, 2, 4), modified)


REFUSED = {
    "an error answer": ({"error": {"status": 404, "message": "Resource not found"}}, "an error answer of Spotify"),
    "a token error": ({"error": "invalid_grant"}, "an error answer of Spotify"),
    "metadata alone": (playlist(), "a playlist without its entries"),
    "the short form": (playlist(items={"href": HREF, "total": 9}), "a playlist without its entries"),
    "a list of short forms": ({"items": [playlist(tracks={"total": 1})]}, "a playlist without its entries"),
    "an artist": ({"type": "artist", "id": ID, "name": "x"}, "no playlist"),
    "an album": (
        {"album_type": "album", "id": ID, "tracks": paging([{"track": True, "artists": []}])},
        "other than playlist",
    ),
    "tracks by ids": ({"tracks": [{"track": True, "album": {}}, None]}, "other than playlist entries"),
    "saved tracks": (paging(ENTRIES, href="https://api.spotify.com/v1/me/tracks"), "saved tracks"),
    "an empty list": ([], "empty list"),
    "holes alone": ([None, None], "Nothing says of which playlist"),
    "a number": (7, "a JSON int"),
    "a string": ("hello", "a JSON str"),
    "null": (None, "a JSON NoneType"),
    "a list of numbers": ([1, 2], "element 0 is no playlist"),
    "an empty object": ({}, "no playlist"),
    "one huge entry": (playlist(tracks=[{**entry(1), "x": "y" * 1_200_000}]), "no playlist entry is that large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_no_playlist_is_refused_with_a_reason(case: str) -> None:
    value, reason = REFUSED[case]

    with pytest.raises(PayloadError, match=reason):
        read(value)


def test_a_contradicting_id_is_refused() -> None:
    with pytest.raises(PayloadError, match=f"is of playlist {ID}, not of {OTHER}"):
        read(playlist(tracks=ENTRIES), playlist_id=OTHER)


@pytest.mark.parametrize(
    ("name", "reason"), [("list.json", "Nothing says of which day"), ("2026-01-01_2026-01-02.json", "Several")]
)
def test_a_file_of_unknown_date_is_refused(name: str, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        read(playlist(tracks=ENTRIES), name, day=None)


BOMB = gzip.compress(b" " * 20_000_000)

HOSTILE = {
    "empty": (b"", "it is empty"),
    "blank": (b" \n ", "it is empty"),
    "half a JSON": (b'{"items": [', "not usable JSON"),
    "two JSONs": (b"{} {}", "Extra data"),
    "invalid UTF-8": (b'{"name": "\xff"}', "not UTF-8 text"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), "not UTF-8 text"),
    "NaN": (b'{"x": NaN}', "NaN is no JSON number"),
    "Infinity": (b'{"x": -Infinity}', "-Infinity is no JSON number"),
    "a number too large": (b'{"x": 1e999}', "too large a number"),
    "five thousand digits": (b'{"x": ' + b"9" * 5000 + b"}", "not usable JSON"),
    "duplicate keys": (b'{"id": 1, "id": 2}', "the key 'id' stands twice"),
    "nested too deep": (b"[" * 50 + b"]" * 50, f"deeper than {MAX_DEPTH} levels"),
    "nested absurdly deep": (b'{"a":' * 150_000, "deeper than"),
    "gzip cut short": (gzip.compress(b"{}" * 500)[:-12], "end too early"),
    "gzip damaged": (b"\x1f\x8b\x08\x00" + b"x" * 60, "gzip data are damaged"),
    "a gzip bomb": (BOMB, "unpacks to more than the 1000000 bytes"),
    "a bomb in a second gzip member": (gzip.compress(b"{}") + BOMB, "unpacks to more than"),
    "too large": (b" " * 1_000_001 + b"{}", "more than the 1000000 read"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_bytes_are_refused_with_a_reason(case: str) -> None:
    data, reason = HOSTILE[case]

    with pytest.raises(PayloadError, match=reason):
        decode(data, "file.json", max_bytes=1_000_000)


@pytest.mark.parametrize("data", [b'"' + b'\\"' * 2_000_000, b'"' * 3_000_001, b'{"a":"' + b"\\" * 3_000_001])
def test_no_text_makes_decoding_slow(data: bytes) -> None:
    started = time.process_time()

    with pytest.raises(PayloadError):
        decode(data, "file.json")

    assert time.process_time() - started < 5


def test_brackets_in_strings_are_no_nesting() -> None:
    assert decode(json.dumps({"x": "[" * 500 + '"\\"{' * 100}).encode(), "f")


def test_a_byte_order_mark_and_several_gzip_members_are_read() -> None:
    assert decode(gzip.compress(b"\xef\xbb\xbf[1,") + gzip.compress(b"2]"), "f") == [1, 2]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["items", "tracks", "track", "item", "id", "type", "href", "total", "offset", "owner"]),
        inner, max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(json_values)
def test_any_json_is_either_read_or_refused(value: Any) -> None:
    try:
        payloads = read(value, f"{ID}.json")
    except PayloadError:
        return
    for payload in payloads:
        assert payload.total >= len(payload.entries) == sum(len(page.items) for page in payload.pages)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_either_read_or_refused(data: bytes) -> None:
    said = "file.json"
    try:
        decode(data, "file.json")
    except PayloadError as refused:
        said = str(refused)

    assert "file.json" in said


entries_of_any_kind = st.lists(
    st.none() | st.builds(entry, st.integers(0, 999), st.sampled_from(["track", "item"])), max_size=130
)


@settings(max_examples=60, deadline=None)
@given(entries_of_any_kind, st.sampled_from(["tracks", "items"]), st.booleans())
def test_no_entry_is_ever_lost_or_moved(items: list[Any], collection: str, paged: bool) -> None:
    [payload] = read(playlist(**{collection: paging(items) if paged else items}))

    assert payload.entries == dict(enumerate(items))
    assert all(len(page.items) <= 50 for page in payload.pages) or (paged and len(items) <= 50)
