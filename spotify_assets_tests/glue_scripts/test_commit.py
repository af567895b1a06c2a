"""The commit record and the report of a date, as they are stored and sent."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from glue_scripts.commit import (
    BuiltDay,
    Commit,
    DataFile,
    Source,
    TableFiles,
    attempt_name,
    content_digest,
    content_of,
)

SOURCES = (Source("raw/a", "1"), Source("raw/b", "2"))
SONGS = TableFiles((DataFile("tables/songs/1.parquet", 3, 70), DataFile("tables/songs/2.parquet", 1, 60)))
BUILT = BuiltDay(
    day=dt.date(2026, 3, 1),
    run_id="r1",
    entries=5,
    quarantined=1,
    quarantine_key="quarantine/q",
    tables={"songs": SONGS, "albums": TableFiles(())},
    unread_leaves=2,
    content="0f",
)
AT_NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
COMMIT = BUILT.commit(engine="glue", code="c0de", sources=SOURCES, committed_at=AT_NOON)

STORED = """{
 "code": "c0de",
 "committed_at": "2026-03-01T10:00:00Z",
 "content": "0f",
 "day": "2026-03-01",
 "engine": "glue",
 "entries": 5,
 "quarantine_key": "quarantine/q",
 "quarantined": 1,
 "run_id": "r1",
 "sources": [
  {
   "etag": "1",
   "key": "raw/a"
  },
  {
   "etag": "2",
   "key": "raw/b"
  }
 ],
 "tables": {
  "albums": {
   "files": []
  },
  "songs": {
   "files": [
    {
     "key": "tables/songs/1.parquet",
     "rows": 3,
     "size": 70
    },
    {
     "key": "tables/songs/2.parquet",
     "rows": 1,
     "size": 60
    }
   ]
  }
 },
 "unread_leaves": 2,
 "version": 1
}"""


def test_a_commit_is_stored_as_records_always_were() -> None:
    assert COMMIT.to_json().decode() == STORED
    assert Commit.from_json(STORED.encode()) == COMMIT


def test_a_record_from_before_leaves_contents_and_code_were_recorded_is_read() -> None:
    record = json.loads(STORED)
    for later in ("unread_leaves", "content", "code"):
        del record[later]

    commit = Commit.from_json(json.dumps(record).encode())

    assert (commit.unread_leaves, commit.content, commit.code) == (0, "", "")


def test_a_commit_answers_for_each_table_and_for_one_that_it_does_not_know() -> None:
    assert COMMIT.rows("songs") == 4
    assert COMMIT.file_keys("songs") == ("tables/songs/1.parquet", "tables/songs/2.parquet")
    assert (COMMIT.rows("albums"), COMMIT.files("albums")) == (0, ())
    assert (COMMIT.rows("later"), COMMIT.files("later")) == (0, ())


NO_RECORDS = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b'"\xff"',
    "a list": b"[]",
    "a number": b"7",
    "no version": b"{}",
    "a source that is none": json.dumps({**json.loads(STORED), "sources": [{"other": 1}]}).encode(),
    "tables that are none": json.dumps({**json.loads(STORED), "tables": []}).encode(),
}


@pytest.mark.parametrize("data", NO_RECORDS.values(), ids=NO_RECORDS)
def test_what_is_no_commit_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a commit record: "):
        Commit.from_json(data)


def test_a_record_of_another_version_is_named_with_both() -> None:
    with pytest.raises(ValueError, match="format version 2, this code reads 1"):
        Commit.from_json(STORED.replace('"version": 1', '"version": 2').encode())


def test_a_report_of_a_date_is_read_as_it_was_sent() -> None:
    sent = json.loads(json.dumps(BUILT.to_record()))

    assert sent["day"] == "2026-03-01"
    assert BuiltDay.from_record(sent) == BUILT
    del sent["unread_leaves"], sent["content"]
    assert (BuiltDay.from_record(sent).unread_leaves, BuiltDay.from_record(sent).content) == (0, "")


@pytest.mark.parametrize(
    "change", [{"tables": []}, {"tables": {"songs": 7}}, {"more": 1}], ids=["no tables", "no files", "too much"]
)
def test_what_is_no_report_is_said_to_be_none(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a report of a date: "):
        BuiltDay.from_record({**BUILT.to_record(), **change})
    with pytest.raises(ValueError, match="not a report of a date: KeyError"):
        BuiltDay.from_record({})


def test_a_source_is_of_its_folders_day_and_playlist() -> None:
    source = Source("raw/snapshot_date=2026-03-01/playlist_id=P/20260301T060000Z_r1.jsonl.gz", "e")

    assert (source.day, source.playlist_id) == (dt.date(2026, 3, 1), "P")
    with pytest.raises(ValueError, match="raw/x is not a raw object's key: it has no folder snapshot_date="):
        _ = Source("raw/x", "e").day


def test_a_contents_digest_is_a_sum_of_256_bits_so_that_order_does_not_matter() -> None:
    assert content_digest([2**256 - 1, 2]) == "0" * 63 + "1"
    assert content_digest([2**255, 7]) == "8" + "0" * 62 + "7"
    assert content_digest([]) == "0" * 64


def test_the_same_bytes_under_another_key_are_another_content() -> None:
    assert len({content_of("a", b"x"), content_of("b", b"x"), content_of("a", b"y")}) == 3


def test_each_attempt_has_a_name_of_its_own_that_begins_with_its_runs() -> None:
    names = {attempt_name("r1") for _ in range(20)}

    assert len(names) == 20
    assert all(re.fullmatch("r1-[0-9a-f]{8}", name) for name in names)
