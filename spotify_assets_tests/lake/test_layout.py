"""Every key both ways: what is built can be parsed, and nothing else can."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.lake import layout
from spotify_assets.lake.layout import DataKey, RawKey

DAYS = st.dates(min_value=dt.date(2000, 1, 1), max_value=dt.date(2999, 12, 31))
TIMES = st.builds(dt.datetime.combine, DAYS, st.times(), st.just(dt.UTC))
IDS = st.from_regex(r"[A-Za-z0-9]{1,40}", fullmatch=True)
RUNS = st.from_regex(r"[A-Za-z0-9-]{1,40}", fullmatch=True)
TABLES = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
FILES = st.from_regex(r"[A-Za-z0-9._-]{1,30}\.parquet", fullmatch=True)


@given(DAYS, IDS, TIMES, RUNS)
def test_a_raw_key_is_parsed_back(day: dt.date, playlist: str, time: dt.datetime, run: str) -> None:
    key = RawKey(day, playlist, time, run)
    assert layout.parse_raw_key(str(key)) == key
    assert str(key).startswith(layout.raw_playlist_prefix(day, playlist))


@given(DAYS, IDS, st.lists(TIMES, min_size=2, max_size=5), RUNS)
def test_raw_keys_sort_as_texts_by_the_time_they_were_taken(
    day: dt.date, playlist: str, times: list[dt.datetime], run: str
) -> None:
    keys = [RawKey(day, playlist, time, run) for time in times]
    assert [str(key) for key in sorted(keys)] == sorted(str(key) for key in keys)


@given(TABLES, RUNS, DAYS, FILES)
def test_a_data_key_is_parsed_back(table: str, run: str, day: dt.date, file: str) -> None:
    key = DataKey(table, run, day, file)
    assert layout.parse_data_key(str(key)) == key


@given(DAYS, RUNS)
def test_commit_and_quarantine_keys_are_parsed_back(day: dt.date, run: str) -> None:
    assert layout.parse_commit_key(layout.commit_key(day)) == day
    assert layout.parse_quarantine_key(layout.quarantine_key(day, run)) == (day, run)


@given(DAYS, DAYS)
def test_commit_keys_sort_by_date(one: dt.date, other: dt.date) -> None:
    assert (one < other) == (layout.commit_key(one) < layout.commit_key(other))


@given(st.text(max_size=80))
def test_no_other_text_is_a_key(text: str) -> None:
    for key in (text, f"raw/{text}", f"raw/snapshot_date=2026-01-01/{text}", f"tables/{text}"):
        raw, data = layout.parse_raw_key(key), layout.parse_data_key(key)
        assert raw is None or str(raw) == key
        assert data is None or str(data) == key


@pytest.mark.parametrize("bad", ["", "..", "a/b", "a b", "ü", "a\n", "x.y"])
def test_a_value_that_would_change_the_shape_of_a_key_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        layout.raw_playlist_prefix(dt.date(2026, 1, 1), bad)
    with pytest.raises(ValueError, match="valid"):
        layout.table_run_prefix("songs", bad, dt.date(2026, 1, 1))


@pytest.mark.parametrize(
    "key",
    [
        "raw/snapshot_date=2026-02-30/playlist_id=a/20260101T000000.000000Z_r.jsonl.gz",
        "raw/snapshot_date=2026-01-01/playlist_id=a/20261301T000000.000000Z_r.jsonl.gz",
        "raw/snapshot_date=2026-01-01/playlist_id=a/x_r.jsonl.gz",
        "tables/_commits/day=2026-99-01.json",
    ],
)
def test_impossible_dates_and_times_are_no_keys(key: str) -> None:
    assert layout.parse_raw_key(key) is None
    assert layout.parse_commit_key(key) is None
