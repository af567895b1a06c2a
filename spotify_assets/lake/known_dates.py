"""Dates that were up to date when they were looked at, and what tells that they still are.

To look at a date is to read its commit, list its raw objects and ask the size of each file that the commit names: over
years of dates more work than a day's own. What was learned of a date is therefore kept in the lake with the state of
the folders the date stands in, as git keeps that of folders in its index. Whoever adds, removes or replaces a file
changes its folder. Whoever writes over a file in place does not: so the latest dates are always looked at, and every
date again after a week. A store without folders (S3) tells nothing, and all its dates are looked at.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore

KEY = layout.state_key("known_dates")

KNOWN_FOR = dt.timedelta(days=7)
"""How long after it was looked at a date is not looked at again."""

SETTLES_IN = dt.timedelta(seconds=5)
"""What has changed so shortly before a look may change again within one tick of a file system's clock (FAT: 2 s)."""

_FORMAT = 1


class KnownDate(NamedTuple):
    """A date that was up to date: when it was looked at (ISO, UTC), the state of its folders then, and its commit's run
    and code."""

    looked_at: str
    state: str
    run_id: str
    code: str


def read(store: ObjectStore) -> dict[dt.date, KnownDate]:
    """What is kept; nothing where that can't be read, for it only saves looking."""
    data = store.get_or_none(KEY) if store.is_local else None
    try:
        content = json.loads(data or b"{}")
        if content.get("format") != _FORMAT:
            return {}
        return {dt.date.fromisoformat(day): KnownDate(*known) for day, known in content["dates"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def write(store: ObjectStore, known: Mapping[dt.date, KnownDate]) -> None:
    """Keep this, and nothing else."""
    dates = {day.isoformat(): known[day] for day in sorted(known)}
    store.put(KEY, json.dumps({"format": _FORMAT, "dates": dates}, separators=(",", ":")).encode())


def unchanged(
    store: ObjectStore, known: Mapping[dt.date, KnownDate], days: Iterable[dt.date], now: dt.datetime
) -> dict[dt.date, KnownDate]:
    """Those of `days` that were looked at within `KNOWN_FOR` and stand in folders that are as they were then."""
    since, until = _text(now - KNOWN_FOR), _text(now)
    return {
        day: one
        for day in days
        if (one := known.get(day))
        and since < one.looked_at <= until
        and one.state == _state(store, day, one.run_id, now)
    }


def candidates(store: ObjectStore, commits: Mapping[dt.date, Commit], now: dt.datetime) -> dict[dt.date, KnownDate]:
    """What to keep of these dates should they prove up to date. To be asked before that is looked at, and `now` is when
    the commits had not been read yet: what has changed since is left out."""
    return {
        day: KnownDate(_text(now), state, commit.run_id, commit.code)
        for day, commit in commits.items()
        if (state := _state(store, day, commit.run_id, now))
    }


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _state(store: ObjectStore, day: dt.date, run_id: str, now: dt.datetime) -> str | None:
    folders = (layout.table_run_prefix(table, run_id, day) for table in LAKE_TABLES)
    return store.folder_state(layout.raw_day_prefix(day), [layout.commit_key(day), *folders], now - SETTLES_IN)
