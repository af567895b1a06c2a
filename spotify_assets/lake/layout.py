"""Where everything stands in the lake: every key and prefix, as pure functions in both directions.

No I/O and no Dagster here. Keys are relative to the lake's root, use `/`, and contain only characters that are
safe in S3 keys, URLs and file names. Nothing else in the project spells a lake path.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from glue_scripts.spans import iso_date

RAW_PREFIX = "raw/"
TABLES_PREFIX = "tables/"
COMMITS_PREFIX = "tables/_commits/"
QUARANTINE_PREFIX = "quarantine/"
LANDING_INBOX_PREFIX = "landing/to_be_processed/"
LANDING_PROCESSED_PREFIX = "landing/processed/"
LANDING_REJECTED_PREFIX = "landing/rejected/"
STATE_PREFIX = "state/"
REPORTS_PREFIX = "reports/"
PIPES_PREFIX = "dagster-pipes/"
"""What a Dagster run and the Glue run it started tell each other; gone after a week."""
STAGING_PREFIX = "staging/"
"""What a Spark run has read, for as long as it runs."""
GLUE_PREFIX = "glue/"
"""Versions of the Glue script."""

_ID = r"[A-Za-z0-9]+"
_DAY = r"\d{4}-\d{2}-\d{2}"
_RUN = r"[A-Za-z0-9-]+"
_STAMP = "%Y%m%dT%H%M%S.%fZ"

_RAW_KEY = re.compile(
    rf"raw/snapshot_date=(?P<day>{_DAY})/playlist_id=(?P<playlist_id>{_ID})/"
    rf"(?P<stamp>\d{{8}}T\d{{6}}\.\d{{6}}Z)_(?P<run_id>{_RUN})\.jsonl\.gz"
)
_COMMIT_KEY = re.compile(rf"tables/_commits/day=(?P<day>{_DAY})\.json")
_DATA_KEY = re.compile(
    rf"tables/(?P<table>[a-z_]+)/run=(?P<run_id>{_RUN})/day=(?P<day>{_DAY})/(?P<file>[^/]+\.parquet)"
)
_QUARANTINE_KEY = re.compile(rf"quarantine/day=(?P<day>{_DAY})/run=(?P<run_id>{_RUN})\.jsonl")


class RawKey(NamedTuple):
    """The parts of a raw object's key. Sorting keys of one date and playlist sorts by extraction time, UTC."""

    day: dt.date
    playlist_id: str
    extracted_at: dt.datetime
    run_id: str

    def __str__(self) -> str:
        return (
            f"{raw_day_prefix(self.day)}playlist_id={_checked(_ID, self.playlist_id, 'playlist id')}/"
            f"{self.extracted_at.astimezone(dt.UTC).strftime(_STAMP)}_{_checked(_RUN, self.run_id, 'run id')}.jsonl.gz"
        )


@dataclass(frozen=True)
class DataKey:
    """The parts of a Parquet file's key."""

    table: str
    run_id: str
    day: dt.date
    file: str

    def __str__(self) -> str:
        return f"{table_run_prefix(self.table, self.run_id, self.day)}{self.file}"


def raw_day_prefix(day: dt.date) -> str:
    """Prefix of every raw object of a snapshot date."""
    return f"raw/snapshot_date={day.isoformat()}/"


def raw_playlist_prefix(day: dt.date, playlist_id: str) -> str:
    """Prefix of every raw object of a snapshot date and playlist."""
    return f"{raw_day_prefix(day)}playlist_id={_checked(_ID, playlist_id, 'playlist id')}/"


def parse_raw_key(key: str) -> RawKey | None:
    """The parts of a raw object's key, or None when `key` is no raw object's (a foreign or misplaced file)."""
    match = _RAW_KEY.fullmatch(key)
    if match is None:
        return None
    day = iso_date(match["day"])
    try:
        extracted_at = dt.datetime.fromisoformat(match["stamp"])
    except ValueError:
        return None
    return RawKey(day, match["playlist_id"], extracted_at, match["run_id"]) if day else None


def table_run_prefix(table: str, run_id: str, day: dt.date) -> str:
    """Prefix of the Parquet files of a table, run and date."""
    return f"{table_run_folder(table, run_id)}day={day.isoformat()}/"


def table_run_folder(table: str, run_id: str) -> str:
    """Prefix of the Parquet files of a table and run, all dates."""
    return f"tables/{_checked('[a-z_]+', table, 'table')}/run={_checked(_RUN, run_id, 'run id')}/"


def staging_prefix(run_id: str) -> str:
    """What the prefixes begin with under which a Spark run puts down what it has read; it adds a name and `/`."""
    return f"{STAGING_PREFIX}run={_checked(_RUN, run_id, 'run id')}_"


def pipes_prefix(name: str) -> str:
    """Prefix of what belongs to one Spark run: its manifest, context and messages."""
    return f"{PIPES_PREFIX}{_checked('[A-Za-z0-9-]+', name, 'run name')}/"


def manifest_key(name: str) -> str:
    """Key of the manifest of a Spark run."""
    return f"{pipes_prefix(name)}manifest.json"


def glue_script_prefix(version: str) -> str:
    """Prefix of one version of the Glue script; `version` is its content hash."""
    return f"{GLUE_PREFIX}{_checked('[a-z0-9]+', version, 'script version')}/"


def parse_data_key(key: str) -> DataKey | None:
    """The parts of a Parquet file's key, or None when `key` is no such file's."""
    match = _DATA_KEY.fullmatch(key)
    day = iso_date(match["day"]) if match else None
    return DataKey(match["table"], match["run_id"], day, match["file"]) if match and day else None


def commit_key(day: dt.date) -> str:
    """Key of the commit record of a snapshot date."""
    return f"{COMMITS_PREFIX}day={day.isoformat()}.json"


def parse_commit_key(key: str) -> dt.date | None:
    """The date of a commit record's key, or None when `key` is no commit record's."""
    match = _COMMIT_KEY.fullmatch(key)
    return iso_date(match["day"]) if match else None


def quarantine_key(day: dt.date, run_id: str) -> str:
    """Key of the entries of a date that a run could not read as entries."""
    return f"{QUARANTINE_PREFIX}day={day.isoformat()}/run={_checked(_RUN, run_id, 'run id')}.jsonl"


def parse_quarantine_key(key: str) -> tuple[dt.date, str] | None:
    """(date, run id) of a quarantine key, or None when `key` is none."""
    match = _QUARANTINE_KEY.fullmatch(key)
    day = iso_date(match["day"]) if match else None
    return (day, match["run_id"]) if match and day else None


def answer_key(day: dt.date, playlist_id: str, run_id: str) -> str:
    """Key of the start of an answer of Spotify's that a run could not use, for diagnosis."""
    return (
        f"{QUARANTINE_PREFIX}answers/day={day.isoformat()}/playlist_id={_checked(_ID, playlist_id, 'playlist id')}/"
        f"run={_checked(_RUN, run_id, 'run id')}.json"
    )


def state_key(name: str) -> str:
    """Key of a small piece of state that must outlive a run, such as the call budget."""
    return f"{STATE_PREFIX}{_checked('[a-z_]+', name, 'state name')}.json"


def contents_key(day: dt.date) -> str:
    """Key of what is known of the contents of a date's raw objects, where their etags are not the commit's."""
    return f"{STATE_PREFIX}contents/day={day.isoformat()}.json"


def report_key(name: str) -> str:
    """Key of an HTML report."""
    return f"{REPORTS_PREFIX}{_checked('[a-z_]+', name, 'report name')}.html"


def report_part_key(week: str) -> str:
    """Key of what the dashboard has read already of a week, which its first date (`YYYY-MM-DD`) stands for."""
    return f"{REPORTS_PREFIX}parts/{_checked(_DAY, week, 'week')}.json.gz"


def report_pack_key(stretch: str) -> str:
    """Key of a month (`YYYY-MM`) or a week (`YYYY-MM-DD`) as the dashboard shows it."""
    return f"{REPORTS_PREFIX}parts/{_checked(r'[0-9]{4}(-[0-9]{2}){1,2}', stretch, 'month or week')}.pack"


def report_script_key(digest: str) -> str:
    """Key of a script of the dashboard, gzipped."""
    return f"{REPORTS_PREFIX}parts/{_checked('[0-9a-f]+', digest, 'digest')}.js.gz"


@lru_cache(maxsize=1_024)
def _checked(pattern: str, value: str, what: str) -> str:
    """`value`, once it is known that it cannot change the shape of a key. Raises ValueError otherwise."""
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{value!r} is not a valid {what} for a lake key: it must match {pattern}")
    return value
